import pytest

from utils.errors import ConfigurationError
from utils.settings import check_present


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match="LANDING, PROCESSED"):
        check_present({"PROJECT": "p", "LANDING": ""}, ("PROJECT", "LANDING", "PROCESSED"))


def test_settings_that_are_all_there_pass():
    check_present({"PROJECT": "p"}, ("PROJECT",))
