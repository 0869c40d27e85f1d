"""Lays out the runtime of a self-contained application as an installed one, and prints the libraries in it.

An application of version 0 is a folder of libraries; from version 0.8 on it is a single file, which has its own list
of them inside and is started as it is.
"""
import json
import os
import re
from pathlib import Path

DIST = Path("node_modules/@azure/mcp-linux-x64/dist")
NAMES = ("Azure.Core", "Azure.Identity", "Microsoft.Identity.Client")
SERVICES = ("Azure.Security.KeyVault.Secrets", "Azure.Storage.Blobs")


def lay_runtime(root):
    [framework, *_] = json.loads((DIST / "azmcp.runtimeconfig.json").read_text())["runtimeOptions"]["includedFrameworks"]
    resolver = root / "host" / "fxr" / framework["version"]
    shared = root / "shared" / framework["name"] / framework["version"]
    for directory in (resolver, shared):
        directory.mkdir(parents=True)
    for file in DIST.iterdir():
        if file.is_file():
            os.link(file, shared / file.name)
    os.link(DIST / "libhostfxr.so", resolver / "libhostfxr.so")
    # By this the host knows which of the files make up the framework: here the application's libraries as well.
    os.link(DIST / "azmcp.deps.json", shared / f"{framework['name']}.deps.json")
    (root / "runtimeconfig.json").write_text(json.dumps({"runtimeOptions": {"framework": framework}}))


manifest = DIST / "azmcp.deps.json"
if manifest.exists():
    lay_runtime(Path("dotnet"))
carried = (manifest if manifest.exists() else DIST / "azmcp").read_bytes()
found = {name.decode(): version.decode() for name, version in re.findall(rb'"([\w.]+)/(\d+\.\d+\.\d+)": \{', carried)}
for name in (*NAMES, *SERVICES):
    if name in found:
        print(f"{name} v{found[name]}")
