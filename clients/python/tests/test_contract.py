"""The package against the contract of the repository: messages, methods, writes."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import pkgutil
import re

import pytest
from google.protobuf import descriptor_pb2

from doorbuster import AsyncDoorbuster, Doorbuster, _wire, v1
from doorbuster._async.caller import AsyncCaller

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
WIRE = REPOSITORY / "crates" / "wire" / "src" / "generated" / "doorbuster.v1.bin"


def plain(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """A file without its comments and without names that only some compilers write out."""
    file.ClearField("source_code_info")
    for message in file.message_type:
        for part in (message, *message.nested_type):
            for field in part.field:
                field.ClearField("json_name")
    return file


def test_messages_are_those_of_the_server() -> None:
    served = descriptor_pb2.FileDescriptorSet.FromString(WIRE.read_bytes())
    expected = {file.name: plain(file) for file in served.file if file.package == "doorbuster.v1"}
    assert len(expected) > 15
    got = {}
    for module in pkgutil.iter_modules(v1.__path__):
        file = descriptor_pb2.FileDescriptorProto()
        importlib.import_module(f"doorbuster.v1.{module.name}").DESCRIPTOR.CopyToProto(file)
        got[file.name] = plain(file)
    assert got.keys() == expected.keys()
    for name, file in expected.items():
        assert got[name] == file, f"{name} of the package is not that of the server"


METHODS = {
    name: method
    for name, method in inspect.getmembers(Doorbuster, inspect.isfunction)
    if not name.startswith("_") and not hasattr(AsyncCaller, name) and name != "close"
}


def rpc_of(name: str) -> _wire.Rpc:
    camel = "".join(word.capitalize() for word in name.split("_"))
    (rpc,) = [rpc for rpc in _wire.RPCS.values() if rpc.name.endswith(f"/{camel}")]
    return rpc


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_every_field_of_their_request(name: str) -> None:
    rpc = rpc_of(name)
    parameters = inspect.signature(METHODS[name]).parameters
    own = {"self", "timeout", "progress", "idle_timeout", "give_up_after"}
    assert set(parameters) - own == set(rpc.input.DESCRIPTOR.fields_by_name)
    required = {
        parameter.name
        for parameter in parameters.values()
        if parameter.default is parameter.empty and parameter.name != "self"
    }
    demanded = demanded_fields(rpc) - {"request_id", "operator"}
    # A buyer who says no number buys one.
    optional = {"units"} if name in {"place_order", "quote_price"} else set()
    assert demanded - optional <= required


def demanded_fields(rpc: _wire.Rpc) -> set[str]:
    """The fields whose comment in the proto files begins with "Required."."""
    text = "".join(
        path.read_text()
        for path in sorted((REPOSITORY / "crates/wire/proto/doorbuster/v1").glob("*.proto"))
    )
    name = rpc.input.DESCRIPTOR.name
    (body,) = re.findall(rf"^message {name} {{$(.*?)^}}$", text, re.MULTILINE | re.DOTALL)
    found = re.findall(r"// Required\.[^;]*?^  [\w.]+ (\w+) = \d+;", body, re.MULTILINE)
    return set(found)


def test_both_clients_have_the_same_methods() -> None:
    assert len(METHODS) >= 30
    for name, method in METHODS.items():
        twin = inspect.signature(getattr(AsyncDoorbuster, name))
        mine = inspect.signature(method)
        assert mine.parameters == twin.parameters, name
        assert mine.return_annotation == twin.return_annotation.removeprefix("Async"), name


def test_writes_are_those_that_the_table_of_rpcs_lists() -> None:
    table = (REPOSITORY / "docs" / "rpcs.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    listed = {row[1].strip("`"): row[4] == "yes" for row in rows if "Service/" in "".join(row[1:2])}
    streams = {"PurchaseService/PlaceOrders", "TrafficService/RecordTraffic"}
    # Acts on the webhook of one node, which are not in the log.
    of_a_node = {name for name in listed if name.startswith("WebhookService/")}
    assert listed.keys() == _wire.RPCS.keys()
    assert {name for name, rpc in _wire.RPCS.items() if rpc.writes} == {
        name for name, writes in listed.items() if writes
    } - streams - of_a_node
    assert {name for name, rpc in _wire.RPCS.items() if rpc.reads_stream} == streams
