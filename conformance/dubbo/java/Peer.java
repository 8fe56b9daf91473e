import com.acme.shop.Color;
import com.acme.shop.Everything;
import com.acme.shop.NotFound;
import com.acme.shop.Point;
import com.acme.shop.Shop;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.service.EchoService;
import org.apache.dubbo.rpc.service.GenericException;
import org.apache.dubbo.rpc.service.GenericService;

/**
 * Dubbo for Java against thriftkit, with what "thriftkit gen java-interface" wrote for shop.thrift.
 *
 * <p>"server PORT" serves Shop, "server PORT tri" by Triple. "triple HOST:PORT" makes calls by Triple. "registry HOST:PORT" makes a call of what ZooKeeper there has. "client HOST:PORT" makes calls, writes a line for each, and exits with 1 if one went wrong.
 */
public class Peer {
    public static void main(String[] args) throws Exception {
        ApplicationConfig app = new ApplicationConfig("peer");
        app.setQosEnable(false);
        app.setLogger("slf4j");
        DubboBootstrap.getInstance().application(app);
        if (args[0].equals("server")) {
            serve(Integer.parseInt(args[1]), args.length > 2 ? args[2] : "dubbo");
        } else if (args[0].equals("triple")) {
            System.exit(new Peer().triple(args[1]) ? 0 : 1);
        } else if (args[0].equals("registry")) {
            System.exit(new Peer().find(args[1]) ? 0 : 1);
        } else {
            System.exit(new Peer().call(args[1]) ? 0 : 1);
        }
    }

    static void serve(int port, String name) throws Exception {
        ServiceConfig<Shop> service = new ServiceConfig<>();
        service.setInterface(Shop.class);
        service.setRef(new Implementation());
        service.setRegistry(new RegistryConfig("N/A"));
        ProtocolConfig protocol = new ProtocolConfig(name, port);
        protocol.setHost("127.0.0.1");
        service.setProtocol(protocol);
        service.export();
        System.out.println("ready");
        new CountDownLatch(1).await();
    }

    static class Implementation implements Shop {
        public String ping() {
            return "pong";
        }

        public Everything echo(Everything v) throws NotFound {
            if (v.getName() != null && v.getName().equals("missing")) {
                NotFound e = new NotFound();
                e.setKey("missing");
                e.setCode(7);
                throw e;
            }
            if (v.getName() != null && v.getName().equals("undeclared")) {
                throw new IllegalStateException("no good");
            }
            return v;
        }

        public long add(int a, int b) {
            return (long) a + b;
        }

        public List<String> names(int count) {
            return java.util.Collections.nCopies(count, "n");
        }

        public Map<String, Point> where(String who) {
            Point p = new Point();
            p.setX(1);
            p.setY(2);
            Map<String, Point> m = new HashMap<>();
            m.put(who, p);
            m.put("again", p); // a reference
            return m;
        }

        public Color favourite(Color color) {
            return color;
        }

        public Set<Integer> unique(List<Integer> all) {
            return new HashSet<>(all);
        }

        public void nothing() {}

        public void log(String line) {}

        public Map<String, String> metadata(Map<String, String> reply) {
            Map<String, String> m = new HashMap<>();
            RpcContext.getServerAttachment().getObjectAttachments().forEach((k, v) -> m.put(k, String.valueOf(v)));
            reply.forEach((k, v) -> RpcContext.getServerContext().setAttachment(k, v));
            return m;
        }

        public int wait(int ms) {
            try {
                Thread.sleep(ms);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return ms;
        }

        public String business(int code) {
            throw new RuntimeException("business " + code);
        }
    }

    boolean good = true;

    void check(String name, String want, Callable<Object> call) {
        String got;
        try {
            got = String.valueOf(call.call());
        } catch (Throwable e) {
            got = e.getClass().getName() + ": " + e.getMessage();
        }
        boolean ok = got.equals(want) || want.endsWith("…") && got.startsWith(want.substring(0, want.length() - 1));
        good = good && ok;
        System.out.println((ok ? "ok " : "FAILED ") + name + (ok ? "" : ": got " + got + ", want " + want));
    }

    static <T> ReferenceConfig<T> reference(String addr) {
        ReferenceConfig<T> ref = new ReferenceConfig<>();
        ref.setUrl(addr.contains("://") ? addr : "dubbo://" + addr);
        ref.setRetries(0);
        ref.setTimeout(10_000);
        ref.setCheck(false);
        return ref;
    }

    static Everything everything() {
        Everything v = new Everything();
        v.setFlag(true);
        v.setTiny((byte) -8);
        v.setSmall((short) -300);
        v.setNumber(1 << 30);
        v.setBig(-1L << 60);
        v.setRatio(0.1);
        v.setName("名字😀" + "x".repeat(70_000));
        v.setData(new byte[70_000]);
        v.setId(UUID.fromString("123e4567-e89b-12d3-a456-426614174000"));
        v.setColor(Color.GREEN);
        Point p = new Point();
        p.setX(1);
        p.setY(-2);
        v.setPoint(p);
        v.setLongs(Arrays.asList(1L, 1L << 40));
        v.setWords(new HashSet<>(Arrays.asList("a", "b")));
        v.setPlaces(Map.of("here", p));
        v.setPath(Arrays.asList(p, p));
        v.setAnswer(7);
        v.setLists(Map.of(1, List.of("x")));
        return v;
    }

    static String show(Point p) {
        return p == null ? "null" : p.getX() + "," + p.getY();
    }

    static String show(Everything v) {
        StringBuilder path = new StringBuilder();
        for (Point p : v.getPath()) {
            path.append(show(p)).append(";");
        }
        return v.isFlag() + " " + v.getTiny() + " " + v.getSmall() + " " + v.getNumber() + " " + v.getBig() + " " + v.getRatio() + " " + v.getName().hashCode() + " "
            + v.getData().length + " " + v.getId() + " " + v.getColor() + " " + show(v.getPoint()) + " " + v.getLongs() + " " + v.getWords() + " "
            + show(v.getPlaces().get("here")) + " " + path + " " + v.getAnswer() + " " + v.getLists() + " " + v.getNote();
    }

    static Everything named(String name) {
        Everything v = new Everything();
        v.setName(name);
        return v;
    }

    boolean triple(String addr) {
        ReferenceConfig<Shop> ref = reference("tri://" + addr);
        ref.setInterface(Shop.class);
        Shop shop = ref.get();
        check("ping", "pong", shop::ping);
        check("add", "5", () -> shop.add(2, 3));
        check("echo", show(everything()), () -> show(shop.echo(everything())));
        check("names", "[n, n]", () -> shop.names(2));
        check("where", "1,2", () -> show(shop.where("é").get("é")));
        check("favourite", "GREEN", () -> shop.favourite(Color.GREEN));
        check("unique", "[1, 2]", () -> shop.unique(Arrays.asList(1, 2, 1)));
        check("nothing", "null", () -> {
            shop.nothing();
            return null;
        });
        check("a declared exception", "missing 7", () -> {
            try {
                return shop.echo(named("missing"));
            } catch (NotFound e) {
                return e.getKey() + " " + e.getCode();
            }
        });
        check("an undeclared error", "java.lang.RuntimeException: internal error", () -> shop.echo(named("undeclared")));
        check("attachments", "1", () -> {
            RpcContext.getClientAttachment().setAttachment("trace", "1");
            return shop.metadata(Map.of()).get("trace");
        });
        ReferenceConfig<Shop> brief = reference("tri://" + addr);
        brief.setInterface(Shop.class);
        brief.setTimeout(200);
        check("a timeout", "org.apache.dubbo.rpc.RpcException: …", () -> brief.get().wait(5_000));
        return good;
    }

    boolean find(String zookeeper) {
        ReferenceConfig<Shop> ref = new ReferenceConfig<>();
        ref.setRegistry(new RegistryConfig("zookeeper://" + zookeeper));
        ref.setInterface(Shop.class);
        ref.setTimeout(10_000);
        check("found", "5", () -> ref.get().add(2, 3));
        return good;
    }

    boolean call(String addr) throws Exception {
        ReferenceConfig<Shop> ref = reference(addr);
        ref.setInterface(Shop.class);
        Shop shop = ref.get();
        check("ping", "pong", shop::ping);
        check("add", "5", () -> shop.add(2, 3));
        check("echo", show(everything()), () -> show(shop.echo(everything())));
        check("echo of nulls", "null null 42", () -> {
            Everything v = shop.echo(new Everything());
            return v.getPoint() + " " + v.getNote() + " " + v.getAnswer();
        });
        check("names", "[n, n]", () -> shop.names(2));
        check("where", "1,2", () -> show(shop.where("é").get("é")));
        check("favourite", "GREEN", () -> shop.favourite(Color.GREEN));
        check("unique", "[1, 2]", () -> shop.unique(Arrays.asList(1, 2, 1)));
        check("nothing", "null", () -> {
            shop.nothing();
            return null;
        });
        check("log", "null", () -> {
            shop.log("a line");
            return null;
        });
        check("a declared exception", "missing 7", () -> {
            try {
                return shop.echo(named("missing"));
            } catch (NotFound e) {
                return e.getKey() + " " + e.getCode();
            }
        });
        check("an undeclared error", "java.lang.RuntimeException: internal error", () -> shop.echo(named("undeclared")));
        check("a business error", "java.lang.RuntimeException: business error 42: 没有钱", () -> shop.business(42));
        check("attachments", "1 me", () -> {
            RpcContext.getClientAttachment().setAttachment("trace", "1");
            String trace = shop.metadata(Map.of("served-by", "me")).get("trace");
            return trace + " " + RpcContext.getServerContext().getAttachment("served-by");
        });
        check("$echo", "hello", () -> ((EchoService) shop).$echo("hello"));

        ReferenceConfig<Shop> brief = reference(addr);
        brief.setInterface(Shop.class);
        brief.setTimeout(200);
        check("a timeout", "org.apache.dubbo.rpc.RpcException: …", () -> brief.get().wait(5_000));

        ReferenceConfig<Shop> json = reference(addr + "?serialization=fastjson2");
        json.setInterface(Shop.class);
        check("fastjson2 is refused", "the serialization fastjson2 (23) is not supported", () -> {
            try {
                return json.get().ping();
            } catch (RpcException e) {
                int at = e.getMessage().indexOf("the serialization");
                return at < 0 ? e.getMessage() : e.getMessage().substring(at, e.getMessage().indexOf(':', at));
            }
        });

        ReferenceConfig<GenericService> generic = reference(addr);
        generic.setInterface("com.acme.shop.Shop");
        generic.setGeneric("true");
        GenericService any = generic.get();
        check("$invoke", "5", () -> any.$invoke("add", new String[] {"int", "int"}, new Object[] {2, 3}));
        check("$invoke with maps", "x GREEN com.acme.shop.Everything 1", () -> {
            Map<String, Object> v = new HashMap<>();
            v.put("name", "x");
            v.put("color", "GREEN");
            v.put("point", Map.of("x", 1, "y", 2));
            Map<?, ?> got = (Map<?, ?>) any.$invoke("echo", new String[] {"com.acme.shop.Everything"}, new Object[] {v});
            return got.get("name") + " " + got.get("color") + " " + got.get("class") + " " + ((Map<?, ?>) got.get("point")).get("x");
        });
        check("$invoke of an exception", "com.acme.shop.NotFound", () -> {
            try {
                return any.$invoke("echo", new String[] {"com.acme.shop.Everything"}, new Object[] {Map.of("name", "missing")});
            } catch (GenericException e) {
                return e.getExceptionClass();
            }
        });
        check("an unknown method", "org.apache.dubbo.rpc.RpcException: …", () -> any.$invoke("nope", new String[] {}, new Object[] {}));
        return good;
    }
}
