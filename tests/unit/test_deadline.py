from utils.deadline import RESERVE, Stopwatch, lambda_deadline, no_deadline


class Context:
    def __init__(self, seconds):
        self.seconds = seconds

    def get_remaining_time_in_millis(self):
        return self.seconds * 1000


def test_another_batch_fits_while_twice_the_longest_is_left():
    assert lambda_deadline(Context(500))(200)
    assert not lambda_deadline(Context(500))(300)


def test_a_reserve_is_kept_however_short_the_batches():
    assert not lambda_deadline(Context(RESERVE - 1))(0.1)


def test_a_host_that_is_no_lambda_has_no_deadline():
    assert no_deadline(1e9)


def test_a_stopwatch_keeps_its_longest_lap():
    watch = Stopwatch()

    laps = [watch.lap() for _ in range(3)]

    assert watch.longest == max(laps)
