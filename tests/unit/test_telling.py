"""A demo's beginning and its early end, as a person at the terminal sees them."""

import pytest

from local.telling import run_demo


def stopped(*_numbers):
    raise KeyboardInterrupt


@pytest.mark.parametrize("given", ["many", "0", "-5", "1.5", ""])
def test_a_number_of_another_form_is_told_before_anything_starts(given, capsys):
    assert run_demo(stopped, [given], "READINGS") == 2

    assert capsys.readouterr().err == "READINGS is a whole number from 1 up.\n"


def test_ctrl_c_ends_a_demo_without_a_traceback(capsys):
    assert run_demo(stopped, ["50"], "READINGS") == 130

    assert "Stopped. Nothing is left running." in capsys.readouterr().err


def test_a_demo_runs_with_the_number_that_was_given_and_with_its_own_otherwise():
    assert run_demo(lambda orders=7: orders, ["50"], "ORDERS") == 50
    assert run_demo(lambda orders=7: orders, [], "ORDERS") == 7
