import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * As much of a SQL server as a driver needs before it asks for a token, and shows it: the prelogin, TLS, and
 * the answer to the login that says where tokens come from ([MS-TDS] 2.2.6.5, 2.2.7.12, 2.2.6.3).
 */
final class SqlLogin implements AutoCloseable {
    private static final int ANSWER = 0x04;
    private static final int LOGIN = 0x10;
    private static final int PRELOGIN = 0x12;
    private static final int FEDERATED_TOKEN = 0x08;

    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    private final SSLContext tls;
    private final String resource;
    private volatile String token;

    SqlLogin(SSLContext tls, String resource) throws IOException {
        this.tls = tls;
        this.resource = resource;
        Thread thread = new Thread(this::accept);
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return listener.getLocalPort();
    }

    /** What the driver has shown; null before that. */
    String token() {
        return token;
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try (Socket socket = listener.accept()) {
                serve(socket);
            } catch (IOException error) {
                // The driver, which has gone, says why.
            }
        }
    }

    private void serve(Socket socket) throws IOException {
        readMessage(new DataInputStream(socket.getInputStream()), PRELOGIN);
        send(new DataOutputStream(socket.getOutputStream()), prelogin());
        FramedSocket framed = new FramedSocket(socket);
        SSLSocket secured = (SSLSocket) tls.getSocketFactory().createSocket(framed, "driver", 0, true);
        secured.setUseClientMode(false);
        // Not 1.3, where more of the handshake follows when nothing is wrapped any more.
        secured.setEnabledProtocols(new String[] {"TLSv1.2"});
        secured.startHandshake();
        framed.endHandshake();
        DataInputStream in = new DataInputStream(secured.getInputStream());
        readMessage(in, LOGIN);
        DataOutputStream out = new DataOutputStream(secured.getOutputStream());
        send(out, federation());
        ByteBuffer shown = ByteBuffer.wrap(readMessage(in, FEDERATED_TOKEN)).order(ByteOrder.LITTLE_ENDIAN);
        token = new String(shown.array(), 8, shown.getInt(4), StandardCharsets.UTF_16LE);
        send(out, refusal());
    }

    private static byte[] readMessage(DataInputStream in, int type) throws IOException {
        byte[] header = new byte[8];
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        do {
            in.readFully(header);
            if (header[0] != type) throw new IOException("a message of type " + header[0]);
            byte[] packet = new byte[(ByteBuffer.wrap(header).getShort(2) & 0xffff) - header.length];
            in.readFully(packet);
            message.write(packet);
        } while ((header[1] & 1) == 0);
        return message.toByteArray();
    }

    private static void send(DataOutputStream out, byte[] body) throws IOException {
        out.write(new byte[] {ANSWER, 1});
        out.writeShort(body.length + 8);
        out.write(new byte[] {0, 0, 1, 0});
        out.write(body);
        out.flush();
    }

    /** Version 16, everything encrypted, federated authentication. */
    private static byte[] prelogin() {
        return new byte[] {
            0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 6, 0, 23, 0, 1, (byte) 0xff, 16, 0, 0, 0, 0, 0, 1, 1
        };
    }

    /** FEDAUTHINFO: whose tokens, and for which resource. */
    private byte[] federation() {
        byte[] authority = "https://login.microsoftonline.com/common".getBytes(StandardCharsets.UTF_16LE);
        byte[] audience = resource.getBytes(StandardCharsets.UTF_16LE);
        int fixed = 4 + 2 * 9;
        int length = fixed + authority.length + audience.length;
        ByteBuffer body = ByteBuffer.allocate(5 + length).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0xee).putInt(length).putInt(2);
        body.put((byte) 1).putInt(authority.length).putInt(fixed);
        body.put((byte) 2).putInt(audience.length).putInt(fixed + authority.length);
        return body.put(authority).put(audience).array();
    }

    /** ERROR 18456, login failed, after which drivers do not try again; and DONE ([MS-TDS] 2.2.7.10, 2.2.7.6). */
    private static byte[] refusal() {
        byte[] text = "seen".getBytes(StandardCharsets.UTF_16LE);
        int length = 4 + 2 + 2 + text.length + 2 + 4;
        ByteBuffer body = ByteBuffer.allocate(3 + length + 13).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0xaa).putShort((short) length).putInt(18456).put((byte) 1).put((byte) 14);
        body.putShort((short) (text.length / 2)).put(text).putShort((short) 0).putInt(1);
        body.put((byte) 0xfd).putShort((short) 2);
        return body.array();
    }
}
