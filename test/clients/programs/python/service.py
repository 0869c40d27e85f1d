"""A service for libraries that show their token to a service, and hand it to nobody else.

The lab has made a certificate for its names, and the library's process trusts it. Each asker has a name, which is in
the path of all that it requests: by this the service knows whom it has seen which token of.
"""
import itertools
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_numbers = itertools.count(1)


def next_name():
    return f"asker{next(_numbers)}x"


class Service:
    """Answers requests with a bearer token as `respond(method, target, body)` says, and others with `challenge`.

    Without a challenge it answers all requests, and `respond` finds the tokens.
    """

    def __init__(self, respond, *, port=0, challenge=(401, {}, b""), is_secure=True):
        # Tokens by the path that they were shown for.
        self.shown = {}
        service = self
        if "SERVICE_CERTIFICATE" not in os.environ:
            # The lab has a service of its own for this scenario.
            return

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                scheme, _, token = self.headers.get("Authorization", "").partition(" ")
                if scheme.lower() == "bearer":
                    service.shown[self.path] = token
                elif challenge is not None:
                    return self.send(*challenge)
                return self.send(*respond(self.command, self.path, sent))

            def send(self, status, headers, body):
                self.send_response(status)
                for header in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(*header)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = handle_one

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        server = Server(("127.0.0.1", port), Handler)
        if is_secure:
            server.socket = server_tls().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_port

    def token_of(self, name):
        """The token that an asker has shown; None if it has shown none."""
        return next((token for path, token in list(self.shown.items()) if name in path), None)


def server_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["SERVICE_CERTIFICATE"])
    return context


EMPTY_CONTAINER = b'<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>'


def storage_account(method, target, _body):
    """A storage account whose containers are all empty."""
    headers = {
        "x-ms-version": "2025-11-05",
        "x-ms-request-id": "00000000-0000-4000-8000-000000000000",
        "ETag": '"0x8D0"',
        "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
    }
    if method == "GET" and "comp=list" in target:
        return 200, {**headers, "Content-Type": "application/xml"}, EMPTY_CONTAINER
    return 200, headers, b""
