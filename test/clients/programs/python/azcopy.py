"""azcopy as a script uses it: it lists a container, or copies a blob."""
import itertools
import os
import subprocess
from pathlib import Path

from answer import answer
from service import Service, next_name, storage_account

PROGRAM = Path(__file__).parent / "node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"
OPTIONS = {
    "client_id": "AZCOPY_MSI_CLIENT_ID",
    "object_id": "AZCOPY_MSI_OBJECT_ID",
    "resource_id": "AZCOPY_MSI_RESOURCE_STRING",
}

# npm leaves it without the permission, which the package's own starter gives it.
PROGRAM.chmod(0o755)
account = Service(storage_account, port=443)
directories = itertools.count(1)


def create(_kind, address, name, value):
    # Each run writes its plans and logs.
    directory = f"{os.environ['HOME']}/azcopy-{next(directories)}"
    environment = {
        **os.environ,
        "AZCOPY_AUTO_LOGIN_TYPE": "MSI",
        "AZCOPY_LOG_LOCATION": directory,
        "AZCOPY_JOB_PLAN_LOCATION": directory,
        **({OPTIONS[name]: value} if name in OPTIONS else {}),
    }

    def azcopy(*arguments):
        done = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise type(f"exit {done.returncode}", (Exception,), {})(done.stdout + done.stderr)

    def read_blob():
        file = Path(directory) / "blob"
        azcopy("copy", f"{address}/{value}", str(file), "--check-length=false")
        return file.read_text(encoding="utf-8")

    def list_container():
        container = next_name()
        azcopy("list", f"https://shop.blob.core.windows.net/{container}")
        return account.token_of(container)

    return read_blob if name == "blob" else list_container


answer(create)
