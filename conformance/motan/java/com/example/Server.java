package com.example;

import com.weibo.api.motan.common.MotanConstants;
import com.weibo.api.motan.config.ProtocolConfig;
import com.weibo.api.motan.config.RegistryConfig;
import com.weibo.api.motan.config.ServiceConfig;
import com.weibo.api.motan.util.MotanSwitcherUtil;
import java.util.Map;

/** Serves Shop on a port in a serialization, which are its arguments, prints READY, and ends with its standard input. */
public final class Server implements Shop {
    public static void main(String[] args) throws Exception {
        RegistryConfig registry = new RegistryConfig();
        registry.setRegProtocol("local");
        ProtocolConfig protocol = new ProtocolConfig();
        protocol.setId("motan2");
        protocol.setName("motan2");
        protocol.setSerialization(args[1]);
        ServiceConfig<Shop> config = new ServiceConfig<>();
        config.setInterface(Shop.class);
        config.setRef(new Server());
        config.setGroup("demo");
        config.setVersion("1.0");
        config.setRegistry(registry);
        config.setProtocol(protocol);
        config.setExport("motan2:" + args[0]);
        config.export();
        MotanSwitcherUtil.setSwitcherValue(MotanConstants.REGISTRY_HEARTBEAT_SWITCHER, true);
        System.out.println("READY");
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    public String greet(String name) { return "你好, " + name; }
    public Map<String, String> echoNames(Map<String, String> names) { return names; }
    public byte[] echoBytes(byte[] b) { return b; }
    public Book store(Book book) {
        book.title += "!";
        return book;
    }
    public void fail(String text) { throw new IllegalStateException("failed: " + text); }
    public void nothing() {}
}
