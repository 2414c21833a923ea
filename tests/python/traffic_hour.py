"""Counts recorded traffic independently and compares the counts with doorbuster's reports.

    tests/python/run.sh traffic_hour.py BINARY [RECORDING]

RECORDING is the hour in ../shared/data unless another is named. A sample with channels and
attributes is checked as well. Exits with 1 when any figure differs.
"""

import collections
import csv
import datetime
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

from report import Cases, equal

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOUR = ROOT.parent / "shared/data/taobao-2017-11-26-first-hour.csv.gz"
SAMPLE = ROOT / "tests/traffic/sample.csv"

# Order of touches with equal times.
RANKS = ["view", "favourite", "cart", "share", "buy"]
SHORT = {"pv": "view", "fav": "favourite", "cart": "cart", "buy": "buy"}
TOTALS = {"view": "pv", "favourite": "fav", "cart": "cart", "share": "share", "buy": "buy"}
Row = collections.namedtuple(
    "Row", "visitor item category action at channel age_band gender region spending_tier"
)


def recorded(path):
    with gzip.open(path, "rt") as file:
        for user, item, category, action, at in csv.reader(file):
            yield Row(user, item, category, SHORT[action], int(at), "", "", "", "", "")


def sampled(path):
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            at = int(datetime.datetime.fromisoformat(row["time"]).timestamp())
            yield Row(
                *(row[name] for name in ["visitor", "item", "category", "action"]),
                at,
                *(row[name] for name in Row._fields[5:]),
            )


class Doorbuster:
    def __init__(self, binary, data):
        self.binary, self.data = binary, data

    def run(self, *arguments):
        command = [self.binary, *arguments, "--data", self.data, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stderr}")
        return json.loads(done.stdout)

    def report(self, *arguments):
        return self.run("report", *arguments)


# ---- counted here ----


def grouped(rows, key):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def by_visitor(rows):
    return grouped(rows, lambda row: row.visitor).values()


def totals(rows):
    counts = {name: 0 for name in TOTALS.values()}
    for row in rows:
        counts[TOTALS[row.action]] += 1
    counts["uv"] = len({row.visitor for row in rows})
    counts["buyers"] = len({row.visitor for row in rows if row.action == "buy"})
    return counts


def steps(rows, window):
    """Shoppers with a view; with a cart after it; with a purchase after that; all in the window."""
    reached = [0, 0, 0]
    for touches in by_visitor(rows):
        at = {action: [t.at for t in touches if t.action == action] for action in RANKS}
        chains = [(view,) for view in at["view"]]
        reached[0] += bool(chains)
        for place, action in [(1, "cart"), (2, "buy")]:
            chains = {
                (chain[0], later)
                for chain in chains
                for later in at[action]
                if later >= chain[-1] and later - chain[0] <= window
            }
            reached[place] += bool(chains)
    # A recorded purchase is attempt, order and payment at once.
    return [reached[0], reached[1], reached[2], reached[2], reached[2]]


def paths(rows, cut):
    counts = collections.Counter()
    for touches in by_visitor(rows):
        ordered = sorted(touches, key=lambda row: (row.at, RANKS.index(row.action)))
        path = []
        for row in ordered:
            if not path or path[-1] != row.action:
                path.append(row.action)
        counts[tuple(path[:cut])] += 1
    return counts


def first_channel(touches):
    ordered = sorted(touches, key=lambda row: (row.at, RANKS.index(row.action)))
    return next((row.channel for row in ordered if row.channel), "(direct)")


def attributed(rows, window):
    first, last = collections.Counter(), collections.Counter()
    for touches in by_visitor(rows):
        for bought in (row for row in touches if row.action == "buy"):
            leads = [
                (row.at, RANKS.index(row.action), row.channel)
                for row in touches
                if row.channel and bought.at - window <= row.at <= bought.at
            ]
            leads.sort(key=lambda lead: lead[:2])
            first[leads[0][2] if leads else "(direct)"] += 1
            last[bought.channel or (leads[-1][2] if leads else "(direct)")] += 1
    return first, last


def attribute_of(touches, name):
    said = [getattr(row, name) for row in touches if getattr(row, name)]
    return said[-1] if said else "(unknown)"


# ---- compared ----


def told_totals(answer):
    return {name: answer[name] for name in [*TOTALS.values(), "uv", "buyers"]}


def told_steps(answer):
    return [step["shoppers"] for step in answer["steps"]]


def check_groups(answer, groups, name):
    told = {group["name"]: (told_totals(group), told_steps(group)) for group in answer["groups"]}
    equal(len(told), len(answer["groups"]))
    for key, rows in groups.items():
        equal(told.pop(key), (totals(rows), steps(rows, 86_400)))
    equal(told, {})
    for group in answer["groups"]:
        first, cart = group["steps"][0]["shoppers"], group["steps"][1]
        equal(cart["previous_shoppers"], first)
        equal(cart["of_previous_ppm"], cart["shoppers"] * 1_000_000 // first if first else 0)


def check_common(cases, name, doorbuster, rows):
    with cases.case(f"{name}: totals of the funnel"):
        equal(told_totals(doorbuster.report("funnel")), totals(rows))
    for text, seconds in [("1s", 1), ("5m", 300), ("24h", 86_400)]:
        with cases.case(f"{name}: the funnel in order within {text}"):
            answer = doorbuster.report("funnel", "--window", text)
            equal(told_steps(answer), steps(rows, seconds))
    with cases.case(f"{name}: the funnel by category"):
        groups = grouped(rows, lambda row: row.category or "(none)")
        check_groups(doorbuster.report("funnel", "--by", "category"), groups, "category")
    with cases.case(f"{name}: the funnel by item"):
        groups = grouped(rows, lambda row: row.item or "(none)")
        check_groups(doorbuster.report("funnel", "--by", "item"), groups, "item")
    for by, key in [
        ("minute", lambda row: row.at // 60),
        ("item", lambda row: row.item or "(none)"),
        ("channel", lambda row: row.channel or "(direct)"),
    ]:
        with cases.case(f"{name}: views and visitors by {by}"):
            expected = {
                group: (sum(row.action == "view" for row in seen), len({r.visitor for r in seen}))
                for group, seen in grouped(rows, key).items()
            }
            told = {}
            for row in doorbuster.report("traffic", "--by", by)["rows"]:
                if by == "minute":
                    moment = datetime.datetime.fromisoformat(row["minute"])
                    group = int(moment.timestamp()) // 60
                else:
                    group = row["name"]
                told[group] = (row["views"], row["visitors"])
            equal(told, expected)
    for cut in [3, 8]:
        with cases.case(f"{name}: paths of at most {cut} steps"):
            answer = doorbuster.report("paths", "--steps", str(cut), "--top", "1000")
            told = {tuple(path["steps"]): path["shoppers"] for path in answer["paths"]}
            expected = paths(rows, cut)
            equal(answer["distinct_paths"], len(expected))
            equal(told, dict(expected.most_common(1000)) if len(expected) > 1000 else expected)


def check_sample(cases, doorbuster, rows):
    with cases.case("sample: the funnel by channel of the first touch"):
        groups = collections.defaultdict(list)
        for touches in by_visitor(rows):
            groups[first_channel(touches)].extend(touches)
        check_groups(doorbuster.report("funnel", "--by", "channel"), groups, "channel")
    for by in ["age-band", "gender", "region", "spending-tier"]:
        name = by.replace("-", "_")
        groups = collections.defaultdict(list)
        for touches in by_visitor(rows):
            groups[attribute_of(touches, name)].extend(touches)
        with cases.case(f"sample: the funnel by {by}"):
            check_groups(doorbuster.report("funnel", "--by", by), groups, by)
        with cases.case(f"sample: the portrait by {by}"):
            told = {
                row["value"]: (row["shoppers"], row["buyers"], row["orders"])
                for row in doorbuster.report("portrait", "--by", by)["rows"]
            }
            expected = {}
            for group, seen in groups.items():
                counts = totals(seen)
                expected[group] = (counts["uv"], counts["buyers"], counts["buy"])
            equal(told, expected)
    for text, seconds in [("1m", 60), ("7d", 7 * 86_400)]:
        with cases.case(f"sample: purchases by first and last touch within {text}"):
            first, last = attributed(rows, seconds)
            told = doorbuster.report("attribution", "--window", text)
            equal(told["total"]["orders"], sum(first.values()))
            for row in told["rows"]:
                equal(row["first_touch"]["orders"], first.pop(row["channel"], 0))
                equal(row["last_touch"]["orders"], last.pop(row["channel"], 0))
            equal((first, last), ({}, {}))


def imported(binary, path, data):
    doorbuster = Doorbuster(binary, data)
    doorbuster.run("traffic", "import", str(path))
    return doorbuster


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    recording = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else HOUR
    cases = Cases()
    with tempfile.TemporaryDirectory() as directory:
        doorbuster = imported(binary, SAMPLE, f"{directory}/sample")
        rows = list(sampled(SAMPLE))
        check_common(cases, "sample", doorbuster, rows)
        check_sample(cases, doorbuster, rows)
        if recording.exists():
            doorbuster = imported(binary, recording, f"{directory}/hour")
            check_common(cases, "hour", doorbuster, list(recorded(recording)))
        else:
            print(f"NOT VERIFIED: {recording} is not there, so no recorded hour was counted")
    sys.exit(0 if cases.finish() else 1)


if __name__ == "__main__":
    main()
