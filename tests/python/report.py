"""Counts cases and prints one line for each; converts gRPC errors into comparable values."""

import contextlib
import traceback

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


class Cases:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    @contextlib.contextmanager
    def case(self, name):
        """Runs the block as one case. A failure is printed and counted; the run goes on."""
        try:
            yield
        except Exception as error:  # Whatever goes wrong is the case's failure.
            self.failed += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        else:
            self.passed += 1
            print(f"passed  {name}", flush=True)

    def finish(self):
        """Prints the sum. True when every case passed."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return self.failed == 0


class Refused:
    """A gRPC error with its details unpacked."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.reason = self.domain = self.retry = None
        self.fields = []
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            self._unpack(detail)

    def _unpack(self, detail):
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            self.reason, self.domain = info.reason, info.domain
        elif detail.Unpack(bad):
            self.fields = [violation.field for violation in bad.field_violations]
        elif detail.Unpack(retry):
            self.retry = retry.retry_delay

    def __repr__(self):
        return f"{self.code.name} {self.reason} fields={self.fields} ({self.message})"


def refused(call, request):
    """The error that a call must return."""
    try:
        answer = call(request, timeout=10)
    except grpc.RpcError as error:
        return Refused(error)
    raise AssertionError(f"it was answered instead of refused: {answer}")


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"
