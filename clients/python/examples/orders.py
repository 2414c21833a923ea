"""A shop's order book: a line for each order event, once, over restarts of either side.

python orders.py orders.jsonl         # the token is in orders.token
DOORBUSTER_URL=http://127.0.0.1:7423  # the server's HTTP/JSON port

A shop with a database writes the event and the token in one transaction, and finds no event twice.
Here the token is written once in a while: after a restart the events since then come again, and are
recognised by their ids.
"""

import json
import os
import pathlib
import sys

from doorbuster import Doorbuster, v1

#: Events after which the token is written.
TOKEN_EVENTS = 50


class Book:
    def __init__(self, path: pathlib.Path) -> None:
        self.token_path = path.with_suffix(".token")
        self.token = self.token_path.read_text() if self.token_path.exists() else ""
        self.file = path.open("a+b")
        self.file.seek(0)
        text = self.file.read()
        # What was being written when the process ended is no line, and comes again.
        whole = text[: text.rfind(b"\n") + 1]
        self.file.truncate(len(whole))
        self.event_ids = {json.loads(line)["event_id"] for line in whole.splitlines()}
        self.since_token = 0

    def add(self, event: v1.OrderEvent) -> bool:
        """Writes an event down; false if the book has it."""
        self.since_token += 1
        if event.event_id in self.event_ids:
            return False
        line = {
            "event_id": event.event_id,
            "position": event.position,
            "item_id": event.item_id,
            "kind": v1.OrderEventKind.Name(event.kind).removeprefix("ORDER_EVENT_KIND_"),
            "order_id": event.order_id,
        }
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        self.event_ids.add(event.event_id)
        return True

    def keep(self, token: str) -> None:
        """Writes the token, after the events that it stands behind are on the disk."""
        os.fsync(self.file.fileno())
        written = self.token_path.with_suffix(".written")
        written.write_text(token)
        written.replace(self.token_path)
        self.since_token = 0


def main() -> None:
    book = Book(pathlib.Path(sys.argv[1]))
    url = os.environ.get("DOORBUSTER_URL", "http://127.0.0.1:7423")
    with (
        Doorbuster(url, operator="shop") as shop,
        shop.follow_orders(resume_token=book.token, after_position=0, progress=True) as messages,
    ):
        for told in messages:
            has_event = told.HasField("event")
            if has_event and not book.add(told.event):
                print(f"again {told.event.event_id}", flush=True)
            if not has_event or book.since_token >= TOKEN_EVENTS:
                book.keep(told.resume_token)


if __name__ == "__main__":
    main()
