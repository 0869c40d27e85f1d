"""sops with a key of Azure Key Vault: it encrypts a file, for which the vault encrypts the file's key."""
import json
import os
import subprocess
import sys
from pathlib import Path

from answer import answer
from service import Service, next_name

PROGRAM = Path(sys.executable).parent / "sops"


def encrypt(_method, target, body):
    key = json.loads(body)["value"]
    kid = f"https://shop.vault.azure.net{target.split('?')[0].removesuffix('/encrypt')}"
    return 200, {"Content-Type": "application/json"}, json.dumps({"kid": kid, "value": key}).encode()


challenge = 'Bearer authorization="https://login.microsoftonline.com/common", resource="https://vault.azure.net"'
vault = Service(encrypt, port=443, challenge=(401, {"WWW-Authenticate": challenge}, b""))


def create(_kind, _resource, name, value):
    environment = {**os.environ, **({"AZURE_CLIENT_ID": value} if name == "client_id" else {})}

    def encrypt_file():
        key = next_name()
        done = subprocess.run(
            [PROGRAM, "encrypt", "--azure-kv", f"https://shop.vault.azure.net/keys/{key}/1", "--input-type", "yaml"]
            + ["--output-type", "json", "/dev/stdin"],
            env=environment,
            input="greeting: hello\n",
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise type(f"exit {done.returncode}", (Exception,), {})(done.stderr)
        assert json.loads(done.stdout)["greeting"].startswith("ENC["), done.stdout
        return vault.token_of(key)

    return encrypt_file


answer(create)
