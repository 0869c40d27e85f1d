"""As much of a Kafka broker as a client needs to log in with a token over TLS, and to list topics (there is none)."""
import socketserver
import struct
import threading

from service import server_tls

METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 3, 17, 18, 36
# The oldest versions, whose layouts are the simplest.
VERSIONS = {METADATA: (0, 1), SASL_HANDSHAKE: (0, 1), API_VERSIONS: (0, 0), SASL_AUTHENTICATE: (0, 0)}
UNSUPPORTED_VERSION = 35


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Broker:
    """Listens on a port of its own, and keeps the last token that it was shown."""

    def __init__(self):
        self.token = None
        broker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while size := self.rfile.read(4):
                    request = self.rfile.read(struct.unpack(">i", size)[0])
                    api, version, correlation = struct.unpack(">hhi", request[:8])
                    answer = struct.pack(">i", correlation) + broker.answer(api, version, request)
                    self.wfile.write(struct.pack(">i", len(answer)) + answer)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        server = Server(("127.0.0.1", 0), Handler)
        server.socket = server_tls().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]

    def answer(self, api, version, request):
        match api:
            case 18:
                # A client that asks for a newer layout learns by this answer, in the oldest one, to ask again.
                code = UNSUPPORTED_VERSION if version > 0 else 0
                entries = b"".join(struct.pack(">hhh", key, *limits) for key, limits in VERSIONS.items())
                return struct.pack(">hi", code, len(VERSIONS)) + entries
            case 17:
                return struct.pack(">hi", 0, 1) + text("OAUTHBEARER")
            case 36:
                # RFC 7628: `n,,^Aauth=Bearer TOKEN^A^A`.
                self.token = request.split(b"auth=Bearer ")[1].split(b"\x01")[0].decode()
                return struct.pack(">hhi", 0, -1, 0)
            case 3:
                me = struct.pack(">ii", 1, 0) + text("localhost") + struct.pack(">i", self.port)
                return me + (struct.pack(">hii", -1, 0, 0) if version == 1 else struct.pack(">i", 0))
        raise ValueError(f"API {api}")
