import threading

import pytest

from utils.threads import in_threads


@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_results_come_in_the_order_of_the_items(count):
    assert in_threads(lambda number: -number, range(count)) == [-number for number in range(count)]


def test_the_first_item_is_done_alone_and_the_others_in_threads():
    threads = in_threads(lambda _number: threading.current_thread(), range(3))

    assert threads[0] is threading.current_thread()
    assert threading.current_thread() not in threads[1:]


def test_an_error_of_any_item_is_raised():
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda number: 1 / (number - 2), range(3))
