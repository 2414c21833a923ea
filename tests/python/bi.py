"""Opens the tables of `report export --bi` as analysts do, in DuckDB and in pyarrow.

    tests/python/run.sh bi.py BINARY DATA...

Each DATA is the data directory of a demonstration that is over. Types are those that docs/bi.md states, and three
questions are answered from the tables: revenue by item, conversion by minute, expired orders by second. The answers
must equal those of the reports, of the certificate and of the log itself. Exits with 1 on any difference.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb
import pyarrow
from pyarrow import parquet

from report import Cases, equal

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/bi.md"
ARROW = {
    "TEXT": pyarrow.string(),
    "BIGINT": pyarrow.int64(),
    "BOOLEAN": pyarrow.bool_(),
    "TIMESTAMP": pyarrow.timestamp("ms", tz="UTC"),
}
DUCKDB = {"TEXT": "VARCHAR", "BIGINT": "BIGINT", "BOOLEAN": "BOOLEAN", "TIMESTAMP": "TIMESTAMP WITH TIME ZONE"}

STEPS = {"IncidentAssessed": "assessed", "IncidentResolved": "resolved", "IncidentReviewed": "reviewed"}


def documented():
    """{table: [(column, type, nullable)]} of the page."""
    tables = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            columns = tables[line[3:]] = []
        elif row := re.match(r"\| `(\w+)` \| (\w+) \| [^|]+ \| (yes|no) \|", line):
            columns.append((row[1], row[2], row[3] == "yes"))
    return {table: columns for table, columns in tables.items() if columns}


class Analyst:
    """The program on one data directory, and its tables in DuckDB."""

    def __init__(self, binary, data, scratch):
        self.binary, self.data = binary, data
        self.parquet, self.csv = scratch / "parquet", scratch / "csv"
        self.exported = {
            form: {file["table"]: file for file in self.json("report", "export", "--bi", *flags, "--out", out)["files"]}
            for form, flags, out in [("parquet", ["--parquet"], self.parquet), ("csv", ["--csv-raw"], self.csv)]
        }
        self.tables = duckdb.connect()
        self.tables.execute("SET TimeZone = 'UTC'")
        for table in self.exported["parquet"]:
            self.tables.execute(f"CREATE VIEW {table} AS SELECT * FROM '{self.parquet}/{table}.parquet'")

    def run(self, *verb):
        command = [self.binary, *map(str, verb), "--data", self.data, "--quiet"]
        return subprocess.run(command, capture_output=True, text=True)

    def json(self, *verb):
        done = self.run(*verb, "--json")
        assert done.returncode == 0, f"{verb}: exit {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def log(self):
        done = self.run("log", "read", "--json")
        assert done.returncode == 0, done.stderr
        return map(json.loads, done.stdout.splitlines())

    def ask(self, question):
        return self.tables.execute(question).fetchall()


def check_types(cases, analyst):
    tables = documented()
    with cases.case("each table is documented, and has the documented types in pyarrow and in DuckDB"):
        equal(list(analyst.exported["parquet"]), list(tables))
        for table, columns in tables.items():
            schema = parquet.read_schema(analyst.parquet / f"{table}.parquet")
            found = [(field.name, field.type, field.nullable) for field in schema]
            equal(found, [(name, ARROW[kind], nullable) for name, kind, nullable in columns])
            found = [row[:2] for row in analyst.ask(f"DESCRIBE {table}")]
            equal(found, [(name, DUCKDB[kind]) for name, kind, _ in columns])
    with cases.case("all rows are there, in CSV as in Parquet"):
        for table, columns in tables.items():
            types = {name: DUCKDB[kind] for name, kind, _ in columns}
            texts = [name for name, kind, nullable in columns if kind == "TEXT" and not nullable]
            csv = f"""read_csv('{analyst.csv}/{table}.csv', header = true, columns = {types},
                               quote = '"', escape = '"', force_not_null = {texts})"""
            for one, other in [(table, csv), (csv, table)]:
                differ = f"SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other}"
                equal(analyst.ask(differ), [])
            ((rows,),) = analyst.ask(f"SELECT count(*) FROM {table}")
            equal((rows, rows), tuple(analyst.exported[form][table]["rows"] for form in ("parquet", "csv")))


def certified(analyst, scratch):
    """{item: net revenue} of the certificate."""
    certificate = scratch / "sale.certificate"
    done = analyst.run("verify", "--certificate", certificate)
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, certificate.read_text(encoding="utf-8").splitlines())
    return {line["item_id"]: line["paid_minor"] - line["refunded_minor"] for line in lines if line["line"] == "item"}


def check_revenue(cases, analyst, sales, scratch):
    with cases.case("revenue by item is that of the reports and of the certificate"):
        answer = dict(analyst.ask("SELECT item_id, sum(revenue_minor)::BIGINT FROM orders GROUP BY item_id"))
        reported = [item for sale in sales for item in analyst.json("report", "sales", sale)["items"]]
        equal(answer, {item["item_id"]: int(item["revenue"]["amount_minor"]) for item in reported})
        equal(answer, certified(analyst, scratch))
        equal(answer, dict(analyst.ask("SELECT item_id, revenue_minor FROM items")))
        by_event = analyst.ask("""
            SELECT item_id, sum(CASE kind WHEN 'paid' THEN amount_minor WHEN 'refunded' THEN -amount_minor END)::BIGINT
            FROM order_events GROUP BY item_id""")
        equal(answer, dict(by_event))
        assert sum(answer.values()) > 0, answer
        for sku, currency, revenue in analyst.ask("""
                SELECT sku, currency, sum(revenue_minor) FROM orders GROUP BY sku, currency ORDER BY sku"""):
            print(f"  {sku}: {revenue} minor units {currency}")


def check_conversion(cases, analyst, sales):
    with cases.case("views and orders by minute, and the conversion, are those of the reports"):
        answer = analyst.ask("""
            SELECT strftime(minute_at, '%Y-%m-%dT%H:%M:%S.000Z'), sum(views)::BIGINT, sum(placed)::BIGINT
            FROM (SELECT minute_at, views, 0 AS placed FROM traffic_by_minute
                  UNION ALL SELECT date_trunc('minute', placed_at), 0, 1 FROM orders)
            GROUP BY minute_at ORDER BY minute_at""")
        minutes = collections.defaultdict(lambda: [0, 0])
        for sale in sales:
            for row in analyst.json("report", "traffic", "--sale", sale, "--by", "minute")["rows"]:
                minutes[row["minute"]][0] += row["views"]
            for second in analyst.json("report", "timeline", sale)["seconds"]:
                minutes[second["second"][:17] + "00.000Z"][1] += second["orders_placed"]
        expected = [(minute, *counts) for minute, counts in sorted(minutes.items()) if any(counts)]
        equal([row for row in answer if row[1] or row[2]], expected)
        views, placed = (sum(row[column] for row in answer) for column in (1, 2))
        assert views > 0 and placed > 0, answer
        print(f"  {placed} orders / {views} views = {placed / views:.4f}")


def check_expiry(cases, analyst, sales):
    with cases.case("the share of expired orders by second of the sale is that of the log"):
        answer = analyst.ask("""
            SELECT placed_second_of_sale, count(*), count(*) FILTER (state = 'expired')
            FROM orders GROUP BY 1 ORDER BY 1""")
        opened = dict(analyst.ask("SELECT sale_id, epoch_ms(opens_at) FROM sales"))
        of_item = dict(analyst.ask("SELECT item_id, sale_id FROM items"))
        placed, expired = {}, set()
        for event in analyst.log():
            body = event["data"]
            if event["kind"] == "OrderPlaced":
                opens = opened[of_item[event["stream"].removeprefix("item-")]]
                placed[body["order_id"]] = body["placed_at_ms"] // 1000 - opens // 1000
            elif event["kind"] == "OrderExpired":
                expired.add(body["order_id"])
            elif event["kind"] == "OrderReinstated":
                expired.discard(body["order_id"])
        seconds = collections.Counter(placed.values())
        lost = collections.Counter(placed[order] for order in expired)
        equal(answer, [(second, seconds[second], lost[second]) for second in sorted(seconds)])
        totals = [analyst.json("report", "holds", "--sale", sale)["total"] for sale in sales]
        equal(sum(row[2] for row in answer), sum(total["holds_expired"] for total in totals))
        assert expired, "orders expired"
        print(f"  {len(expired)} of {len(placed)} orders expired, over {len(answer)} seconds")
    with cases.case("attempts, orders and ends by second are those of the timeline, also from events of orders"):
        figures = ["attempts", "orders_placed", "orders_paid", "orders_cancelled", "orders_expired"]
        expected = collections.defaultdict(collections.Counter)
        for sale in sales:
            for second in analyst.json("report", "timeline", sale)["seconds"]:
                expected[second["second"]].update({figure: second[figure] for figure in figures})
        sums = ", ".join(f"sum({figure})::BIGINT" for figure in figures)
        of = "strftime(second_at, '%Y-%m-%dT%H:%M:%S.000Z')"
        answer = analyst.ask(f"SELECT {of} AS second, {sums} FROM attempts_by_second GROUP BY second ORDER BY second")
        equal(answer, [(second, *(counts[f] for f in figures)) for second, counts in sorted(expected.items())])
        ends = analyst.ask("""
            SELECT strftime(date_trunc('second', event_at), '%Y-%m-%dT%H:%M:%S.000Z') AS second,
                   'orders_' || kind AS figure, count(*)
            FROM order_events WHERE kind IN ('placed', 'paid', 'cancelled', 'expired') GROUP BY ALL""")
        counted = {(second, figure): count for second, figure, count in ends}
        told = {(second, figure): counts[figure] for second, counts in expected.items() for figure in figures[1:]}
        equal(counted, {key: count for key, count in told.items() if count})


def check_rest(cases, analyst):
    with cases.case("refunds are those of the report, incidents those of the log"):
        answer = analyst.ask("SELECT count(*), count(*) FILTER (is_settled), sum(amount_minor)::BIGINT FROM refunds")
        totals = analyst.json("report", "refunds")["totals"]
        due = [total["due"] for total in totals]
        expected = (sum(int(of["dues"]) for of in due), sum(int(total["settled"]["dues"]) for total in totals),
                    sum(int(of["amount"]["amount_minor"]) for of in due))
        equal(answer, [expected])
        logged = {}
        for event in analyst.log():
            incident = event["stream"].removeprefix("incident-")
            if event["kind"] == "IncidentDetected":
                logged[incident] = [event["data"]["title"], "detected"]
            elif event["kind"] in STEPS:
                logged[incident][1] = STEPS[event["kind"]]
        answer = analyst.ask("SELECT incident_id, title, state FROM incidents ORDER BY incident_id")
        equal(answer, sorted((incident, *of) for incident, of in logged.items()))
        print(f"  {len(logged)} incidents")
    with cases.case("every row joins: no order without its item, sale and events"):
        for question in [
            "SELECT * FROM orders ANTI JOIN items USING (item_id, sku, title)",
            "SELECT * FROM items ANTI JOIN sales USING (sale_id, sale_name)",
            "SELECT * FROM orders ANTI JOIN order_events USING (order_id, buyer, item_id)",
            "SELECT * FROM order_events ANTI JOIN orders USING (order_id, buyer, item_id)",
            "SELECT * FROM refunds ANTI JOIN order_events USING (due_id, order_id)",
        ]:
            equal(analyst.ask(question), [])
    with cases.case("the questions on the page are answered"):
        text = PAGE.read_text(encoding="utf-8").split("```sql\n")[1].split("```")[0]
        questions = [question for question in text.split(";") if question.strip()]
        equal(len(questions), 3)
        for question in questions:
            assert analyst.ask(question.replace("'analysis/", f"'{analyst.parquet}/")), question
    with cases.case("an export into a directory with files fails, names it and changes nothing"):
        before = {path.name: path.read_bytes() for path in analyst.parquet.iterdir()}
        refused = analyst.run("report", "export", "--bi", "--out", analyst.parquet)
        equal(refused.returncode, 1)
        assert f"--out {analyst.parquet}: is not empty" in refused.stderr, refused.stderr
        equal({path.name: path.read_bytes() for path in analyst.parquet.iterdir()}, before)


def main():
    binary, *data = sys.argv[1:]
    cases = Cases()
    for directory in data:
        print(f"{directory}:")
        with tempfile.TemporaryDirectory() as scratch:
            analyst = Analyst(binary, directory, pathlib.Path(scratch))
            sales = [sale for sale, in analyst.ask("SELECT sale_id FROM sales")]
            check_types(cases, analyst)
            check_revenue(cases, analyst, sales, pathlib.Path(scratch))
            check_conversion(cases, analyst, sales)
            check_expiry(cases, analyst, sales)
            check_rest(cases, analyst)
    return cases.finish()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
