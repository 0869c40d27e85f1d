"""rclone as a script uses it: it lists a container."""
import os
import subprocess
import sys
from pathlib import Path

from answer import answer
from service import Service, next_name, storage_account

PROGRAM = Path(sys.executable).parent / "rclone"
OPTIONS = {"client_id": "--azureblob-msi-client-id", "resource_id": "--azureblob-msi-mi-res-id"}

account = Service(storage_account, port=443)


def create(kind, _address, name, value):
    # DefaultAzureCredential, or a managed identity alone.
    options = ["--azureblob-env-auth" if kind == "default" else "--azureblob-use-msi"]
    if name in OPTIONS:
        options += [OPTIONS[name], value]

    def list_container():
        container = next_name()
        done = subprocess.run(
            [PROGRAM, "lsf", f":azureblob:{container}", "--azureblob-account", "shop", "--config", "", *options],
            env=dict(os.environ),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise type(f"exit {done.returncode}", (Exception,), {})(done.stdout + done.stderr)
        return account.token_of(container)

    return list_container


answer(create)
