import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A certificate that nobody trusts, made by the JDK's own tool. */
final class ThrowawayTls {
    private static final String PASSWORD = "throwaway";

    static SSLContext create() throws IOException, GeneralSecurityException, InterruptedException {
        Path file = Files.createTempDirectory(Path.of("."), "tls").resolve("keys.p12");
        Process keytool = new ProcessBuilder(
                "keytool", "-genkeypair", "-keystore", file.toString(), "-storepass", PASSWORD,
                "-keyalg", "EC", "-dname", "CN=localhost", "-alias", "server").start();
        if (keytool.waitFor() != 0) throw new IOException("keytool has failed");
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(file.toFile())) {
            keys.load(in, PASSWORD.toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }

    private ThrowawayTls() {}
}
