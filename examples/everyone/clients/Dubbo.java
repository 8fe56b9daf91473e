// Dubbo for Java: org.apache.dubbo:dubbo of Maven; thriftkit gen java-interface --out . foo.thrift
import com.example.PingPong;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

public class Dubbo {
    public static void main(String[] args) {
        ApplicationConfig app = new ApplicationConfig("everyone");
        app.setQosEnable(false);
        DubboBootstrap.getInstance().application(app);
        ReferenceConfig<PingPong> reference = new ReferenceConfig<>();
        reference.setInterface(PingPong.class);
        // This is 127.0.0.1, in place of which Dubbo would use another address of the machine.
        reference.setUrl("dubbo://2130706433:6000");
        System.out.println(reference.get().login("Dubbo for Java", "secret"));
        System.exit(0);
    }
}
