"""`make demo-delivery`, whole: the functions from their zips, an endpoint that is down, and a comparison at the end."""

import pytest

from local.delivery import demo as demo_delivery

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told():
    """Return the demo's exit code and what it showed."""
    with pytest.MonkeyPatch.context() as patch:
        shown = []
        patch.setattr("rich.console.Console.print", lambda _self, *things, **_how: shown.extend(things))
        code = demo_delivery.main(readings=60)
    return code, [str(thing) for thing in shown]


def test_every_accepted_record_is_at_the_endpoint_once(told):
    code, shown = told

    assert code == 0, shown
    assert "Every accepted record is at the endpoint exactly once." in shown


def test_what_was_refused_and_what_went_wrong_is_told(told):
    _, shown = told
    lines = "\n".join(shown)

    assert "400: rawTemperature: must be a number" in lines
    assert "403: Forbidden" in lines
    assert "the endpoint answered 503, attempt 4" in lines
    assert "the endpoint answered 429" in lines


def test_an_endpoint_that_lacks_a_record_ends_the_demo_badly(monkeypatch):
    monkeypatch.setattr(demo_delivery, "OUTAGE", ())
    monkeypatch.setattr(demo_delivery.SinkStore, "take", lambda _self, records: len(records))

    assert demo_delivery.main(readings=5) == 1
