"""Order events: each once and in the order of the log, over kills and closed connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from server import WAIT_SECONDS_MAX, Server, draft

from doorbuster import (
    AsyncDoorbuster,
    Doorbuster,
    DoorbusterError,
    InvalidRequest,
    LogChanged,
    Unavailable,
    v1,
)

Sell = Callable[..., str]
Kind = v1.OrderEventKind
ORDERS = 40
KINDS = [Kind.ORDER_EVENT_KIND_PLACED, Kind.ORDER_EVENT_KIND_PAID]


def gist(told: v1.FollowOrdersResponse) -> tuple[int, str, int]:
    return told.event.position, told.event.event_id, told.event.kind


def logged(server: Server) -> list[tuple[int, str]]:
    """The events of orders in the log, read by SQLite alone."""
    query = "SELECT position, id FROM log WHERE kind IN ('OrderPlaced', 'OrderPaid') ORDER BY 1"
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/log.db?mode=ro", uri=True)) as log:
        return [(position, str(uuid.UUID(id))) for position, id in log.execute(query)]


def test_events_come_with_tokens_that_continue(shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=3)
    orders = [shop.place_order(item, buyer=f"buyer-{number}").order for number in range(2)]
    shop.record_payment(
        item, order_id=orders[0].order_id, payment_reference="bank-1", amount=orders[0].total
    )
    with shop.follow_orders(item_id=item, after_position=0) as follower:
        first = next(follower)
        assert first.resume_token == follower.resume_token != ""
        rest = [next(follower), next(follower)]
    assert list(follower) == [], "it is closed"
    placed, paid = Kind.ORDER_EVENT_KIND_PLACED, Kind.ORDER_EVENT_KIND_PAID
    assert [told.event.kind for told in (first, *rest)] == [placed, placed, paid]
    assert first.event.order.order.order_id == orders[0].order_id
    # The token counts, not the position where a consumer without a token begins.
    with shop.follow_orders(
        item_id=item, resume_token=first.resume_token, after_position=0
    ) as follower:
        assert [next(follower), next(follower)] == rest
    with shop.follow_orders(item_id=item, after_position=0, kinds=[paid]) as follower:
        assert gist(next(follower)) == gist(rest[1])


class Crowd:
    """Orders and pays while the server is killed and restarted at the same address."""

    def __init__(self, server: Server) -> None:
        self.server = server
        server.start()
        self.address = server.http.removeprefix("http://")
        self.client = Doorbuster(server.http, operator="olga", timeout=30, attempts=1000)
        self.item = self.client.create_sale(draft("F", ORDERS)).sale.items[0].item_id
        self.killed = 0
        self.thread = threading.Thread(target=self.buy)

    def buy(self) -> None:
        for number in range(ORDERS):
            order = self.client.place_order(self.item, buyer=f"buyer-{number}").order
            self.client.record_payment(
                self.item,
                order_id=order.order_id,
                payment_reference=f"bank-{number}",
                amount=order.total,
            )
            if number in (ORDERS // 3, 2 * ORDERS // 3):
                self.server.kill()
                self.killed += 1
                self.server.start(self.address)

    def __enter__(self) -> Crowd:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        self.client.close()


def test_a_follower_outlasts_kills_of_the_server(
    another: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Crowd(another) as crowd,
        Doorbuster(another.http).follow_orders(after_position=0, kinds=KINDS) as told,
    ):
        found = [gist(next(told)) for _ in range(2 * ORDERS)]
    assert [event[:2] for event in found] == logged(another)
    assert crowd.killed == 2
    warnings = [entry for entry in caplog.records if entry.name == "doorbuster"]
    assert warnings and all(entry.levelno == logging.WARNING for entry in warnings)


def test_an_asyncio_follower_outlasts_them_too(another: Server) -> None:
    async def follow() -> list[tuple[int, str]]:
        async with (
            AsyncDoorbuster(another.http) as shop,
            shop.follow_orders(after_position=0, kinds=KINDS) as follower,
        ):
            found = list[tuple[int, str]]()
            async for told in follower:
                found.append(gist(told)[:2])
                if len(found) == 2 * ORDERS:
                    return found
        raise AssertionError("the follower ended")

    with Crowd(another) as crowd:
        found = asyncio.run(follow())
    assert found == logged(another)
    assert crowd.killed == 2


def test_a_server_that_stops_ends_no_follower(another: Server) -> None:
    another.start()
    address = another.http.removeprefix("http://")
    with Doorbuster(another.http, operator="olga", attempts=1000) as shop:
        item = shop.create_sale(draft("S", 2)).sale.items[0].item_id
        shop.place_order(item, buyer="ann")
        with shop.follow_orders(after_position=0) as follower:
            first = next(follower)
            assert another.stop() == 0
            another.start(address)
            shop.place_order(item, buyer="bob")
            assert next(follower).event.position > first.event.position


def test_tasks_that_are_cancelled_lose_nothing(server: Server, sell: Sell) -> None:
    item = sell(units=5)

    async def follow() -> list[str]:
        async with AsyncDoorbuster(server.http) as shop:
            found = list[str]()
            async with shop.follow_orders(item_id=item, after_position=0) as follower:
                for number in range(5):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(anext(follower), 0.1)
                    placed = await shop.place_order(item, buyer=f"buyer-{number}")
                    told = await anext(follower)
                    assert told.event.order_id == placed.order.order_id
                    found.append(told.event.event_id)
            return found

    assert len(set(asyncio.run(follow()))) == 5


def ends(follower: Any) -> threading.Thread:
    """A thread that takes what comes until the follower is closed."""
    thread = threading.Thread(target=list, args=(follower,))
    thread.start()
    return thread


def test_another_thread_closes_a_follower_that_waits(server: Server, sell: Sell) -> None:
    item = sell(units=1)
    with Doorbuster(server.http) as shop:
        # From now: the first message only brings a token, so that it is known to be connected.
        follower = shop.follow_orders(item_id=item, progress=True, idle_timeout=600)
        told = next(follower)
        assert told.resume_token and not told.HasField("event")
        waiting = ends(follower)
        time.sleep(0.1)
        follower.close()
        waiting.join(WAIT_SECONDS_MAX)
        assert not waiting.is_alive()


def test_another_thread_closes_a_follower_that_pauses() -> None:
    with Doorbuster("http://127.0.0.1:1") as shop:
        follower = shop.follow_orders()
        waiting = ends(follower)
        time.sleep(0.3)
        follower.close()
        waiting.join(WAIT_SECONDS_MAX)
        assert not waiting.is_alive()


def test_another_task_closes_a_follower(server: Server) -> None:
    async def follow() -> list[v1.FollowOrdersResponse]:
        async with AsyncDoorbuster(server.http) as shop:
            follower = shop.follow_orders(progress=True)
            await anext(follower)

            async def rest() -> list[v1.FollowOrdersResponse]:
                return [told async for told in follower if told.HasField("event")]

            waiting = asyncio.create_task(rest())
            await asyncio.sleep(0.1)
            await follower.aclose()
            return await asyncio.wait_for(waiting, WAIT_SECONDS_MAX)

    assert asyncio.run(follow()) == []


def test_messages_without_an_event_move_the_token(shop: Doorbuster, sell: Sell) -> None:
    """The log goes on with events that were not asked for, of which a message tells within 5 s."""
    item, other = sell(units=1), sell(units=100)
    over = threading.Event()

    def buy() -> None:
        while not over.wait(0.2):
            shop.place_order(other, buyer=str(uuid.uuid4()))

    buyer = threading.Thread(target=buy)
    buyer.start()
    with shop.follow_orders(item_id=item, progress=True) as follower:
        tokens = [next(follower).resume_token for _ in range(2)]
    assert len(set(tokens)) == 2
    with shop.follow_orders(item_id=item, resume_token=tokens[0]) as follower:
        waiting = ends(follower)
        end = time.monotonic() + WAIT_SECONDS_MAX
        while follower.resume_token == tokens[0]:
            assert time.monotonic() < end, "the token stayed"
            time.sleep(0.1)
        follower.close()
        waiting.join()
    over.set()
    buyer.join()


class Muted:
    """Accepts connections, swallows what the first one sends, and forwards the others."""

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("http://").split(":")
        self.target, self.accepted = (host, int(port)), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        held = []
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                held.append(client)
                self.accepted += 1
                if self.accepted > 1:
                    server = socket.create_connection(self.target)
                    for one, two in ((client, server), (server, client)):
                        threading.Thread(target=self.pump, args=(one, two), daemon=True).start()

    def pump(self, one: socket.socket, two: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while got := one.recv(65536):
                two.sendall(got)
            two.shutdown(socket.SHUT_WR)


@pytest.fixture
def muted(server: Server) -> Iterator[Muted]:
    proxy = Muted(server.http)
    yield proxy
    proxy.listener.close()


def test_a_silent_connection_is_replaced(muted: Muted, shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=1)
    placed = shop.place_order(item, buyer="ann")
    with (
        Doorbuster(muted.url) as client,
        client.follow_orders(item_id=item, after_position=0, idle_timeout=0.3) as follower,
    ):
        assert next(follower).event.order_id == placed.order.order_id
    assert muted.accepted >= 2


def test_a_follower_gives_up_where_it_is_told_to() -> None:
    with (
        Doorbuster("http://127.0.0.1:1") as shop,
        shop.follow_orders(give_up_after=0.5) as follower,
        pytest.raises(Unavailable) as gone,
    ):
        next(follower)
    assert gone.value.reason == "CONNECTION_FAILED"
    assert not gone.value.maybe_done


def test_what_the_server_says_about_the_request_is_raised(
    server: Server, shop: Doorbuster, sell: Sell, another: Server
) -> None:
    item = sell(units=1)
    shop.place_order(item, buyer="ann")
    with shop.follow_orders(item_id=item, after_position=0) as follower:
        token = next(follower).resume_token
    another.start()
    with Doorbuster(another.http) as elsewhere, pytest.raises(LogChanged) as changed:
        next(elsewhere.follow_orders(resume_token=token))
    assert (changed.value.reason, changed.value.field) == ("LOG_CHANGED", "resume_token")
    assert isinstance(changed.value, InvalidRequest)
    mistakes: list[tuple[str, dict[str, Any]]] = [
        ("resume_token", {"resume_token": "nonsense"}),
        ("after_position", {"after_position": 2**40}),
        ("after_position", {"after_position": -1}),
        ("item_id", {"item_id": "nonsense"}),
        ("sale_id", {"sale_id": "nonsense"}),
        ("kinds[0]", {"kinds": [99]}),
        ("kinds", {"kinds": ["NONSENSE"]}),
        ("idle_timeout", {"idle_timeout": 0}),
        ("give_up_after", {"give_up_after": -1}),
        ("resume_token", {"resume_token": cast(Any, 7)}),
    ]
    for field, fields in mistakes:
        with pytest.raises(InvalidRequest) as wrong, shop.follow_orders(**fields) as follower:
            next(follower)
        assert wrong.value.field == field, wrong.value
    with Doorbuster(server.http + "/prefix") as lost, pytest.raises(DoorbusterError) as said:
        next(lost.follow_orders())
    assert said.value.reason == "METHOD_UNKNOWN"
