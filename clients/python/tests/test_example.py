"""The example shop and the code of the README, by the interpreter DOORBUSTER_EXAMPLE_PYTHON."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from server import WAIT_SECONDS_MAX, Server

CLIENT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = os.environ.get("DOORBUSTER_EXAMPLE_PYTHON", sys.executable)


@pytest.fixture
def backend(server: Server, tmp_path: pathlib.Path) -> Iterator[httpx.Client]:
    child = subprocess.Popen(
        [PYTHON, str(CLIENT / "examples" / "shop.py")],
        cwd=tmp_path,
        env={**os.environ, "DOORBUSTER_URL": server.http, "SHOP_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, f"the example did not start: {child.wait(WAIT_SECONDS_MAX)}"
        with httpx.Client(base_url=line.split()[0], timeout=WAIT_SECONDS_MAX) as client:
            yield client
    finally:
        child.terminate()
        child.wait(WAIT_SECONDS_MAX)


def test_the_example_sells_and_takes_back(backend: httpx.Client) -> None:
    assert "Phone, 256 GB" in backend.get("/").text

    def available() -> int:
        return int(backend.get("/stock").json()["available"])

    assert available() == 5
    late = backend.post("/orders", json={"buyer": "late"}).json()["order"]
    order = backend.post("/orders", json={"buyer": "ann"}).json()
    assert (order["total_minor"], available()) == (199_900, 3)
    callback = {"order": order["order"], "reference": "bank-1", "currency": "CNY"}
    callback |= {"amount_minor": 199_900}
    for _ in range(2):
        assert backend.post("/payments", json=callback).json() == {"state": "ORDER_STATE_PAID"}
    refunded = backend.post("/refunds", json={"order": order["order"], "units": 1}).json()
    assert [back["amount_minor"] for back in refunded["sent_back"]] == [199_900]
    # The other hold lasts three seconds.
    end = time.monotonic() + WAIT_SECONDS_MAX
    while available() < 5:
        assert time.monotonic() < end, "the hold did not expire"
        time.sleep(0.05)
    too_late = backend.post("/payments", json={**callback, "order": late, "reference": "bank-2"})
    assert too_late.json()["refused"] == "ORDER_EXPIRED"
    assert [back["amount_minor"] for back in too_late.json()["sent_back"]] == [199_900]
    wrong = backend.post("/orders", json={})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "buyer")
    wrong = backend.post("/refunds", json={"order": order["order"], "units": "many"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "units")
    for nonsense in ("nonsense", "[]", "3"):
        assert backend.post("/orders", content=nonsense).status_code == 400
    refused = backend.post("/refunds", json={"order": late, "units": 1})
    assert (refused.status_code, refused.json()["refused"]) == (409, "ORDER_EXPIRED")


def test_the_code_of_the_readme_runs(server: Server, tmp_path: pathlib.Path) -> None:
    text = (CLIENT / "README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    assert "http://127.0.0.1:7423" in code
    program = tmp_path / "readme.py"
    program.write_text(code.replace("http://127.0.0.1:7423", server.http))
    done = subprocess.run([PYTHON, str(program)], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("5\n1\n", "")
