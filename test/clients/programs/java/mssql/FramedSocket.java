import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A connection whose TLS handshake is wrapped in prelogin packets, after which it goes plain ([MS-TDS] 3.2.5.2). */
final class FramedSocket extends Socket {
    private final Socket socket;
    private final DataInputStream in;
    private volatile boolean framed = true;
    private ByteArrayInputStream packet = new ByteArrayInputStream(new byte[0]);

    FramedSocket(Socket socket) throws IOException {
        this.socket = socket;
        this.in = new DataInputStream(socket.getInputStream());
    }

    void endHandshake() {
        framed = false;
    }

    @Override
    public boolean isConnected() {
        return true;
    }

    @Override
    public InputStream getInputStream() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                if (packet.available() == 0 && !framed) return in.read(bytes, offset, length);
                if (packet.available() == 0) packet = new ByteArrayInputStream(readPacket());
                return packet.read(bytes, offset, length);
            }
        };
    }

    private byte[] readPacket() throws IOException {
        byte[] header = new byte[8];
        in.readFully(header);
        byte[] body = new byte[(ByteBuffer.wrap(header).getShort(2) & 0xffff) - header.length];
        in.readFully(body);
        return body;
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
        OutputStream out = socket.getOutputStream();
        return new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                ByteBuffer framedBytes = ByteBuffer.allocate(8 + length);
                if (framed) framedBytes.put((byte) 0x12).put((byte) 1).putShort((short) (8 + length)).putInt(0x00000100);
                framedBytes.put(bytes, offset, length);
                out.write(framedBytes.array(), 0, framedBytes.position());
                out.flush();
            }
        };
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
