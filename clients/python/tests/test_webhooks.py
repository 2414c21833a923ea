"""Webhooks: what a running server sends is accepted, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import queue
import threading
import time

import pytest
from server import Server, draft

from doorbuster import Doorbuster, webhooks

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
BODY = json.dumps(
    {"type": "alert.raised", "timestamp": "2026-11-11T00:00:03.000Z", "data": {"position": 7}}
)
NOW = 1_794_355_203


def signed(secret: str = SECRET, body: str = BODY, stamp: str = str(NOW)) -> dict[str, str]:
    """Headers as the specification says, without the code under test."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"id-1.{stamp}.{body}".encode(), hashlib.sha256).digest()
    return {
        "Webhook-Id": "id-1",
        "Webhook-Timestamp": stamp,
        "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_the_example_of_the_specification_is_accepted() -> None:
    # The signature that the libraries of Standard Webhooks have in their tests.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    with pytest.raises(webhooks.BodyInvalid):
        webhooks.verify(headers, '{"test": 2432232314}', secret, now=1_614_265_330)


def test_a_delivery_is_read() -> None:
    for secret in (SECRET, SECRET.removeprefix("whsec_"), [OTHER, SECRET]):
        delivery = webhooks.verify(signed(), BODY.encode(), secret, now=NOW)
    assert (delivery.id, delivery.type, delivery.data) == ("id-1", "alert.raised", {"position": 7})
    assert delivery.timestamp.timestamp() == NOW


def test_one_of_several_signatures_is_enough() -> None:
    headers = signed(OTHER)
    headers["Webhook-Signature"] += " v1a,AAAA " + signed()["Webhook-Signature"]
    assert webhooks.verify(headers, BODY, SECRET, now=NOW).id == "id-1"


@pytest.mark.parametrize(
    ("headers", "body", "error", "says"),
    [
        ({"webhook-id": ""}, BODY, webhooks.SignatureMissing, "webhook-id"),
        ({"webhook-timestamp": ""}, BODY, webhooks.SignatureMissing, "webhook-timestamp"),
        ({"webhook-timestamp": "soon"}, BODY, webhooks.SignatureMissing, "webhook-timestamp"),
        ({"webhook-signature": ""}, BODY, webhooks.SignatureMissing, "webhook-signature"),
        ({"webhook-signature": "v2,AA=="}, BODY, webhooks.SignatureMissing, "v1"),
        ({"webhook-signature": "v1,AA=="}, BODY, webhooks.SignatureWrong, "no signature"),
        ({"webhook-signature": "v1,ä"}, BODY, webhooks.SignatureWrong, "no signature"),
        ({"webhook-id": "id-2"}, BODY, webhooks.SignatureWrong, "no signature"),
        ({"webhook-timestamp": str(NOW - 1)}, BODY, webhooks.SignatureWrong, "no signature"),
        ({}, BODY + " ", webhooks.SignatureWrong, "no signature"),
    ],
)
def test_what_is_not_signed_is_refused(
    headers: dict[str, str], body: str, error: type[webhooks.WebhookError], says: str
) -> None:
    given = {name.lower(): value for name, value in signed().items()} | headers
    with pytest.raises(error, match=says):
        webhooks.verify(given, body, SECRET, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_delivery_and_one_of_the_future_are_refused(seconds: int) -> None:
    with pytest.raises(webhooks.TimestampTooOld, match="300 s"):
        webhooks.verify(signed(), BODY, SECRET, now=NOW + seconds)
    assert webhooks.verify(signed(), BODY, SECRET, now=NOW + seconds, tolerance=301)
    with pytest.raises(webhooks.SignatureWrong):
        webhooks.verify(signed(), BODY, OTHER, now=NOW)


@pytest.mark.parametrize("secret", ["", [], "whsec_!", "whsec_" + "A" * 12])
def test_a_secret_that_cannot_be_is_the_callers_mistake(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        webhooks.verify(signed(), BODY, secret, now=NOW)


def test_deliveries_of_a_running_server_are_verified(
    another: Server, tmp_path: pathlib.Path
) -> None:
    received: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Not printed."""

    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET)
    secret_file.chmod(0o600)
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{receiver.server_address[1]}/hooks"
        another.options = ("--webhook-url", url, "--webhook-secret-file", str(secret_file))
        another.start()
        with Doorbuster(another.http, operator="olga") as shop:
            item = shop.create_sale(draft("W", 1)).sale.items[0].item_id
            shop.place_order(item, buyer="ann")
        headers, body = received.get(timeout=30)
        delivery = webhooks.verify(headers, body, [OTHER, SECRET])
        receiver.shutdown()
    assert delivery.type == "alert.raised"
    assert delivery.data["event"]["rule"] in {"sold_out", "low_stock"}
    assert delivery.data["position"] > 0
    assert abs(delivery.timestamp.timestamp() - time.time()) < 60
    with pytest.raises(webhooks.SignatureWrong):
        webhooks.verify(headers, body.replace(b"alert", b"Alert"), SECRET)
