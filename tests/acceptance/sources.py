"""What tests of sources that moved ask of the command."""

from tests.acceptance.command import Place

MARK = "rewound"  # a refusal may be noted, see extraction/database/rewound.py


def place_of(world, server):
    """Return a world's project, warehouse and store for the command, with a server as its source."""
    warehouse = world.warehouse
    address = f"postgresql://{warehouse.user}@{warehouse.host}:{warehouse.port}/{warehouse.database}?sslmode=disable"
    return Place(world.folder.parent / "project", server.url(world.source.database), address, world.folder)


def assert_refused(place, *more):
    """Hold that a run stops with the remedy and writes nothing."""
    before = _written(place)
    done = place.starlift("run", *more)

    assert done.exit_code == 1
    assert "ResyncNeededError" in done.stderr
    assert "--resync" in done.stderr
    assert _written(place) == before


def _written(place):
    files = {path: path.stat().st_mtime_ns for path in place.store.rglob("*") if path.is_file() and path.name != MARK}
    return files, place.ask("SELECT count(*) FROM starlift.ledger", "warehouse")
