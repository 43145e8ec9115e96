"""The file drop's real ports, from the Lambda's environment and from a project.

This module alone reads another stage's code (decision 0012): records are made and loaded in one function, since
a stream cannot rest between two of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import boto3

from load.files.dead_letters import DeadLetterQueue
from load.files.ports import DroppedFile, Objects, Ports
from transformation.records import plain, read
from utils.deadline import Seconds, no_limit
from utils.errors import WarehouseUnavailableError
from utils.file_project import read_file_project
from utils.file_table import FileProject, FileTable
from utils.open_store import open_store
from utils.postgres.connection import Role, connect
from utils.postgres.url import DatabaseUrl
from utils.records import Chunk, PlainCopy
from utils.s3_store import S3Store, s3_client
from utils.secrets import read_database_secret
from utils.settings import check_present
from utils.store import ObjectStore

TARGET = Role("target", WarehouseUnavailableError)
NEEDED = ("PROJECT", "TARGET_SECRET", "QUARANTINE", "DLQ_URL", "MAX_RECEIVES")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    target_secret: str
    quarantine: str
    dlq_url: str
    max_receives: int

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        return cls(
            project=Path(environment["PROJECT"]),
            target_secret=environment["TARGET_SECRET"],
            quarantine=environment["QUARANTINE"],
            dlq_url=environment["DLQ_URL"],
            max_receives=int(environment["MAX_RECEIVES"]),
        )


class FileRecords:
    """Records as the transformation stage reads them."""

    def read_chunks(self, table: FileTable, key: str, blocks: Iterable[bytes]) -> Iterator[Chunk]:
        """Parse, clean and validate, some thousand records at a time."""
        return read.read_chunks(table, key, blocks)

    def plain_copy(self, table: FileTable, key: str, blocks: Iterable[bytes]) -> PlainCopy | None:
        """Return the bytes for COPY as they are, None when records must be looked at."""
        return plain.plain_copy(table, key, blocks)


class BucketObjects:
    """Dropped files in their buckets."""

    def __init__(self, client: Any = None) -> None:
        self._given = client

    @cached_property
    def _client(self) -> Any:
        return self._given or s3_client()

    def read(self, dropped: DroppedFile) -> Iterator[bytes]:
        """Yield the file's bytes, or raise ObjectChangedError when the key has other content by now."""
        return S3Store(dropped.bucket, client=self._client).read_blocks(dropped.key, dropped.version, dropped.etag)


def make_ports(project: FileProject, target: DatabaseUrl, quarantine: ObjectStore, objects: Objects) -> Ports:
    """Return the ports of a project's file drop; nothing is opened yet."""
    return Ports(partial(connect, target, TARGET), objects, FileRecords(), quarantine, project)


def open_lambda_ports(config: Config, seconds_left: Seconds = no_limit) -> Ports:
    """Return the ports that the Lambda's environment names."""
    project, target = read_file_project(config.project), read_database_secret(config.target_secret)
    ports = make_ports(project, target, open_store(config.quarantine), BucketObjects())
    return replace(ports, seconds_left=seconds_left)


def open_queue(config: Config) -> DeadLetterQueue:
    """Return the dead-letter queue that the Lambda's environment names."""
    return DeadLetterQueue(config.dlq_url, boto3.client("sqs"))
