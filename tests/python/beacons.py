"""Beacons from a client in another language: over gRPC, and over HTTP as a page posts them."""

import json
import urllib.error
import urllib.request
import uuid

from google.protobuf import timestamp_pb2

from report import equal

PER_MESSAGE = 1_000


def beacon(shop, number, **fields):
    """A beacon that is valid unless `fields` override it."""
    defaults = {
        "beacon_id": str(uuid.uuid4()),
        "item_id": shop.item_id,
        "action": shop.pb.TRAFFIC_ACTION_VIEW,
        "visitor": f"visitor-{number}",
        "channel": "app",
    }
    return shop.pb.Beacon(**defaults | fields)


def record(shop, *messages):
    """Sends one message for each list of beacons."""
    stub = shop.stubs["traffic_service"].TrafficServiceStub(shop.channel)
    requests = [shop.pb.RecordTrafficRequest(beacons=beacons) for beacons in messages]
    return stub.RecordTraffic(iter(requests), timeout=30)


def post(web, body, kind="text/plain"):
    """Status and document of a POST."""
    request = urllib.request.Request(
        f"http://{web}/traffic", data=body, headers={"content-type": kind}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def check(cases, server, shop):
    """Every promise about beacons that is visible to a client."""
    with cases.case("beacons are taken in batches, and again count once"):
        batches = [[beacon(shop, 100 * n + m) for m in range(100)] for n in range(20)]
        answer = record(shop, *batches)
        equal((answer.accepted, answer.duplicates, answer.shed), (2_000, 0, 0))
        answer = record(shop, *batches)
        equal((answer.accepted, answer.duplicates), (0, 2_000))

    with cases.case("bad beacons are refused by field and stop nothing"):
        far = timestamp_pb2.Timestamp(seconds=4_000_000_000)
        spoilt = [
            beacon(shop, 1, visitor="x" * 129),
            beacon(shop, 2, page="a\nb"),
            beacon(shop, 3, item_id=str(uuid.uuid4())),
            beacon(shop, 4, time=far),
            beacon(shop, 5, action=0),
            beacon(shop, 6),
        ]
        answer = record(shop, spoilt)
        equal(answer.accepted, 1)
        found = {refused.reason: (refused.beacons, refused.field) for refused in answer.refused}
        expected = {
            shop.pb.BEACON_REFUSAL_REASON_INVALID: (3, "beacons[0].visitor"),
            shop.pb.BEACON_REFUSAL_REASON_UNKNOWN_ITEM: (1, "beacons[2].item_id"),
            shop.pb.BEACON_REFUSAL_REASON_TIME_OUT_OF_RANGE: (1, "beacons[3].time"),
        }
        equal(found, expected)

    with cases.case("a page posts beacons"):
        one = {
            "beacon_id": str(uuid.uuid4()),
            "item_id": shop.item_id,
            "action": "share",
            "visitor": "ann",
        }
        body = json.dumps({"beacons": [one, one, {"visitor": 1}]}).encode()
        status, said = post(server.web, body)
        equal((status, said["accepted"], said["duplicates"]), (200, 1, 1))
        equal(said["refused"][0]["reason"], "INVALID")
        status, said = post(server.web, b"{")
        equal((status, said["field"]), (400, "body"))
        equal(post(server.web, b" " * 70_000)[0], 413)
        equal(post(server.web, b"{}", "image/png")[0], 415)
