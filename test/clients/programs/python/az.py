"""The Azure CLI as a script uses it: it logs in, each time anew, and asks. Only commands and JSON, no imports."""
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from urllib.parse import urlsplit

from answer import answer

# Before, one option took every kind of ID.
HAS_OPTION_PER_KIND = tuple(map(int, version("azure-cli").split(".")[:2])) >= (2, 69)
OPTIONS = {"client_id": "--client-id", "object_id": "--object-id", "resource_id": "--resource-id"}


def create(kind, resource, name, value):
    directory = tempfile.mkdtemp(prefix="az-", dir=os.environ["HOME"])
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": directory,
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }

    def az(*arguments):
        command = [sys.executable, "-m", "azure.cli", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise type(f"exit {done.returncode}", (Exception,), {})(done.stderr)
        return json.loads(done.stdout or "null")

    identity = []
    if name in OPTIONS:
        identity = [OPTIONS[name] if HAS_OPTION_PER_KIND else "--username", value]
    # Not every identity has a role in the subscription.
    [account] = az("login", "--identity", *identity, "--allow-no-subscriptions")
    expected = value if identity else "MSI"
    assert account["user"]["assignedIdentityInfo"].endswith(expected), account

    def get_token():
        token = az("account", "get-access-token", "--resource", resource)
        assert token["tokenType"] == "Bearer" and token["tenant"] == account["tenantId"], token
        return token["accessToken"]

    def read_secret():
        vault = urlsplit(resource).hostname.split(".")[0]
        secret = az("keyvault", "secret", "show", "--vault-name", vault, "--name", value)
        assert secret["name"] == value and secret["attributes"]["enabled"] is True, secret
        return secret["value"]

    def read_blob():
        store = urlsplit(resource).hostname.split(".")[0]
        container, blob = value.split("/")
        file = os.path.join(directory, "blob")
        where = ["--account-name", store, "--container-name", container, "--name", blob]
        az("storage", "blob", "download", "--auth-mode", "login", *where, "--file", file)
        with open(file, encoding="utf-8") as text:
            return text.read()

    def read_subscription():
        return next(one["name"] for one in az("account", "list") if one["id"] == value)

    return {"secret": read_secret, "blob": read_blob, "subscription": read_subscription}.get(name, get_token)


answer(create)
