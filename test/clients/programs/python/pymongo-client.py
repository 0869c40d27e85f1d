"""MongoDB's driver with MONGODB-OIDC and ENVIRONMENT:azure, against as much of a server as it needs to log in."""
import os
import socketserver
import struct
import threading

import bson
import pymongo

from answer import answer
from service import next_name, server_tls

OP_MSG, OP_QUERY, OP_REPLY = 2013, 2004, 1
HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "helloOk": True,
    "minWireVersion": 8,
    "maxWireVersion": 25,
    "maxBsonObjectSize": 16 * 1024 * 1024,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "logicalSessionTimeoutMinutes": 30,
    "readOnly": False,
    "ok": 1.0,
}

# Tokens by the database that they were shown for.
shown = {}


def log_in(connection, command):
    connection["token"] = bson.decode(command["payload"])["jwt"]
    return {"conversationId": 1, "done": True, "payload": b"", "ok": 1.0}


class Handler(socketserver.StreamRequestHandler):
    """Takes any token, and keeps it when the driver pings a database."""

    def handle(self):
        connection = {}
        while header := self.rfile.read(16):
            length, request, _, operation = struct.unpack("<iiii", header)
            body = self.rfile.read(length - 16)
            if operation == OP_QUERY:
                # The first hello of a connection: flags, the name of a collection, two numbers, the command.
                command = bson.decode(body[body.index(b"\0", 4) + 9 :])
                reply = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(self.answer(connection, command))
                head = struct.pack("<iiii", 16 + len(reply), 0, request, OP_REPLY)
            else:
                reply = struct.pack("<ib", 0, 0) + bson.encode(self.answer(connection, bson.decode(body[5:])))
                head = struct.pack("<iiii", 16 + len(reply), 0, request, OP_MSG)
            self.wfile.write(head + reply)
            self.wfile.flush()

    def answer(self, connection, command):
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            start = command.get("speculativeAuthenticate")
            return {**HELLO, "speculativeAuthenticate": log_in(connection, start)} if start else HELLO
        if name == "saslStart":
            return log_in(connection, command)
        if name == "ping":
            shown[command["$db"]] = connection.get("token")
        return {"ok": 1.0}


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(("127.0.0.1", 0), Handler)
server.socket = server_tls().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()


def create(_kind, resource, name, value):
    user = f"{value}@" if name == "client_id" else ""
    client = pymongo.MongoClient(
        f"mongodb://{user}localhost:{server.server_address[1]}/?directConnection=true",
        authMechanism="MONGODB-OIDC",
        authMechanismProperties={"ENVIRONMENT": "azure", "TOKEN_RESOURCE": resource},
        tls=True,
        tlsCAFile=os.environ["SSL_CERT_FILE"],
        serverSelectionTimeoutMS=60_000,
    )

    def ping():
        database = next_name()
        client[database].command("ping")
        return shown[database]

    return ping


answer(create)
