"""Lost answers, servers that are away, and what is not tried again."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable

import httpx
import pytest
from server import LossyProxy, Server, draft

from doorbuster import (
    AsyncDoorbuster,
    DeadlineExceeded,
    Doorbuster,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    ServerFault,
    Unavailable,
    _retry,
    _wire,
    v1,
)
from doorbuster.errors import FAMILIES

Sell = Callable[..., str]


def request_ids(proxy: LossyProxy) -> set[str]:
    return {v1.PlaceOrderRequest.FromString(body).request_id for body in proxy.bodies}


def test_a_lost_answer_is_asked_for_again_with_the_same_request_id(
    server: Server, shop: Doorbuster, sell: Sell
) -> None:
    item = sell(units=5)
    with LossyProxy(server.http, losses=2) as proxy, Doorbuster(proxy.url) as client:
        order = client.place_order(item, buyer="ann").order
        assert len(proxy.bodies) == 3
        assert len(request_ids(proxy)) == 1
        assert all(headers["x-item-id"] == item for headers in proxy.headers)
    assert shop.get_item(item).item.held_units == 1, "three requests, one order"
    assert shop.get_order(item, order_id=order.order_id, buyer="ann").order == order


def test_asyncio_asks_again_too(server: Server, shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=5)

    async def buy(url: str) -> v1.Order:
        async with AsyncDoorbuster(url) as client:
            return (await client.place_order(item, buyer="ann")).order

    with LossyProxy(server.http, losses=1) as proxy:
        order = asyncio.run(buy(proxy.url))
        assert len(request_ids(proxy)) == 1 and len(proxy.bodies) == 2
    assert shop.get_item(item).item.held_units == 1
    assert order.units == 1


def test_attempts_are_bounded_and_the_error_has_the_request_id(
    server: Server, shop: Doorbuster, sell: Sell
) -> None:
    item = sell(units=5)
    with LossyProxy(server.http, losses=9) as proxy, Doorbuster(proxy.url, attempts=3) as client:
        with pytest.raises(Unavailable) as lost:
            client.place_order(item, buyer="ann")
        assert len(proxy.bodies) == 3
    assert (lost.value.reason, lost.value.maybe_done) == ("CONNECTION_LOST", True)
    placed = shop.place_order(item, buyer="ann", request_id=lost.value.request_id)
    assert shop.get_item(item).item.held_units == 1
    assert (
        shop.get_outcome(item, request_id=lost.value.request_id, buyer="ann").order == placed.order
    )


def test_answers_are_not_asked_for_again(server: Server, sell: Sell) -> None:
    item = sell(units=1)
    with LossyProxy(server.http, losses=0) as proxy, Doorbuster(proxy.url) as client:
        for mistake, error in (
            (lambda: client.place_order(item, buyer="ann", units=2), Refused),
            (lambda: client.place_order(item, buyer="ann", units=0), InvalidRequest),
            (lambda: client.get_item(str(uuid.uuid4())), NotFound),
        ):
            proxy.bodies.clear()
            with pytest.raises(error):
                mistake()
            assert len(proxy.bodies) == 1


def test_a_call_outlasts_a_restart_of_the_server(another: Server) -> None:
    another.start()
    address = another.http.removeprefix("http://")
    with Doorbuster(another.http, operator="olga", timeout=30, attempts=1000) as client:
        sale = client.create_sale(draft("R", 2)).sale
        item = sale.items[0].item_id
        first = client.place_order(item, buyer="ann")
        another.kill()
        restart = threading.Timer(0.5, another.start, [address])
        restart.start()
        assert client.get_order(item, order_id=first.order.order_id, buyer="ann")
        client.place_order(item, buyer="bob")
        restart.join()
        assert client.get_item(item).item.held_units == 2


def test_the_delay_of_the_server_is_kept(another: Server) -> None:
    another.start()
    with Doorbuster(another.http, operator="olga") as client:
        sale = client.create_sale(draft("C", 2)).sale
        item = sale.items[0].item_id
        another.run("level", "set", "closed", "--reason", "a test", "--operator", "olga")
        with pytest.raises(Unavailable) as closed:
            client.place_order(item, buyer="ann", timeout=4)
        assert (closed.value.reason, closed.value.retry_after) == ("SERVICE_CLOSED", 5.0)
        assert not closed.value.maybe_done
        with LossyProxy(another.http, losses=0) as proxy, Doorbuster(proxy.url) as patient:
            opened = threading.Timer(
                1.0, another.run, ["level", "set", "full", "--reason", "x", "--operator", "olga"]
            )
            opened.start()
            assert patient.place_order(item, buyer="ann", timeout=30).order.units == 1
            opened.join()
            # Without the delay there would be many attempts in the first second.
            assert len(proxy.bodies) == 2 and len(request_ids(proxy)) == 1


def test_a_server_that_does_not_answer_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Doorbuster(url, timeout=0.2) as client, pytest.raises(DeadlineExceeded) as late:
            client.place_order("x", buyer="ann")
    assert late.value.maybe_done and late.value.request_id


class CountingTransport(httpx.AsyncHTTPTransport):
    """Counts the requests that are under way at once."""

    now = most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().handle_async_request(request)
        finally:
            self.now -= 1


def test_more_calls_than_connections_wait(server: Server, sell: Sell) -> None:
    item = sell(units=3)
    transport = CountingTransport()

    async def buy() -> list[object]:
        async with httpx.AsyncClient(transport=transport) as http:
            client = AsyncDoorbuster(server.http, connections=2, http=http)
            calls = [client.place_order(item, buyer=f"buyer-{number}") for number in range(20)]
            return list(await asyncio.gather(*calls, return_exceptions=True))

    got = asyncio.run(buy())
    assert sum(isinstance(answer, v1.PlaceOrderResponse) for answer in got) == 3
    assert sum(isinstance(answer, Refused) for answer in got) == 17
    assert transport.most == 2


def test_a_call_does_not_wait_for_a_connection_beyond_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        async def both() -> list[object]:
            async with AsyncDoorbuster(url, connections=1, timeout=0.2) as client:
                calls = [client.place_order("x", buyer="ann") for _ in range(2)]
                return list(await asyncio.gather(*calls, return_exceptions=True))

        sent, waiting = asyncio.run(both())
        assert isinstance(sent, DeadlineExceeded) and sent.maybe_done
        assert isinstance(waiting, DeadlineExceeded) and not waiting.maybe_done
        with Doorbuster(url, connections=1, timeout=0.2) as client:
            held = threading.Thread(
                target=pytest.raises, args=(DeadlineExceeded, client.list_sales)
            )
            held.start()
            silent.accept()
            with pytest.raises(DeadlineExceeded, match="in use"):
                client.list_sales(timeout=0.1)
            held.join()


def test_operators_need_their_token(another: Server) -> None:
    new = ["token", "new", "--json", "--role", "operator", "--name", "olga"]
    new = [str(another.binary), *new, "--data", str(another.data)]
    made = subprocess.run(new, check=True, capture_output=True)
    token = json.loads(made.stdout)["token"]
    another.start()
    for wrong, reason in ((None, "TOKEN_MISSING"), ("fedcba9876543210", "TOKEN_UNKNOWN")):
        with Doorbuster(another.http, token=wrong) as client, pytest.raises(NotAllowed) as said:
            client.create_sale(draft("T", 1))
        assert said.value.reason == reason
    with Doorbuster(another.http, token=token) as client:
        sale_id = client.create_sale(draft("T", 1)).sale.sale_id
        with pytest.raises(NotAllowed, match="OPERATOR_MISMATCH"):
            client.pause_sale(sale_id, reason="a test", operator="eve")


def test_what_is_no_doorbuster_is_told(server: Server) -> None:
    for url, reason in (
        (f"http://{server.grpc}", {"CONNECTION_LOST", "ANSWER_UNREADABLE", "HTTP_400"}),
        (server.http + "/prefix", {"METHOD_UNKNOWN"}),
        ("http://127.0.0.1:1", {"CONNECTION_FAILED"}),
    ):
        with (
            Doorbuster(url, attempts=2) as client,
            pytest.raises((ServerFault, Unavailable)) as said,
        ):
            client.list_sales()
        assert said.value.reason in reason, said.value
    page = httpx.Response(200, headers={"content-type": "text/html"}, text="<p>hello")
    transport = httpx.MockTransport(lambda _: page)
    with (
        Doorbuster(http=httpx.Client(transport=transport)) as client,
        pytest.raises(ServerFault, match="7423"),
    ):
        client.list_sales()


def test_pauses_grow_with_jitter_above_the_delay_of_the_server() -> None:
    bounds: list[tuple[float, float]] = []

    def highest(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    pauses = [_retry.pause(attempt, 0.5, highest) for attempt in range(1, 9)]
    assert pauses == [0.5 + high for _, high in bounds]
    assert all(low == 0 for low, _ in bounds)
    assert [high for _, high in bounds] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert _retry.pause(1, None, highest) == 0.05


def test_only_what_passes_is_tried_again() -> None:
    def error(code: str, *details: dict[str, object]) -> bool:
        return _retry.is_passing(_wire.error_of(code, {"message": "x", "details": details}))

    delay: dict[str, object] = {
        "type": "google.rpc.RetryInfo",
        "debug": {"retryDelay": "0.200s"},
    }
    passing = {code for code in FAMILIES if error(code)}
    assert passing == {"unavailable", "aborted"}
    assert error("resource_exhausted", delay), "an overload"
    assert not error("resource_exhausted"), "a message that is too large"
    for status in (429, 502, 503, 504):
        assert _retry.is_passing(_wire.failure(status, b"<html>")), status
    assert isinstance(_wire.failure(401, b""), NotAllowed)
