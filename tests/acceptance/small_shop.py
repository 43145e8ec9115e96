"""A shop of two tables, a dimension with history and a fact, for tests of what people do to a source."""

from tests.acceptance.command import Place, make_place

MAKER = """/*
kind = "dimension"
key = "id"
driving = "maker"
history = "versions"
*/
SELECT maker.id, maker.name
"""
ITEM = """/*
kind = "fact"
key = "id"
driving = "item"
[references]
maker = "dim_maker"
*/
SELECT item.id, item.maker, item.units
"""
COMPARED = '[tables.item]\ndeletes = "compare-keys"\n'
FIRST = [[1, 1, 5, True, False], [2, 2, 6, True, False]]


def make_small_shop(folder, make_database, pipeline="") -> Place:
    """Return a shop whose first batch is loaded."""
    place = make_place(folder, make_database, {"dim_maker.sql": MAKER, "fact_item.sql": ITEM}, pipeline)
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, 'two')")
    place.ask("CREATE TABLE item (id int PRIMARY KEY, maker int, units int)")
    place.ask("INSERT INTO item VALUES (1, 1, 5), (2, 2, 6)")
    run(place)
    return place


def run(place, *more):
    done = place.starlift("run", *more)
    assert done.exit_code == 0, done.stderr


def refused(place, *more):
    done = place.starlift("run", *more)
    assert done.exit_code == 1
    return " ".join(done.stderr.split())


def write_model(place, name, text):
    (place.project / "models" / f"{name}.sql").write_text(text)


def versions(place, columns="id, maker, units"):
    return place.ask(f"SELECT {columns}, _current, _deleted FROM fact_item ORDER BY id, _batch", "warehouse")


def assert_equal(place):
    answer = place.answer("verify")
    assert answer["equal"], answer
