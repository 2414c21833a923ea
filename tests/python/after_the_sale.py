"""Runs the commands for after a sale on a demonstration's data: reports, replays, explanations, certificates.

    tests/python/run.sh after_the_sale.py BINARY DATA DEMO_JSON

DATA is the data directory of a simulated demo, DEMO_JSON its output with --json. Figures available from
two sources must agree. Exits with 1 on any difference.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from report import Cases, equal

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKER = ROOT / "examples/check_certificate.py"


class Doorbuster:
    """The program on one data directory."""

    def __init__(self, binary, data):
        self.binary, self.data = binary, data

    def run(self, *verb):
        command = [self.binary, *verb, "--data", self.data, "--quiet"]
        return subprocess.run(command, capture_output=True, text=True)

    def lines(self, *verb):
        done = self.run(*verb)
        assert done.returncode == 0, f"{verb}: exit {done.returncode}: {done.stderr}"
        return done.stdout.splitlines()

    def json(self, *verb):
        return json.loads("\n".join(self.lines(*verb, "--json")))

    def sql(self, question):
        return [json.loads(line) for line in self.lines("report", "sql", question, "--json")]


def sold_again(door):
    """Units of paid orders that an order held before which expired or was cancelled. An item's units are taken in
    this order: never held, back from paid orders, back unpaid."""
    again, pools = 0, {}
    for event in map(json.loads, door.lines("log", "read", "--json")):
        body, kind = event["data"], event["kind"]
        pool = pools.setdefault(event["stream"], {"new": 0, "refunded": 0, "unpaid": 0, "orders": {}})
        if kind in ("StockAllocated", "ReserveReleased"):
            pool["new"] += body["units"]
        elif kind == "OrderPlaced":
            left = body["units"]
            for of in ("new", "refunded", "unpaid"):
                taken = min(left, pool[of])
                pool[of], left = pool[of] - taken, left - taken
                if of == "unpaid":
                    pool["orders"][body["order_id"]] = taken
        elif kind in ("OrderExpired", "OrderCancelled"):
            pool["unpaid"] += body["units"]
        elif kind == "OrderPaid":
            again += pool["orders"][body["order_id"]]
        elif kind == "OrderRefunded" and body["restocked"]:
            pool["refunded"] += body["units"]
    return again


def check_figures(cases, door, demo, sale):
    with cases.case("the funnel counts what the crowd sent and got"):
        funnel = door.json("report", "funnel", "--sale", sale)
        equal(funnel["attempts"], demo["attempts"])
        equal(funnel["orders"], demo["orders_placed"])
        equal(funnel["paid_orders"], demo["orders_paid"])
        equal(funnel["uv"], door.json("report", "traffic", "--sale", sale)["visitors"])
        steps = [step["shoppers"] for step in funnel["steps"]]
        equal(steps, sorted(steps, reverse=True))

    with cases.case("every report answers from the directory, as a table, as JSON and as CSV"):
        names = ["curve", "demand", "refusals", "holds", "acts", "funnel", "traffic", "portrait"]
        questions = [(name, "--sale", sale) for name in [*names, "paths", "attribution", "stock"]]
        questions += [(name, sale) for name in ["goals", "retention", "sales"]]
        for name, *of in questions:
            assert isinstance(door.json("report", name, *of), dict), name
            table, rows = door.lines("report", name, *of), door.lines("report", name, *of, "--csv")
            assert name == "goals" or (table and rows), name

    with cases.case("refusals add up to what the crowd was told"):
        refusals = door.json("report", "refusals", "--sale", sale)
        equal(refusals["total"]["by_reason"], demo["refused"])

    with cases.case("what came back, was settled, sold again and exported is what reports and the log say"):
        (total,) = door.json("report", "refunds", "--sale", sale)["totals"]
        equal(int(total["due"]["dues"]), demo["refunds_due"])
        equal(int(total["settled"]["dues"]), demo["refunds_settled"])
        (exports,) = door.sql("SELECT count(*) AS exports, sum(orders) AS orders FROM fulfilment.exports")
        equal((exports["exports"], exports["orders"]), (2, demo["exported_orders"]))
        equal(sold_again(door), demo["orders_resold"])

    with cases.case("an earlier moment is what it was then"):
        middle = door.sql("SELECT position / 2 AS position FROM stock.checkpoint")[0]["position"]
        then = door.json("report", "sales", sale, "--as-of", str(middle))
        equal(then["freshness"]["position"], middle)
        assert then["total"]["orders_placed"] <= demo["orders_placed"]
        refused = door.run("report", "sales", sale, "--as-of", "999999999")
        assert refused.returncode == 2 and "as_of" in refused.stderr, refused.stderr

    with cases.case("tables are exported with all their rows"), tempfile.TemporaryDirectory() as out:
        for form in ("--csv", "--parquet"):
            files = door.json("report", "export", form, "--out", out)["files"]
            orders = next(f for f in files if (f["read_model"], f["table"]) == ("orders", "orders"))
            equal(orders["rows"], demo["orders_placed"])
            assert all(pathlib.Path(file["path"]).stat().st_size > 0 for file in files)


def check_replays(cases, door, demo, sale):
    with cases.case("read models equal their rebuild"):
        verdicts = door.json("replay", "--compare")
        assert all(verdict["equal"] for verdict in verdicts), verdicts

    def total(*rules):
        flags = [flag for rule in rules for flag in ("--what-if", rule)]
        played = door.json("replay", sale, *flags)
        assert played["baseline_matches"], played["baseline_differences"]
        return played["total"]["recorded"], played["total"]["played"]

    with cases.case("under other rules the sale comes out differently"):
        recorded, played = total("limit=2")
        equal(recorded["orders_paid"], demo["orders_paid"])
        assert played != recorded
    items = door.sql("SELECT count(*) AS items FROM stock.items")[0]["items"]
    with cases.case("with more units more are sold"):
        recorded, played = total("units=+200")
        equal(played["allocated_units"], recorded["allocated_units"] + 200 * items)
        assert played["units_sold"] > recorded["units_sold"]
    with cases.case("a draw sells no unit twice"):
        _, played = total("draw", "seed=7")
        assert played["units_sold"] <= played["allocated_units"]
    with cases.case("an unknown rule is answered with the known ones"):
        refused = door.run("replay", sale, "--what-if", "weather=fine")
        assert refused.returncode == 2 and "time-to-pay" in refused.stderr, refused.stderr
    with cases.case("a speed of nothing is refused"):
        refused = door.run("replay", sale, "--speed", "0")
        assert refused.returncode == 2 and "--speed" in refused.stderr, refused.stderr


def check_explanations(cases, door):
    with cases.case("a shopper who got nothing is told why"):
        got = {row["buyer"] for row in door.sql("SELECT buyer FROM orders.orders")}
        items = [row["item_id"] for row in door.sql("SELECT item_id FROM stock.items")]
        for number in range(1, 20_000):
            buyer = f"shopper-{number:06}"
            if buyer in got:
                continue
            told = [door.json("order", "explain", "--buyer", buyer, "--item", i) for i in items]
            tried = [story for story in told if story["attempts"]]
            if tried:
                attempt = tried[0]["attempts"][0]
                assert attempt["outcome"] not in ("PLACED", "REPEATED"), attempt
                assert tried[0]["sentences"], tried[0]
                return
        raise AssertionError("everybody got something")


def check_certificate(cases, door):
    def checked(*arguments):
        return subprocess.run([sys.executable, CHECKER, *arguments], capture_output=True, text=True)

    with cases.case("the certificate is accepted, and not with one byte changed"), \
            tempfile.TemporaryDirectory() as directory:
        certificate = pathlib.Path(directory) / "sale.certificate"
        door.lines("verify", "--certificate", str(certificate))
        accepted = checked(certificate)
        equal(accepted.returncode, 0)
        whole = certificate.read_bytes()
        for place in (0, len(whole) // 3, len(whole) // 2, len(whole) - 2):
            spoilt = bytearray(whole)
            spoilt[place] ^= 1
            certificate.write_bytes(spoilt)
            equal(checked(certificate).returncode, 1)
        certificate.write_bytes(whole)
        order = door.sql("SELECT order_id FROM orders.orders LIMIT 1")[0]["order_id"]
        proof = pathlib.Path(directory) / "order.proof"
        door.lines("order", "proof", order, "--out", str(proof))
        root = door.json("verify", "--certificate", str(certificate))["certificate"]["root"]
        equal(checked("--proof", proof, "--root", root).returncode, 0)


def main():
    binary, data, printed = sys.argv[1:]
    demo = json.loads(pathlib.Path(printed).read_text())
    door = Doorbuster(binary, data)
    sale = door.sql("SELECT sale_id FROM catalog.sales")[0]["sale_id"]
    cases = Cases()
    check_figures(cases, door, demo, sale)
    check_replays(cases, door, demo, sale)
    check_explanations(cases, door)
    check_certificate(cases, door)
    return cases.finish()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
