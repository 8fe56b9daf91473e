package com.example;

import java.io.Serializable;
import java.util.List;
import java.util.Map;

/** The struct Book of testdata/peer.thrift, without what this program does not know of. */
public class Book implements Serializable {
    public String title;
    public Integer page_count;
    public List<String> tags;
    public Map<String, String> notes;
    public byte[] cover;

    @Override
    public String toString() { return title + " " + page_count + " " + tags + " " + notes + " " + cover.length; }
}
