"""Records the logs of this folder: how they were made, and how a log of new kinds of events is made.

    python3 tests/golden/logs/record.py path/to/doorbuster NAME DIRECTORY

The program is a released build, never one of the working tree. DIRECTORY gets log.jsonl, the events
byte for byte as they stand in the store, and for `sold` requests.jsonl, every write of the run as
arguments of the command line, with the files they read. A recorded log never changes: record another one into a new folder (README.md).
"""

import contextlib
import datetime
import itertools
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

NAMES = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

SOLD = """
name = "Double Eleven – 双十一"
currency = "CNY"
opens_at = "now"
closes_at = "+1h"

[goals]
units = 20
revenue_minor = 2000000
conversion = "12.5%"
new_buyers = 3

[[curve]]
after_seconds = 10
units = 3

[[curve]]
after_seconds = 600
units = 12

[[alerts]]
name = "almost_gone"
when = "available_units <= 2"
clear_when = "available_units > 5"
severity = "critical"
each_item = true
opens_incident = true
sets_level = "no_board_detail"

[[alerts]]
name = "sold_out"
off = true

[[items]]
sku = "PHONE-256"
title = "Phone, \\"256 GB\\", 黑色"
unit_price_minor = 199900
limit_per_buyer = 3
limit_per_order = 2
time_to_pay_seconds = 900
[items.units]
"杭州" = 6
north-2 = 40
[items.reserve]
"杭州" = 5
south = 2

[[items]]
sku = "LAMP"
title = "Lamp"
unit_price_minor = 5000
time_to_pay_seconds = 3
[items.units]
north = 30
south = 20

[[items]]
sku = "RARE"
title = "Rare one"
unit_price_minor = 1000000
limit_per_order = 3
time_to_pay_seconds = 600
[items.units]
north = 3
"""

LATER = """
name = "Later sale"
currency = "EUR"
opens_at = "now"
closes_at = "+2h"

[[items]]
sku = "VASE"
title = "Vase"
unit_price_minor = 1250
time_to_pay_seconds = 60
opens_at = "+1h"
closes_at = "+90m"
[items.units]
west = 4

[[items]]
sku = "SOFA"
title = "=Sofa"
unit_price_minor = 99999
limit_per_buyer = 1
time_to_pay_seconds = 60
[items.units]
west = 10
"""

PAST = """
name = "Last year"
currency = "EUR"
opens_at = "2025-11-11T00:00:00Z"
closes_at = "2025-11-11T01:00:00Z"

[[items]]
sku = "lamp"
title = "Lamp of last year"
unit_price_minor = 4500
time_to_pay_seconds = 60
[items.units]
north = 10
"""

RECORDED = """visitor,item,category,action,time,channel,age_band,gender,region,spending_tier
ann,lamp,light,view,2025-11-11T00:00:00Z,mail,25-34,female,north,high
bob,lamp,light,view,2025-11-11T00:00:01Z,app,,male,,
ann,lamp,light,cart,2025-11-11T00:00:30Z,,,,,
ann,lamp,light,buy,2025-11-11T00:01:00Z,,,,,
cat,lamp,light,favourite,2025-11-11T00:02:00Z,search,35-44,,south,low
"""

TOLD = """
name = "{name}"
currency = "CNY"
opens_at = "now"
closes_at = "+1h"

[[items]]
sku = "ONE"
title = "One"
unit_price_minor = 100
limit_per_buyer = 2
time_to_pay_seconds = 5
[items.units]
east = 3
west = 4
[items.reserve]
east = 2

[[items]]
sku = "TWO"
title = "Two"
unit_price_minor = 200
limit_per_order = 1
time_to_pay_seconds = 600
[items.units]
east = 5

[[items]]
sku = "THREE"
title = "三"
unit_price_minor = 300
time_to_pay_seconds = 600
closes_at = "+30m"
[items.units]
west = 6
[items.reserve]
north = 1
"""

ALARMED = """
[[alerts]]
name = "any_order"
when = "orders_placed >= 1"
severity = "critical"
opens_incident = true
sets_level = "no_traffic"
"""


class Shop:
    """A server of that program in a directory of its own, and the command line that calls it."""

    def __init__(self, program, files):
        self.program, self.files = program, files
        self.requests = []
        self.starts_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-record-"))
        self.data = self.directory / "data"
        self.numbers = itertools.count(1)
        self.server = None
        self.start()

    def start(self):
        command = [self.program, "serve", "--json", "--data", self.data, "--listen", "127.0.0.1:0"]
        command += ["--web", "127.0.0.1:0", "--board", "off", "--quiet"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        told = json.loads(self.server.stdout.readline())
        self.url, self.web = told["url"], told["web"]

    def stop(self):
        self.server.terminate()
        self.server.wait(30)

    def at_rest(self, *arguments, code=0):
        done = subprocess.run(
            [self.program, *arguments, "--json", "--quiet", "--data", self.data],
            capture_output=True, text=True, cwd=self.files,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *arguments, code=0):
        done = subprocess.run(
            [self.program, *arguments, "--json", "--quiet", "--server", self.url],
            capture_output=True, text=True, cwd=self.files,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else None

    def write(self, *arguments, code=0):
        request = str(uuid.uuid5(NAMES, f"request {next(self.numbers)}"))
        arguments = [*arguments, "--request-id", request]
        self.requests.append({"arguments": arguments, "code": code})
        return self.ask(*arguments, code=code)

    def wait(self, milliseconds):
        """A step of the clock for those who send the same requests again; no wait of this run."""
        self.requests.append({"wait_ms": milliseconds})

    def steer(self, *arguments, code=0, operator="olga"):
        return self.write(*arguments, "--operator", operator, code=code)

    def create(self, file, text, *flags):
        (self.files / file).write_text(text.lstrip())
        sale = self.steer("sale", "create", "-f", file, "--as-of", self.starts_at, *flags)["sale"]
        return sale["sale_id"], [item["item_id"] for item in sale["items"]]

    def place(self, item, buyer, units, channel="", code=0):
        answer = self.write(
            "order", "place", "--item", item, "--buyer", buyer, "--units", str(units),
            "--channel", channel, code=code,
        )
        return answer["order"]["order_id"] if answer and "order" in answer else None

    def pay(self, item, order, reference, amount, currency="CNY", code=0):
        return self.write(
            "order", "pay", "--item", item, "--order", order, "--reference", reference,
            "--amount-minor", str(amount), "--currency", currency, code=code,
        )

    def beacons(self, *beacons):
        beacons = [
            {"beacon_id": str(uuid.uuid5(NAMES, f"beacon {next(self.numbers)}"))} | beacon
            for beacon in beacons
        ]
        body = json.dumps({"beacons": beacons}).encode()
        kind = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.web}/traffic", body, kind)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer = json.load(answer)
            assert answer["accepted"] == len(beacons), answer

    def until(self, wanted, *arguments):
        for _ in range(600):
            if wanted(self.ask(*arguments)):
                return
            time.sleep(0.1)
        raise AssertionError(arguments)

    def log(self):
        """The events as lines; bodies and metadata are the bytes of the store."""
        with contextlib.closing(sqlite3.connect(self.data / "log.db")) as log:
            rows = log.execute(
                "SELECT name, e.revision, id, kind, recorded_at_ms, data, metadata"
                " FROM events AS e JOIN streams USING (stream) ORDER BY position"
            ).fetchall()
        return [(name, revision, str(uuid.UUID(bytes=id)), *rest)
                for name, revision, id, *rest in rows]


def written(events, requests, directory):
    if requests:
        texts = [json.dumps(request, ensure_ascii=False) + "\n" for request in requests]
        (directory / "requests.jsonl").write_text("".join(texts))
    with (directory / "log.jsonl").open("w") as lines:
        for position, event in enumerate(events, start=1):
            name, revision, id, kind, recorded_at_ms, data, metadata = event
            lines.write(
                f'{{"position":{position},"stream":"{name}","revision":{revision},"id":"{id}",'
                f'"kind":"{kind}","recorded_at_ms":{recorded_at_ms},'
                f'"data":{data},"metadata":{metadata}}}\n'
            )


def sold(shop):
    """Sales with every kind of event there was: sold, steered, watched, lost in part."""
    sale, (phone, lamp, rare) = shop.create("double-eleven.toml", SOLD)
    later, (vase, sofa) = shop.create("later.toml", LATER)
    last_year, _ = shop.create("last-year.toml", PAST, "--past")
    who = {"age_band": "25-34", "gender": "female", "region": "north", "spending_tier": "high"}
    shop.beacons(
        {"item_id": phone, "action": "view", "visitor": "ann", "channel": "mail",
         "page": "/phone", **who},
        {"item_id": phone, "action": "view", "visitor": "bob", "channel": "app"},
        {"item_id": phone, "action": "cart", "visitor": "ann", "channel": "search"},
        {"item_id": lamp, "action": "favourite", "visitor": "cat", "gender": "male"},
        {"item_id": rare, "action": "share", "visitor": "dan"},
        {"item_id": sofa, "action": "view", "visitor": "bob", "channel": "mail"},
        {"sale_id": sale, "action": "view", "visitor": "eve"},
    )
    shop.steer("script", "publish", "refusal.sold_out", "--lang", "en",
               "--text", "{item_title} is gone. More on Friday.", "--reason", "restock on Friday")
    shop.steer("script", "publish", "refusal.sold_out", "--lang", "zh",
               "--text", "{item_title} 已售罄", "--reason", "补货")
    shop.steer("script", "publish", "order.held", "--lang", "en",
               "--text", "Yours: {units}", "--reason", "shorter")
    shop.steer("script", "withdraw", "refusal.sold_out", "--lang", "en", "--reason", "it is Friday")

    # Paid, held, cancelled, expired, refunds of every cause, refusals.
    ann = shop.place(phone, "ann", 2, "mail")
    shop.pay(phone, ann, "bank-1", 399800)
    shop.pay(phone, ann, "bank-2", 399800, code=3)
    bob = shop.place(phone, "bob", 1, "app")
    shop.write("order", "cancel", "--item", phone, "--order", bob, "--buyer", "bob")
    shop.pay(phone, bob, "bank-3", 199900, code=3)
    shop.place(phone, "ann", 2, code=3)
    shop.place(phone, "cat", 3, code=3)
    shop.place(phone, "dan", 2, "a channel, \"quoted\"")
    late = shop.place(lamp, "eve", 31)
    shop.place(lamp, "fay", 19, "mail")
    shop.place(lamp, "gus", 40, code=3)
    shop.place(vase, "ann", 1, code=3)
    shop.steer("sale", "pause", later, "--reason", "the bank is down", operator="otto")
    shop.place(sofa, "ann", 1, code=3)
    shop.steer("sale", "resume", later, "--reason", "it is up", operator="otto")
    bought = shop.place(sofa, "ann", 1, "search")
    shop.pay(sofa, bought, "bank-4", 99999, "EUR")
    shop.steer("item", "pause", phone, "--reason", "price is wrong")
    shop.place(phone, "gus", 1, code=3)
    shop.steer("item", "resume", phone, "--reason", "\"right\" again")
    shop.steer("item", "reserve", phone, "--warehouse", "south", "--units", "9", "--reason", "more")
    shop.steer("item", "reserve", phone, "--warehouse", "east", "--units", "1", "--new-warehouse",
               "--reason", "a new one")
    shop.steer("item", "release", phone, "--warehouse", "杭州", "--units", "4",
               "--reason", "demand is there")
    shop.steer("item", "limit", phone, "--per-buyer", "4", "--per-order", "none",
               "--reason", "resellers")
    shop.steer("item", "allocate", phone, "--warehouse", "west", "--units", "7", "--new-warehouse",
               "--reason", "second delivery")
    shop.wait(3_100)
    shop.until(lambda found: found["order"]["state"] == "EXPIRED",
               "order", "get", "--item", lamp, "--order", late, "--buyer", "eve")
    shop.pay(lamp, late, "bank-5", 155000, code=3)

    # The rare one is nearly gone: an alert, its incident, a lower level; then it is not any more.
    rared = shop.place(rare, "ann", 1)
    shop.until(lambda found: found["level"] == "no_board_detail", "level", "show")
    shop.until(lambda found: found["incidents"], "incident", "list")
    shop.place(rare, "hal", 3, code=3)
    shop.pay(rare, rared, "bank-6", 1000000)
    shop.steer("item", "allocate", rare, "--warehouse", "north", "--units", "80", "--reason", "found")
    shop.until(lambda found: not any(alert["rule"] == "almost_gone" for alert in found["alerts"]),
               "alert", "list", "--firing")
    shop.steer("level", "set", "full", "--reason", "it is over")
    opened = shop.steer("incident", "open", "--sale", sale, "--item", phone, "--item", lamp,
                        "--title", "payments are \"slow\"", "--reason", "calls come in")
    opened = opened["incident"]["incident_id"]
    shop.steer("incident", "assess", opened, "--severity", "major", "--impact",
               "every second payment fails", "--owner", "otto")
    shop.steer("incident", "act", opened, "--action", "switched the provider")
    shop.steer("incident", "resolve", opened)
    shop.steer("incident", "review", opened, "--cause", "one provider", "--lessons", "two providers")
    shop.steer("sale", "pause", later, "--reason", "for good")
    shop.steer("item", "close", sofa, "--reason", "sold elsewhere")
    shop.steer("sale", "close", later, "--reason", "all gone")
    shop.steer("sale", "pause", sale, "--reason", "at night")
    shop.stop()

    (shop.files / "recorded.csv").write_text(RECORDED)
    shop.at_rest("traffic", "import", "recorded.csv", "--sale", last_year)
    (shop.files / "other.csv").write_text(RECORDED.replace("lamp", "nowhere"))
    shop.at_rest("traffic", "import", "other.csv")
    # The end of the log is lost, and the operator goes on without it.
    before = shop.directory / "before"
    shutil.copytree(shop.data, before)
    shop.start()
    shop.ask("level", "set", "core_only", "--reason", "lost again soon")
    shop.stop()
    shutil.copy(before / "log.db", shop.data / "log.db")
    known = len(shop.log()) + 1
    shop.at_rest("log", "accept", "--end", str(known - 1), "--known", str(known),
                 "--reason", "the disk failed")
    shop.start()
    shop.steer("level", "set", "no_traffic", "--reason", "after the loss")
    shop.place(rare, "ivy", 1, code=3)
    shop.wait(-5_000)
    shop.steer("sale", "resume", sale, "--reason", "it is day")
    shop.place(rare, "ivy", 2, "mail")
    shop.stop()


def half_told(shop):
    """Sales whose items were not all told, and an alert that nothing came of: what a crash leaves."""
    shop.files = shop.directory

    def create(name, more=""):
        file = name.lower().replace(",", "").replace(" ", "-") + ".toml"
        return shop.create(file, TOLD.format(name=name) + more)

    _, added_items = create("Created, told to one")
    paused, paused_items = create("Paused, told to one")
    shop.steer("sale", "pause", paused, "--reason", "the bank is down")
    closed, closed_items = create("Closed, told to one")
    shop.steer("sale", "close", closed, "--reason", "all gone")
    resumed, resumed_items = create("Resumed, told to one")
    shop.steer("sale", "pause", resumed, "--reason", "the bank is down")
    shop.steer("sale", "resume", resumed, "--reason", "the bank is up")
    both, both_items = create("Created and paused, told to one")
    shop.steer("sale", "pause", both, "--reason", "too early")
    # Items that no sale holds up: one unpaid order whose deadline passes while no server runs.
    _, told_items = create("Told to all")
    _, (alarmed, *_) = create("Alarmed", ALARMED)
    shop.place(alarmed, "ann", 1, "mail")
    shop.until(lambda found: found["incidents"], "incident", "list")
    shop.until(lambda found: found["level"] == "no_traffic", "level", "show")
    paid = shop.place(told_items[1], "bob", 1)
    shop.pay(told_items[1], paid, "bank-1", 200)
    shop.place(told_items[0], "bob", 2, "app")
    shop.stop()
    never, last = set(), set()
    never.update(f"item-{item}" for item in [*added_items[1:], both_items[2]])
    told_too_little = [*paused_items[1:], *closed_items[1:], *resumed_items[1:], both_items[1]]
    last.update(f"item-{item}" for item in told_too_little)
    events = shop.log()
    ends = {event[0]: event[1] for event in events}

    def is_kept(event):
        name, revision = event[:2]
        if name.startswith(("incident-", "level-")) or name in never:
            return False
        return name not in last or revision < ends[name]

    shop.events, shop.requests = [event for event in events if is_kept(event)], []


RUNS = {"sold": sold, "half-told": half_told}


if __name__ == "__main__":
    program, name, directory = sys.argv[1:]
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True)
    shop = Shop(program, directory)
    shop.events = None
    RUNS[name](shop)
    written(shop.events or shop.log(), shop.requests, directory)
