"""Starts the runtime that lay-runtime.py has laid out, and makes its libraries importable."""
from pathlib import Path

import pythonnet
from clr_loader import get_coreclr

DIRECTORY = Path(__file__).parent / "dotnet"


def start():
    pythonnet.set_runtime(get_coreclr(runtime_config=DIRECTORY / "runtimeconfig.json", dotnet_root=DIRECTORY))
    pythonnet.load()


def load(*libraries):
    import clr  # pylint: disable=import-outside-toplevel

    for library in libraries:
        clr.AddReference(library)
