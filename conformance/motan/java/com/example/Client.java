package com.example;

import com.weibo.api.motan.config.ProtocolConfig;
import com.weibo.api.motan.config.RefererConfig;
import com.weibo.api.motan.config.RegistryConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Calls the server at an address, or the one that "zookeeper://HOST:PORT" has, in a serialization, which are its arguments, and prints a line for each call. */
public final class Client {
    public static void main(String[] args) throws InterruptedException {
        RegistryConfig registry = new RegistryConfig();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> { // other threads would keep it running
            e.printStackTrace();
            System.exit(1);
        });
        boolean direct = !args[0].startsWith("zookeeper://");
        registry.setRegProtocol(direct ? "local" : "zookeeper");
        if (!direct) {
            registry.setAddress(args[0].substring("zookeeper://".length()));
            registry.setConnectTimeout(60_000);
        }
        ProtocolConfig protocol = new ProtocolConfig();
        protocol.setId("motan2");
        protocol.setName("motan2");
        protocol.setSerialization(args[1]);
        protocol.setRequestTimeout(20000);
        RefererConfig<Shop> config = new RefererConfig<>();
        config.setInterface(Shop.class);
        config.setGroup("demo");
        config.setVersion("1.0");
        config.setRegistry(registry);
        config.setProtocol(protocol);
        if (direct) {
            config.setDirectUrl(args[0]);
        }
        config.setRequestTimeout(20000);
        Shop shop = config.getRef();
        for (int i = 0; i < 600; i++) { // it connects by and by
            try {
                shop.greet("Ann");
                break;
            } catch (RuntimeException e) {
                if (!String.valueOf(e.getMessage()).contains("No available referers")) {
                    break;
                }
                Thread.sleep(100);
            }
        }
        print("greet", () -> shop.greet("Ann"));
        print("names", () -> shop.echoNames(new HashMap<>(Map.of("k", "值"))));
        print("bytes", () -> shop.echoBytes(new byte[] {0, -1}).length);
        print("long", () -> shop.greet("长 long ".repeat(50000)).length());
        print("exception", () -> shop.greet(""));
        print("error", () -> {
            shop.fail("x");
            return "";
        });
        if (args[1].equals("hessian2")) {
            print("store", () -> {
                Book book = new Book();
                book.title = "爱玛";
                book.page_count = 7;
                book.tags = new ArrayList<>(List.of("a", "长"));
                book.notes = new HashMap<>(Map.of("k", "值"));
                book.cover = new byte[] {0, -1};
                return shop.store(book);
            });
        }
        print("void", () -> {
            shop.nothing();
            return "done";
        });
        System.exit(0);
    }

    interface Call {
        Object call();
    }

    static void print(String name, Call call) {
        String text;
        try {
            text = String.valueOf(call.call());
        } catch (Throwable e) {
            text = "! " + e.getClass().getSimpleName() + ": " + e.getMessage();
        }
        System.out.println(name + ": " + text.replace("\n", " "));
    }
}
