"""A running server for the tests: the binary named by DOORBUSTER_BIN, on an embedded store."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable, Iterator

import pytest
from server import Server, draft

from doorbuster import Doorbuster


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("doorbuster") / "data")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def shop(server: Server) -> Iterator[Doorbuster]:
    with Doorbuster(server.http, operator="olga") as client:
        yield client


@pytest.fixture
def another(tmp_path: pathlib.Path) -> Iterator[Server]:
    """A server that a test may stop, kill or set up otherwise."""
    running = Server(tmp_path / "data")
    yield running
    running.kill()


SKUS = (f"PHONE-{number}" for number in itertools.count())


@pytest.fixture
def sell(shop: Doorbuster) -> Callable[..., str]:
    """Puts an item of its own on sale and returns its id as SALE_ID/SKU."""

    def new(units: int = 10, **item: object) -> str:
        sku = next(SKUS)
        answer = shop.create_sale(draft(sku, units, **item))
        return f"{answer.sale.sale_id}/{sku}"

    return new
