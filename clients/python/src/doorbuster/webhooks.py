"""Webhooks: a delivery is verified before anything of it is used.

doorbuster signs as Standard Webhooks 1.0.0 says, scheme v1: `webhook-id`, `webhook-timestamp` and
`webhook-signature`, which is the HMAC-SHA256 over id, timestamp and body.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "whsec_"
SCHEME = "v1,"
#: Bytes of a key, by the specification.
KEY_BYTES = range(24, 65)


class WebhookError(Exception):
    """A delivery that must not be trusted: answer 400 and use nothing of it."""


class SignatureMissing(WebhookError):
    """A header of the signature is missing or not of its form."""


class TimestampTooOld(WebhookError):
    """The delivery was signed too long ago or in the future: a repeated one, or a wrong clock."""


class SignatureWrong(WebhookError):
    """No signature is that of the body by any of the secrets."""


class BodyInvalid(WebhookError):
    """The body is signed, but not that of a delivery."""


@dataclass(frozen=True)
class Delivery:
    """A verified delivery. Deliveries are at least once: `id` is the same for every attempt.

    `type` is alert.raised, alert.cleared, incident.detected or incident.resolved; `timestamp` is
    when the log recorded it, `data` its position, stream and event.
    """

    id: str
    type: str
    timestamp: datetime.datetime
    data: dict[str, Any]


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    secrets: str | Sequence[str],
    *,
    tolerance: float = 300.0,
    now: float | None = None,
) -> Delivery:
    """Verifies a delivery and returns it, or raises a `WebhookError`.

    `body` is what arrived, byte for byte. `secrets` is the base64 of the key with or without
    "whsec_", or several while one is replaced. `tolerance` is the age that is still accepted, in
    seconds; `now` is the present as a Unix time, the clock's where absent.
    """
    keys = _keys(secrets)
    given = {name.lower(): value for name, value in headers.items()}
    missing = [
        name
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        if not given.get(name)
    ]
    if missing:
        raise SignatureMissing(f"the header {missing[0]} is missing")
    stamp = given["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit()):
        raise SignatureMissing(f"webhook-timestamp must be seconds, not {stamp!r}")
    age = (time.time() if now is None else now) - int(stamp)
    if abs(age) > tolerance:
        raise TimestampTooOld(
            f"webhook-timestamp is {age:.0f} s old; {tolerance:.0f} s are accepted"
        )
    raw = body.encode() if isinstance(body, str) else body
    signed = b".".join([given["webhook-id"].encode(), stamp.encode(), raw])
    offered = [
        word.removeprefix(SCHEME)
        for word in given["webhook-signature"].split(" ")
        if word.startswith(SCHEME)
    ]
    if not offered:
        raise SignatureMissing("webhook-signature has no signature of the scheme v1")
    # All pairs are compared, so that the time tells nothing of which one fits.
    fits = [
        hmac.compare_digest(_signature(key, signed), signature.encode())
        for key in keys
        for signature in offered
    ]
    if not any(fits):
        raise SignatureWrong("no signature in webhook-signature is that of the body and a secret")
    return _delivery(given["webhook-id"], raw)


def _keys(secrets: str | Sequence[str]) -> list[bytes]:
    keys = []
    for secret in [secrets] if isinstance(secrets, str) else secrets:
        try:
            key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("a webhook secret is not base64") from None
        if len(key) not in KEY_BYTES:
            raise ValueError(f"a webhook secret must be 24 to 64 bytes in base64, not {len(key)}")
        keys.append(key)
    if not keys:
        raise ValueError("there is no webhook secret")
    return keys


def _signature(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _delivery(delivery_id: str, raw: bytes) -> Delivery:
    try:
        said = json.loads(raw)
        # Python 3.10 does not read the suffix Z.
        timestamp = datetime.datetime.fromisoformat(said["timestamp"].replace("Z", "+00:00"))
        return Delivery(delivery_id, said["type"], timestamp, dict(said["data"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BodyInvalid(f"the body is not a delivery: {error!r}") from None
