"""What the tests of the query share: emulated services, and a lake with its surroundings."""

import pytest

from tests.delivery_factories import emulated_server
from tests.query_factories import query_world


@pytest.fixture(scope="package")
def services():
    """Run emulated services, and give their address."""
    with emulated_server() as address:
        yield address


@pytest.fixture
def world(tmp_path, services):
    """Return a lake, a queue and a ledger, and runs between them."""
    with query_world(tmp_path, services) as made:
        yield made
