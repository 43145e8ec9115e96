import pytest

from tests.manifest_factories import landing_manifest, processed_manifest
from utils.batch_log import HINT, LandingLog, ProcessedLog
from utils.errors import IntegrityError, ManifestConflictError, ObjectExistsError
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, decode, encode


class CountingStore(FolderStore):
    """Counts what the log asks, to hold its cost."""

    asked = 0

    def exists(self, key):
        type(self).asked += 1
        return super().exists(key)


class LostReplyStore(FolderStore):
    """Writes, then fails as if the reply had been lost and the client had tried again."""

    def create(self, key, body):
        super().create(key, body)
        raise ObjectExistsError(key)


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


def fill(store, count):
    for number in range(1, count + 1):
        store.create(LandingLog.key(number), encode(landing_manifest(number=number)))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 33])
def test_the_newest_batch_is_found_without_a_hint(store, count):
    fill(store, count)

    assert LandingLog(store).newest() == count


@pytest.mark.parametrize("hint", [b"2", b"9", b"12", b"not a number", b"-3"])
def test_a_stale_or_wrong_hint_never_misleads(store, hint):
    fill(store, 9)
    store.put(HINT, hint)

    assert LandingLog(store).newest() == 9


def test_finding_the_newest_batch_costs_the_same_in_a_long_log(tmp_path):
    store = CountingStore(tmp_path)
    fill(store, 300)
    store.put(HINT, b"299")
    CountingStore.asked = 0

    assert LandingLog(store).newest() == 300
    assert CountingStore.asked <= 4


def test_of_two_runs_racing_for_a_number_one_gets_a_retryable_conflict(store):
    LandingLog(store).commit(landing_manifest(number=1, run_id="winner"))

    with pytest.raises(ManifestConflictError, match="winner"):
        LandingLog(store).commit(landing_manifest(number=1, run_id="loser"))

    assert LandingLog(store).read(1).manifest.run_id == "winner"


def test_a_lost_reply_to_ones_own_commit_means_success(tmp_path):
    log = LandingLog(LostReplyStore(tmp_path))

    log.commit(landing_manifest(number=1, token="mine"))

    assert log.newest() == 1


def test_another_attempt_of_the_same_run_is_a_conflict(tmp_path):
    LandingLog(FolderStore(tmp_path)).commit(landing_manifest(number=1, token="first"))

    with pytest.raises(ManifestConflictError):
        LandingLog(FolderStore(tmp_path)).commit(landing_manifest(number=1, token="second"))


def test_the_highest_attempt_at_a_batch_counts(store):
    log = ProcessedLog(store)
    log.commit(processed_manifest(number=1, attempt=1))
    log.commit(processed_manifest(number=1, attempt=2, run_id="mended"))

    assert (log.newest(), log.newest_attempt(1), log.read(1).run_id) == (1, 2, "mended")


def test_a_manifest_survives_its_encoding():
    manifest = landing_manifest(number=3)

    assert decode(LandingManifest, encode(manifest), "m") == manifest


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 99}'])
def test_what_is_no_manifest_is_named(body):
    with pytest.raises(IntegrityError, match="some/key"):
        decode(LandingManifest, body, "some/key")


def test_a_manifest_under_another_number_is_refused(store):
    store.create(LandingLog.key(2), encode(landing_manifest(number=1)))

    with pytest.raises(IntegrityError, match="says it is batch 1"):
        LandingLog(store).read(2)
