"""Versions of full exports taken from their folder into the target, in one process on this machine.

The steps are those of the state machine, with the target itself in the stream's place: what is put there is applied
before it counts as published, so a change that the target refuses stops its version instead of being set aside. The
next run goes on behind the last change that is in.
"""

import base64
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extraction.exports import pipeline
from extraction.exports.ports import Ports, Request
from extraction.exports.versions import Rank, declared, parse_key, rank, rank_of_earlier
from extraction.exports.wiring import open_ports
from load.changes import ports as applying
from load.changes.pipeline import apply_records
from load.changes.wiring import open_ports as open_target
from transformation.delta import wiring
from transformation.delta.pipeline import publish_delta
from transformation.delta.ports import Record
from transformation.delta.task import Task
from utils.deadline import no_deadline
from utils.errors import ConfigurationError
from utils.export_files import is_data
from utils.export_project import read_exports
from utils.export_table import ExportTable, ExportVersion
from utils.open_store import open_store
from utils.postgres.url import DatabaseUrl
from utils.registry.claim import Claim
from utils.registry.records import Status

TOLD_EVERY = 50_000  # changes; some seconds of work
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """The project, and where its exports, changes, registry and targets are."""

    project: Path
    exports: str
    changes: str
    registry: str
    target: DatabaseUrl


@dataclass(frozen=True)
class Asked:
    """What a person confirmed for the version that they named."""

    replay: bool = False
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ended:
    """How a version ended, and what its delta counts."""

    version: str
    status: str
    counts: Mapping[str, int]


@dataclass
class _Target:
    """Takes records as the stream does, and applies them at once."""

    ports: applying.Ports
    turn: threading.Lock = field(default_factory=threading.Lock)  # several calls share one session
    applied: int = 0

    def put(self, records: Sequence[Record]) -> dict[int, str]:
        """Apply records, or raise the error of the first that its target refuses."""
        delivered = [
            {"kinesis": {"sequenceNumber": str(place), "data": base64.b64encode(record.data)}}
            for place, record in enumerate(records)
        ]
        with self.turn:
            refused = apply_records(delivered, self.ports).refused
            if refused:
                raise refused.error
            self._tell(len(records))
        return {}

    def _tell(self, more: int) -> None:
        """Show that the work goes on, now and then."""
        before, self.applied = self.applied, self.applied + more
        if self.applied // TOLD_EVERY > before // TOLD_EVERY:
            logger.info("changes applied so far", extra={"row_count": self.applied})


@dataclass(frozen=True)
class LocalRun:
    """Everything that takes versions to the target."""

    ports: Ports
    config: wiring.Config
    target: _Target

    def waiting(self, tenant: str, name: str) -> list[str]:
        """Return the complete versions later than the last success, in order.

        One that failed is tried again only while it is the newest, as nobody starts it again where each arrival
        starts its own execution: a later one is compared with the last success, and makes up for it.
        """
        series, table = f"{tenant}/{name}", declared(self.ports.tables, ExportVersion(tenant, name, ""))
        succeeded = self.ports.registry.head(series).succeeded
        last: Rank = rank_of_earlier(succeeded, table) if succeeded else ()
        ranks = {version: rank(version, table) for version in set(self._complete(tenant, table))}
        later = sorted((version for version in ranks if ranks[version] > last), key=lambda version: ranks[version])
        failed = {entry.version for entry in self.ports.registry.entries(series) if entry.status is Status.FAILED}
        return [version for version in later if version not in failed or version == later[-1]]

    def _complete(self, tenant: str, table: ExportTable) -> Iterator[str]:
        for item in self.ports.exports.list(f"{tenant}/{table.name}/"):
            version, file = parse_key(item.key)
            if file == table.closed_by or (table.closed_by is None and is_data(file, table)):
                yield version.version

    def run(self, version: ExportVersion, asked: Asked) -> Ended:
        """Do the steps of one version; whatever stops them releases the lock and is noted as the cause."""
        request = Request(version, f"local-{uuid.uuid4().hex[:12]}", asked.replay)
        try:
            return self._steps(request, asked)
        except BaseException as error:
            pipeline.fail_version(request, f"{type(error).__name__}: {error}", self.ports)
            raise

    def _steps(self, request: Request, asked: Asked) -> Ended:
        version = request.version.version
        found = pipeline.register_version(request, self.ports)
        if found["outcome"] != Status.REGISTERED:
            return Ended(version, found["outcome"], {})
        while True:
            found = pipeline.acquire_lock(request, self.ports)
            if found["outcome"] != pipeline.CLAIMED:
                return Ended(version, found["outcome"], {})
            claim = Claim.from_message(found)
            counts = self._publish(claim, asked.accepted if claim.version == version else frozenset())
            if not pipeline.finish_version(request, claim, counts, self.ports)["more"]:
                return Ended(version, Status.SUCCEEDED, counts)

    def _publish(self, claim: Claim, accepted: frozenset[str]) -> dict[str, Any]:
        version = ExportVersion(claim.tenant, claim.table, claim.version)
        task = Task(version, claim.order, claim.previous, accepted)
        done = publish_delta(task, wiring.open_ports(self.config, claim, self.target), no_deadline)
        return dict(done["counts"])


@contextmanager
def open_run(places: Places) -> Iterator[LocalRun]:
    """Connect to the target, and read the project."""
    if "://" not in places.exports and not Path(places.exports).expanduser().is_dir():
        raise ConfigurationError(
            f"{places.exports} is not a folder. Name the one that exports arrive in with --exports."
        )
    ports = open_ports(places.project, places.exports, places.registry)
    config = wiring.Config(places.project, places.exports, places.changes, places.registry, "", wiring.HOST_MEMORY_MB)
    with open_target(read_exports(places.project), places.target, open_store(places.changes)) as target:
        yield LocalRun(ports, config, _Target(target))
