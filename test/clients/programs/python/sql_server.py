"""As much of a SQL server as a driver needs before it shows its token.

That is the prelogin, TLS in packets of TDS, and the answer to the login that says for which resource the token has to
be ([MS-TDS] 2.2.6.5, 2.2.7.12, 2.2.6.3, 2.2.7.10).
"""
import socketserver
import ssl
import struct
import threading

from service import server_tls

ANSWER, TOKEN, LOGIN, PRELOGIN = 0x04, 0x08, 0x10, 0x12
# Version 16, everything encrypted, federated authentication.
PRELOGIN_ANSWER = bytes([0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 6, 0, 23, 0, 1, 0xFF, 16, 0, 0, 0, 0, 0, 1, 1])


class SqlServer:
    """Refuses every login after it has seen the token, so that drivers do not go on."""

    def __init__(self, resource):
        self.token = None
        sql_server = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                sql_server.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._resource = resource
        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]

    def serve(self, connection):
        read_message(connection.recv, PRELOGIN)
        connection.sendall(to_packet(ANSWER, PRELOGIN_ANSWER))
        secured = Tls(connection)
        read_message(secured.read, LOGIN)
        secured.write(to_packet(ANSWER, federation(self._resource)))
        shown = read_message(secured.read, TOKEN)
        [length] = struct.unpack_from("<i", shown, 4)
        self.token = shown[8 : 8 + length].decode("utf-16-le").removesuffix("\0")
        secured.write(to_packet(ANSWER, refusal()))
        # The driver ends the connection.
        secured.read(1)


class Tls:
    """TLS whose handshake is in packets of TDS, and what follows is not."""

    def __init__(self, connection):
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server_tls()
        # In 1.3 more of the handshake follows when nothing is in packets any more.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(to_handshake_packet)
                self._incoming.write(read_message(connection.recv, PRELOGIN))
        self._flush(to_handshake_packet)

    def _flush(self, wrap=lambda data: data):
        if data := self._outgoing.read():
            self._connection.sendall(wrap(data))

    def read(self, size):
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                received = self._connection.recv(16_384)
                if not received:
                    return b""
                self._incoming.write(received)

    def write(self, data):
        self._tls.write(data)
        self._flush()


def read_message(receive, expected):
    def exactly(size):
        data = b""
        while len(data) < size:
            more = receive(size - len(data))
            if not more:
                raise ConnectionError("the driver has gone")
            data += more
        return data

    message, is_last = b"", False
    while not is_last:
        kind, status, size = struct.unpack(">BBH4x", exactly(8))
        if kind != expected:
            raise ConnectionError(f"a message of type {kind}")
        message += exactly(size - 8)
        is_last = status & 1 == 1
    return message


def to_packet(kind, body):
    return struct.pack(">BBHHBB", kind, 1, len(body) + 8, 0, 1, 0) + body


def to_handshake_packet(data):
    return to_packet(PRELOGIN, data)


def federation(resource):
    """FEDAUTHINFO: whose tokens, and for which resource."""
    texts = [(1, "https://login.microsoftonline.com/common"), (2, resource)]
    offset, table, data = 4 + 9 * len(texts), b"", b""
    for kind, value in texts:
        encoded = value.encode("utf-16-le")
        table += struct.pack("<BII", kind, len(encoded), offset + len(data))
        data += encoded
    body = struct.pack("<I", len(texts)) + table + data
    return struct.pack("<BI", 0xEE, len(body)) + body


def refusal():
    """ERROR 18456, login failed, after which drivers do not try again; and DONE."""
    message = "seen".encode("utf-16-le")
    error = struct.pack("<IBBH", 18456, 1, 14, len(message) // 2) + message + struct.pack("<BBI", 0, 0, 1)
    return struct.pack("<BH", 0xAA, len(error)) + error + struct.pack("<BHHQ", 0xFD, 2, 0, 0)
