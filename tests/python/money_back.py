"""Works off all money that is due back in a log: every payment that is owed is on the list, settling all of them
empties it, and the sums equal those of the log.

    tests/python/run.sh money_back.py BINARY DATA

DATA is the data directory of a demonstration, best of one that breaks (`demo --chaos`): its slow payment
provider makes hundreds of payments late. The log is counted here from its events, by its own arithmetic.
"""

import json
import pathlib
import subprocess
import sys
import uuid

from http_json import Shop
from report import Cases, equal
from server import Server

DUE = ("RefundDue", "OrderRefunded")


class Log:
    """What the log says is due, and what of it was settled: amounts by due_id."""

    def __init__(self, binary, data):
        command = [binary, "log", "read", "--json", "--quiet", "--data", str(data)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        self.due, self.settled, self.causes = {}, {}, {}
        for event in map(json.loads, lines):
            kind, body = event["kind"], event["data"]
            if kind in DUE:
                assert event["id"] not in self.due, f"{event['event_id']} is due twice"
                self.due[event["id"]] = body["amount_minor"]
                cause = body["cause"].upper() if kind == "RefundDue" else "REFUNDED"
                self.causes[event["id"]] = cause
            elif kind == "RefundSettled":
                assert body["due_id"] not in self.settled, f"{body['due_id']} is settled twice"
                self.settled[body["due_id"]] = body["amount_minor"]

    def open(self):
        return {due: minor for due, minor in self.due.items() if due not in self.settled}


class Desk:
    """Asks the server."""

    def __init__(self, shop, sale_id):
        self.shop, self.sale_id = shop, sale_id

    def call(self, method, message):
        status, said = self.shop.call(method, message)
        assert status == 200, said
        return said

    def listed(self):
        """Every open due, page by page."""
        found, token = [], ""
        while True:
            request = {"saleId": self.sale_id, "pageSize": 100, "pageToken": token,
                       "minPosition": str(2**64 - 1)}
            page = self.call("ReportService/ListRefundsDue", request)
            found += page.get("refunds", [])
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def sums(self):
        """Number and amount of what was due, is settled and is open."""
        request = {"saleId": self.sale_id, "minPosition": str(2**64 - 1)}
        report = self.call("ReportService/GetRefundReport", request)
        (total,) = report["totals"]
        return total, report["causes"]

    def settle(self, due, nth):
        request = {
            "requestId": str(uuid.uuid4()), "itemId": due["itemId"], "dueId": due["dueId"],
            "reference": f"transfer-{nth:06}", "operator": "python", "reason": "daily run",
        }
        return self.call("OrderService/SettleRefund", request)


def number(sums, name):
    of = sums.get(name, {})
    return int(of.get("dues", 0)), int(of.get("amount", {}).get("amountMinor", 0))


def counted(amounts):
    return len(amounts), sum(amounts.values())


def check(cases, binary, data, server):
    sale_id = next(json.loads(line)["sale_id"] for line in subprocess.run(
        [binary, "report", "sql", "--json", "--quiet", "--data", str(data),
         "SELECT sale_id FROM catalog.sales"],
        check=True, capture_output=True, text=True).stdout.splitlines())
    desk, log = Desk(Shop(server.http), sale_id), Log(binary, data)
    listed = desk.listed()
    with cases.case("every payment that is owed is listed once, the oldest first"):
        assert log.open(), "nothing is owed: this log shows nothing"
        found = {due["dueId"]: int(due["amount"]["amountMinor"]) for due in listed}
        equal(found, log.open())
        equal(len(listed), len(found))
        # A whole second is written without a fraction, which sorts behind all others of it as text.
        times = [due["dueTime"] if "." in due["dueTime"] else due["dueTime"][:-1] + ".000Z" for due in listed]
        equal(times, sorted(times))
    total, causes = desk.sums()
    with cases.case("the sums of the report are those of the log"):
        equal(number(total, "due"), counted(log.due))
        equal(number(total, "settled"), counted(log.settled))
        equal(number(total, "open"), counted(log.open()))
        for sums in causes:
            cause = sums["cause"].removeprefix("REFUND_CAUSE_")
            of_cause = {due: minor for due, minor in log.due.items() if log.causes[due] == cause}
            equal((cause, number(sums, "due")), (cause, counted(of_cause)))
        equal(sum(number(sums, "due")[0] for sums in causes), len(log.due))
    was_open = log.open()
    with cases.case("settling all of them empties the list"):
        for nth, due in enumerate(listed):
            desk.settle(due, nth)
        equal(desk.listed(), [])
    with cases.case("afterwards all that was due is settled, in the report and in the log"):
        total, _ = desk.sums()
        after = Log(binary, data)
        equal(after.due, log.due)
        equal(after.settled, after.due)
        equal(number(total, "settled"), counted(after.due))
        equal(number(total, "open"), (0, 0))
    (dues, minor), settled = counted(was_open), counted(log.settled)[0]
    print(f"due: {len(log.due)}, settled before: {settled}, settled here: {dues} ({minor} minor units)")
    if not cases.failed:
        print("open now: 0")


def main():
    binary, data = sys.argv[1:]
    cases = Cases()
    server = Server(binary, pathlib.Path(data))
    try:
        server.start()
        check(cases, binary, data, server)
        with cases.case("the log verifies"):
            equal(server.stop(), 0)
            code, said = server.verify()
            equal((code, json.loads(said)["ok"]), (0, True))
    finally:
        server.end()
    return cases.finish()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
