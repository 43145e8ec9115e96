"""The small shop with a fact of two versions, whose models are changed and rebuilt."""

from tests.acceptance.command import make_place
from tests.acceptance.small_shop import ITEM, write_model

__all__ = ["DOUBLED", "ITEM", "MAKER", "assert_sound", "change", "make_rebuilt_shop", "versions", "write_model"]
MAKER = '/*\nkind = "dimension"\nkey = "id"\ndriving = "maker"\n*/\nSELECT maker.id, maker.name\n'
DOUBLED = ITEM.replace("item.units", "item.units * 2 AS units")


def make_rebuilt_shop(folder, make_database):
    place = make_place(folder, make_database, {"dim_maker.sql": MAKER, "fact_item.sql": ITEM})
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, 'two')")
    place.ask("CREATE TABLE item (id int PRIMARY KEY, maker int, units int)")
    place.ask("INSERT INTO item VALUES (10, 1, 5), (20, 2, 6)")
    place.starlift("run")
    change(place, "UPDATE item SET units = 7 WHERE id = 10")
    return place


def change(place, statement):
    place.ask(statement)
    return place.starlift("run")


def versions(place, column="units"):
    query = f"SELECT id, {column}, _batch, _current FROM fact_item ORDER BY id, _batch"
    return place.ask(query, "warehouse")


def assert_sound(place):
    answer = place.answer("verify")
    assert answer["equal"], answer
    leftovers = "SELECT relname FROM pg_class WHERE relname LIKE '\\_rebuild%'"
    assert place.ask(leftovers, "warehouse") == []
