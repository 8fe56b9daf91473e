package com.example;

import java.util.Map;

/** The interface as a program of Motan has it for the service Shop of testdata/peer.thrift. */
public interface Shop {
    String greet(String name);
    Map<String, String> echoNames(Map<String, String> names);
    byte[] echoBytes(byte[] b);
    Book store(Book book);
    void fail(String text);
    void nothing();
}
