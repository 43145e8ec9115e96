"""What the tests of delivery share: emulated services, and an endpoint with its surroundings."""

import pytest

from tests.delivery_factories import delivery_world, emulated_server


@pytest.fixture(scope="package")
def services():
    """Run emulated services, and give their address."""
    with emulated_server() as address:
        yield address


@pytest.fixture
def world(tmp_path, services, monkeypatch):
    """Return a sink, a ledger and a queue, and workers between them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    with delivery_world(tmp_path) as made:
        yield made
