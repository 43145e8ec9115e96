"""What an execution may be asked for, and how a request that no run would follow is refused."""

import pytest

from extraction.database.request import read_moment, read_request
from utils.errors import ConfigurationError


def test_a_request_is_read_without_what_aws_puts_beside_it():
    asked = {"resync": True, "rows": {"staff": [{"staff_id": "7"}]}, "accept_deletes": ["staff"]}

    assert read_request({"request": {**asked, "Comment": "Insert your JSON here"}}) == asked
    assert read_request({}) == {}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"backfil": ["staff"]}, "'backfil'.*backfill"),
        ({"backfill": "staff"}, "list of tables"),
        ({"accept_deletes": [7]}, "list of tables"),
        ({"resync": "false"}, "true or false"),
        ({"rows": {"staff": ["7"]}}, "staff_id"),
        ([], "no JSON object"),
    ],
)
def test_a_request_that_no_run_would_follow_is_refused_with_its_form(request_, told):
    with pytest.raises(ConfigurationError, match=told):
        read_request({"request": request_})


@pytest.mark.parametrize("moment", ["yesterday", 7, None])
def test_a_start_that_is_no_time_is_refused_with_an_example(moment):
    with pytest.raises(ConfigurationError, match="2026-01-01"):
        read_moment({"started_at": moment})
