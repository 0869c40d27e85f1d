"""Azure's MCP server, a native program of .NET, by its command line: it reads a secret from a vault, or lists subscriptions."""
import json
import os
import subprocess
from pathlib import Path

from answer import answer
from service import Service, next_name

PACKAGE = Path(__file__).parent / "node_modules/@azure/mcp-linux-x64"
PROGRAM = PACKAGE / "dist/azmcp"
VAULT = "https://shop.vault.azure.net"
# Before version 3 it wants to know one, and does not use it to find a vault.
IS_FROM_3 = int(json.loads((PACKAGE / "package.json").read_text())["version"].split(".")[0]) >= 3
SUBSCRIPTION = [] if IS_FROM_3 else ["--subscription", "11111111-1111-4111-8111-111111111111"]


def secret(_method, target, _body):
    name = target.split("?")[0].split("/")[2]
    found = {"value": "any", "id": f"{VAULT}/secrets/{name}/1", "attributes": {"enabled": True}}
    return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


challenge = 'Bearer authorization="https://login.microsoftonline.com/common", resource="https://vault.azure.net"'
vault = Service(secret, port=443, challenge=(401, {"WWW-Authenticate": challenge}, b""))


def create(_kind, _address, name, value):
    environment = {
        **os.environ,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "AZURE_MCP_COLLECT_TELEMETRY": "false",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        **({"AZURE_CLIENT_ID": value} if name == "client_id" else {}),
    }

    def azmcp(*arguments):
        done = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True)
        # Its log comes first.
        _, found, outcome = f"\n{done.stdout}".partition("\n{\n")
        if done.returncode != 0 or not found:
            raise type(f"exit {done.returncode}", (Exception,), {})(done.stdout + done.stderr)
        return json.loads(f"{{{outcome}")["results"]

    def read_secret(secret_name):
        results = azmcp("keyvault", "secret", "get", "--vault", "shop", "--secret", secret_name, *SUBSCRIPTION)
        # Of version 1, the results are the secret.
        return results.get("secret", results)["value"]

    def get_token():
        asker = next_name()
        read_secret(asker)
        return vault.token_of(asker)

    def read_subscription():
        found = azmcp("subscription", "list")["subscriptions"]
        return next(one["displayName"] for one in found if one["subscriptionId"] == value)

    match name:
        case "secret":
            return lambda: read_secret(value)
        case "subscription":
            return read_subscription
        case _:
            return get_token


answer(create)
