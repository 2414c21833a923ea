"""The Connect protocol without its transport: RPCs, headers, answers and failures."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import os
import pathlib
import pkgutil
import re
import socket
import struct
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import DecodeError, Message

from doorbuster import v1
from doorbuster.errors import (
    FAMILIES,
    DeadlineExceeded,
    DoorbusterError,
    InvalidRequest,
    LogChanged,
    Refused,
    ServerFault,
    Unavailable,
)

M = TypeVar("M", bound=Message)

#: `min_position` of a read that is to include all that was written so far, on all nodes.
HEAD = 2**64 - 1

#: How much longer the client waits than it tells the server, in seconds: the server's own word on
#: its deadline says more than a closed connection.
GRACE = 0.25
PREFIX = struct.Struct(">BI")
COMPRESSED, END = 1, 2
PACKAGE = "doorbuster.v1."


@dataclass(frozen=True)
class Rpc:
    """A method of the API."""

    name: str
    input: type[Message]
    output: type[Message]
    streams: bool
    #: Whether it takes a request id of the client. GetOutcome asks for the id of another request.
    writes: bool
    reads_stream: bool

    @property
    def path(self) -> str:
        return f"/{PACKAGE}{self.name}"


def _rpc(service: str, method: MethodDescriptor) -> Rpc:
    fields, answered = method.input_type.fields_by_name, method.output_type.fields_by_name
    return Rpc(
        name=f"{service}/{method.name}",
        input=message_factory.GetMessageClass(method.input_type),
        output=message_factory.GetMessageClass(method.output_type),
        streams=method.server_streaming,
        writes="request_id" in fields and "position" in answered,
        reads_stream=method.client_streaming,
    )


def _rpcs() -> Iterator[Rpc]:
    for module in pkgutil.iter_modules(v1.__path__):
        file = importlib.import_module(f"{v1.__name__}.{module.name}").DESCRIPTOR
        for name, service in file.services_by_name.items():
            for method in service.methods:
                yield _rpc(name, method)


#: All methods by their short name, for example "PurchaseService/PlaceOrder".
RPCS = {rpc.name: rpc for rpc in _rpcs()}
BY_INPUT = {rpc.input: rpc for rpc in RPCS.values()}


def invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, reason="INVALID_ARGUMENT", field=field, code="invalid_argument")


def rpc_named(method: str) -> Rpc:
    rpc = RPCS.get(method.removeprefix("/").removeprefix(PACKAGE))
    if rpc is None:
        raise invalid("method", f"method {method!r} does not exist; write it as Service/Method")
    if rpc.reads_stream:
        raise invalid("method", f"method {rpc.name} takes a stream, which is served by gRPC only")
    return rpc


def filled(kind: type[M], fields: Mapping[str, Any], within: str = "") -> M:
    """A message of these fields, without those that are None; the error names the wrong one."""
    message = kind()
    for name, value in fields.items():
        if value is None:
            continue
        place = within + name
        # Protobuf takes a time without a zone for UTC, which is hours off on most machines.
        if isinstance(value, datetime.datetime) and value.tzinfo is None:
            raise invalid(place, f"{place} must have a time zone: {value!r}")
        try:
            message.MergeFrom(kind(**{name: value}))
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise invalid(place, f"{place} cannot be {value!r}: {error}") from None
    return message


def prepared(rpc: Rpc, request: Message, operator: str) -> tuple[bytes, dict[str, str], str]:
    """The body and headers of a request, and the request id of a write."""
    if not isinstance(request, rpc.input):
        wanted, got = rpc.input.DESCRIPTOR.name, type(request).__name__
        raise invalid("request", f"request of {rpc.name} must be a {wanted}, not a {got}")
    headers = {"content-type": "application/connect+proto" if rpc.streams else "application/proto"}
    item = str(getattr(request, "item_id", ""))
    # Load balancers route by it; what a header cannot hold is not the id of an item.
    if item.isascii() and item.isprintable() and item:
        headers["x-item-id"] = item
    request_id = ""
    if rpc.writes:
        numbered: Any = rpc.input()
        numbered.CopyFrom(request)
        numbered.request_id = request_id = numbered.request_id or str(uuid.uuid4())
        if "operator" in numbered.DESCRIPTOR.fields_by_name and not numbered.operator:
            numbered.operator = operator
        request = numbered
    body = request.SerializeToString()
    return (PREFIX.pack(0, len(body)) + body if rpc.streams else body), headers, request_id


class Deadline:
    """The time that is left of a call."""

    def __init__(self, timeout: float | None) -> None:
        if timeout is not None and not timeout > 0:
            raise invalid("timeout", f"timeout must be more than 0 seconds, not {timeout!r}")
        self._end = None if timeout is None else time.monotonic() + timeout

    @property
    def left(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def seconds(self) -> float:
        """What is left of a call that has a deadline."""
        return self.left or 0.0

    def headers(self) -> dict[str, str]:
        left = self.left
        return {} if left is None else {"connect-timeout-ms": str(max(1, int(left * 1000)))}

    def waits(self) -> httpx.Timeout:
        left = self.left
        return httpx.Timeout(None if left is None else left + GRACE)


def decoded(rpc: Rpc, status: int, content_type: str, body: bytes) -> Message:
    """The message of a unary answer; raises what it says instead."""
    if status != 200:
        raise failure(status, body)
    if content_type.split(";")[0].strip() != "application/proto":
        raise _foreign(f"the answer is {content_type or 'of no type'}, not application/proto")
    answer = parsed(rpc, body)
    raise_refusal(answer)
    return answer


def parsed(rpc: Rpc, body: bytes) -> Message:
    try:
        return rpc.output.FromString(body)
    except DecodeError as error:
        raise _foreign(f"the answer is not a {rpc.output.DESCRIPTOR.name}: {error}") from None


def _foreign(what: str) -> ServerFault:
    hint = "is the URL that of the HTTP/JSON port (7423) of a doorbuster server?"
    return ServerFault(f"{what}; {hint}", reason="ANSWER_UNREADABLE", code="internal")


def raise_refusal(answer: Message) -> None:
    """Raises the business "no" of an answer. A refusal beside an answer (of a quote, of GetOutcome)
    is a fact to be read there, not an answer in place of another."""
    outcome = answer.DESCRIPTOR.oneofs_by_name.get("outcome")
    if outcome is None or answer.WhichOneof("outcome") != "refusal":
        return
    refusal: Any = getattr(answer, "refusal")  # noqa: B009
    fields = refusal.DESCRIPTOR.fields_by_name
    raise Refused(
        refusal.message,
        reason=enum_name(fields["reason"], refusal.reason),
        answer=answer,
        available_units=refusal.available_units if _has(refusal, "available_units") else None,
        quote=refusal.quote if _has(refusal, "quote") else None,
        coupon_reason=(
            enum_name(fields["coupon_reason"], refusal.coupon_reason)
            if "coupon_reason" in fields and refusal.coupon_reason
            else ""
        ),
    )


def _has(message: Message, field: str) -> bool:
    return field in message.DESCRIPTOR.fields_by_name and message.HasField(field)


def enum_name(field: FieldDescriptor, number: int) -> str:
    """The name of a value without the name of its enum; of a value that is newer than this client,
    its number."""
    kind = field.enum_type
    if kind is None or number not in kind.values_by_number:
        return str(number)
    name = str(kind.values_by_number[number].name)
    unspecified = str(kind.values_by_number[0].name)
    return name.removeprefix(unspecified.removesuffix("UNSPECIFIED"))


#: Codes for answers that do not come from the server but from a proxy in front of it.
HTTP_CODES = {
    400: "internal",
    401: "unauthenticated",
    403: "permission_denied",
    404: "unimplemented",
    429: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}


def failure(status: int, body: bytes) -> DoorbusterError:
    """The error that the body of an answer says."""
    try:
        said = json.loads(body)
        code = said["code"]
    except (ValueError, KeyError, TypeError):
        code = HTTP_CODES.get(status, "unknown")
        said = {"message": f"the answer has the HTTP status {status} and is not of doorbuster"}
        said["details"] = [{"type": "google.rpc.ErrorInfo", "debug": {"reason": f"HTTP_{status}"}}]
    return error_of(code, said)


def error_of(code: str, said: Mapping[str, Any]) -> DoorbusterError:
    details = {detail.get("type"): detail.get("debug", {}) for detail in said.get("details", [])}
    info = details.get("google.rpc.ErrorInfo", {})
    about = info.get("metadata", {})
    delay = details.get("google.rpc.RetryInfo", {}).get("retryDelay")
    reason = str(info.get("reason") or code.upper())
    # Where the server promises that nothing happened, or says what is wrong with the request, it
    # did nothing. A write without an answer may have been carried out.
    unsure = code in {"unavailable", "deadline_exceeded", "canceled", "unknown", "internal"}
    family = LogChanged if reason == "LOG_CHANGED" else FAMILIES.get(code, ServerFault)
    return family(
        str(said.get("message") or reason),
        reason=reason,
        field=str(about.get("field", "")),
        code=code,
        retry_after=None if delay is None else float(str(delay).removesuffix("s")),
        trace_id=str(about.get("trace_id", "")),
        maybe_done=unsure and reason not in {"SERVICE_CLOSED", "SERVICE_DEGRADED"},
    )


def lost(error: httpx.TransportError, url: str) -> DoorbusterError:
    """A call that got no answer."""
    why = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        said = f"no connection to {url}: {why}"
        return Unavailable(said, reason="CONNECTION_FAILED", code="unavailable")
    if isinstance(error, httpx.TimeoutException):
        said = "no answer within the timeout of the call"
        return DeadlineExceeded(
            said, reason="DEADLINE_EXCEEDED", code="deadline_exceeded", maybe_done=True
        )
    said = f"the connection to {url} was lost before the answer: {why}"
    return Unavailable(said, reason="CONNECTION_LOST", code="unavailable", maybe_done=True)


def no_slot() -> DeadlineExceeded:
    said = "all connections of the client were in use until the deadline of the call"
    return DeadlineExceeded(said, reason="DEADLINE_EXCEEDED", code="deadline_exceeded")


class Envelopes:
    """Cuts the body of a stream into messages."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc, self._bytes, self.ended = rpc, b"", False

    def feed(self, chunk: bytes) -> Iterator[Message]:
        self._bytes += chunk
        while len(self._bytes) >= PREFIX.size:
            flags, length = PREFIX.unpack_from(self._bytes)
            if len(self._bytes) < PREFIX.size + length:
                return
            body = self._bytes[PREFIX.size : PREFIX.size + length]
            self._bytes = self._bytes[PREFIX.size + length :]
            if flags & COMPRESSED:
                raise _foreign("a message of the stream is compressed")
            if flags & END:
                self.ended = True
                said = json.loads(body).get("error")
                if said is not None:
                    raise error_of(said["code"], said)
                return
            yield parsed(self._rpc, body)


def draft_of(sale: v1.SaleDraft | Mapping[str, Any]) -> v1.SaleDraft:
    """A sale as a message; a mapping is its ProtoJSON."""
    if isinstance(sale, v1.SaleDraft):
        return sale
    if not isinstance(sale, Mapping):
        raise invalid("sale", f"sale must be a SaleDraft or a mapping, not {type(sale).__name__}")
    return draft_of_json(json.dumps(dict(sale), default=_plain))


def _plain(value: object) -> str:
    """What JSON has no type for, as ProtoJSON writes it."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return f"{value / datetime.timedelta(seconds=1):.6f}s"
    raise invalid("sale", f"sale has a value that JSON cannot hold: {value!r}")


def draft_of_json(text: str) -> v1.SaleDraft:
    try:
        return json_format.Parse(text, v1.SaleDraft())
    except json_format.ParseError as error:
        said = str(error)
    # "Failed to parse items field: Failed to parse units field: …", or "… at "SaleDraft.items[0]"".
    step = r"Failed to parse (\w+) field: "
    path = re.findall(step, said) + re.findall(r'has no field named "(\w+)"', said)
    place = ".".join(["sale", *path])
    why = " ".join(re.sub(step, "", said).split()).rstrip(".")
    raise invalid(place, f"{place}: {why}")


def cut_off(url: str) -> DoorbusterError:
    said = f"the stream of {url} ended without its last message"
    return Unavailable(said, reason="CONNECTION_LOST", code="unavailable")


def ended(url: str) -> DoorbusterError:
    said = f"{url} ended the stream, as a server does that stops"
    return Unavailable(said, reason="STREAM_ENDED", code="unavailable")


def hang_up(answer: httpx.Response) -> None:
    """Ends a read of this answer that another thread is in: closing the socket does not."""
    stream = answer.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None:
        # The server may have ended the connection already.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def checked_headers(headers: Mapping[str, str], token: str | None) -> dict[str, str]:
    """The headers of every call. What no header can hold would look like a lost connection."""
    checked = {"connect-protocol-version": "1"}
    for name, value in headers.items():
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise invalid("headers", f"headers: {name} must be printable ASCII, not {value!r}")
        checked[name.lower()] = value
    if token is not None:
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and token):
            raise invalid("token", "token must be printable ASCII")
        checked["authorization"] = f"Bearer {token}"
    return checked


def checked_url(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise invalid("url", f"url {url!r} cannot be used: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise invalid("url", f"url must be like http://127.0.0.1:7423, not {url!r}")
    return url.rstrip("/")


@dataclass(frozen=True)
class FetchedExport:
    """An export as a warehouse reads it: the same lines as messages and as CSV."""

    export: v1.Export
    lines: list[v1.ExportLine]
    csv: str


def labels_of(labels: Mapping[str, str] | None) -> list[v1.OrderLabel] | None:
    if labels is None:
        return None
    if not isinstance(labels, Mapping):
        raise invalid("labels", f"labels must be a mapping of names to values, not {labels!r}")
    return [
        filled(v1.OrderLabel, {"name": name, "value": value}, "labels.")
        for name, value in labels.items()
    ]


def label_of(label: tuple[str, str] | None) -> v1.OrderLabel | None:
    if label is None:
        return None
    if not isinstance(label, tuple) or len(label) != 2:
        raise invalid("label", f"label must be a name and a value, not {label!r}")
    return filled(v1.OrderLabel, {"name": label[0], "value": label[1]}, "label.")


def read_sale(path: str | os.PathLike[str]) -> v1.SaleDraft:
    """Reads the draft of a sale from a JSON file, the ProtoJSON of SaleDraft."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid("path", f"path cannot be read: {error}") from None
    return draft_of_json(text)
