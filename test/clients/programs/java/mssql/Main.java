import java.sql.DriverManager;
import java.util.Properties;
import javax.net.ssl.SSLContext;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        SSLContext tls = ThrowawayTls.create();
        Answer.answer(arguments, (kind, resource, name, value) -> {
            Properties properties = new Properties();
            properties.setProperty("authentication", "ActiveDirectoryMSI");
            properties.setProperty("encrypt", "true");
            properties.setProperty("trustServerCertificate", "true");
            properties.setProperty("loginTimeout", "60");
            properties.setProperty("connectRetryCount", "0");
            if (name.equals("client_id")) properties.setProperty("msiClientId", value);
            return () -> {
                try (SqlLogin server = new SqlLogin(tls, resource)) {
                    String url = "jdbc:sqlserver://127.0.0.1:" + server.port();
                    try {
                        DriverManager.getConnection(url, properties).close();
                    } catch (java.sql.SQLException error) {
                        // The server ends the login as soon as it has seen a token.
                        if (server.token() == null) throw error;
                    }
                    return server.token();
                }
            };
        });
    }
}
