"""Writes what the package has beside its sources, from a checkout of the repository.

The messages (`doorbuster/v1`) are made of the proto files by protoc, and the blocking client
(`doorbuster/_sync`) of the asyncio one, so that neither can fall behind. A source distribution
has both already.
"""

import pathlib
import shutil
from importlib import resources
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Names that differ between the two clients.
TWINS = {
    "AsyncDoorbuster": "Doorbuster",
    "AsyncCaller": "Caller",
    "AsyncClient": "Client",
    "AsyncOrderFollower": "OrderFollower",
    "AsyncSlots": "Slots",
    "AsyncStop": "Stop",
    "_async": "_sync",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "asyncio": "time",
}


class Generate(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = pathlib.Path(self.root)
        protos = root.parent.parent / "crates" / "wire" / "proto"
        if not protos.is_dir():
            return
        source = root / "src"
        messages(protos, source)
        blocking(source / "doorbuster")


def messages(protos: pathlib.Path, source: pathlib.Path) -> None:
    """The modules of protoc, and one that has all of their messages."""
    from grpc_tools import protoc

    package = source / "doorbuster" / "v1"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir()
    names = sorted(path.name for path in (protos / "doorbuster" / "v1").glob("*.proto"))
    command = [
        "protoc",
        f"-I{protos}",
        f"-I{resources.files('grpc_tools') / '_proto'}",
        f"--python_out={source}",
        f"--pyi_out={source}",
        *(f"doorbuster/v1/{name}" for name in names),
    ]
    if protoc.main(command) != 0:
        raise RuntimeError(f"{protos} does not compile")
    lines = ['"""All messages of the package doorbuster.v1."""\n', "# ruff: noqa: F403"]
    lines += [f"from .{name.removesuffix('.proto')}_pb2 import *" for name in names]
    (package / "__init__.py").write_text("\n".join(lines) + "\n")


def blocking(package: pathlib.Path) -> None:
    """The client without asyncio."""
    import unasync

    made = package / "_sync"
    shutil.rmtree(made, ignore_errors=True)
    rule = unasync.Rule(f"{package / '_async'}/", f"{made}/", additional_replacements=TWINS)
    files = sorted(str(path) for path in (package / "_async").glob("*.py"))
    unasync.unasync_files(files, [rule])
