"""The object store as an S3 bucket: multipart uploads of flat memory, and create-if-absent by If-None-Match."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from utils.aws_errors import Fault, named_errors
from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStoreUnavailableError,
    PipelineError,
)
from utils.s3_stream import resumed
from utils.store import StoredObject, Written

PART_BYTES = 8 << 20  # S3 allows 10,000 parts of at least 5 MiB
GROWTH_PARTS = 1_000  # after so many parts they double, so that the largest object S3 allows (5 TB) still fits
CONFLICT = {"ConditionalRequestConflict", "409"}  # two If-None-Match writes met; S3 asks to try again
EXISTS = {"PreconditionFailed", "412"}
MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}


def s3_client() -> Any:
    """Return a client that asks again where S3 asks for patience."""
    return boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def _named_errors(what: str) -> contextlib.AbstractContextManager[None]:
    return named_errors(what, ObjectStoreUnavailableError, lambda fault: _named(fault, what), key=what)


@contextlib.contextmanager
def _changes_named(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code", "") not in EXISTS:
            raise
        raise ObjectChangedError(f"{what} was overwritten since; its new content has an event of its own.") from error


def _named(fault: Fault, what: str) -> PipelineError:
    if fault.code in EXISTS:
        return ObjectExistsError(f"{what} exists already.", key=what)
    if fault.code in MISSING:
        return ObjectMissingError(f"{what} is not in the store.", key=what)
    if fault.is_denied:
        return AccessDeniedError(f"S3 refused {what}: {fault.message}. Grant this role access to it.", key=what)
    if fault.code == "NoSuchBucket":
        return ConfigurationError(f"The bucket of {what} does not exist. Create it, or correct the store's name.")
    if fault.code in CONFLICT or fault.is_transient:
        return ObjectStoreUnavailableError(f"S3 did not answer for {what}: {fault.code}.", key=what)
    return ConfigurationError(f"S3 refused {what}: {fault.code}: {fault.message} Mend what it names.", key=what)


@dataclass(frozen=True)
class ObjectState:
    """What tells an object's present content from its earlier ones."""

    version: str  # empty in a bucket without versions
    etag: str
    bytes: int


@dataclass(frozen=True)
class S3Store:
    """Objects below one prefix of a bucket."""

    bucket: str
    prefix: str = ""
    client: Any = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The bucket and prefix as `s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @cached_property
    def _s3(self) -> Any:
        return self.client or s3_client()

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}" if self.prefix else key}

    def write(self, key: str, blocks: Iterable[bytes]) -> Written:
        """Stream blocks into a new object that appears whole or not at all; memory stays at two parts."""
        digest, size = hashlib.sha256(), 0
        parts = _parts(blocks)
        with _named_errors(f"{self.url}/{key}"):
            first = next(parts, b"")
            second = next(parts, None)
            if second is None:
                self._s3.put_object(**self._at(key), Body=first)
                return Written(bytes=len(first), sha256=hashlib.sha256(first).hexdigest())
            with self._multipart(key) as upload:
                for part in _chain(first, second, parts):
                    digest.update(part)
                    size += len(part)
                    upload.send(part)
        return Written(bytes=size, sha256=digest.hexdigest())

    @contextlib.contextmanager
    def _multipart(self, key: str) -> Iterator["_Upload"]:
        upload = _Upload(self._s3, {**self._at(key), "UploadId": ""})
        upload.target["UploadId"] = self._s3.create_multipart_upload(**self._at(key))["UploadId"]
        try:
            yield upload
            self._s3.complete_multipart_upload(**upload.target, MultipartUpload={"Parts": upload.etags})
        except BaseException:
            # Parts of an abandoned upload cost money until a lifecycle rule finds them; best effort here.
            with contextlib.suppress(BotoCoreError, ClientError):
                self._s3.abort_multipart_upload(**upload.target)
            raise

    def create(self, key: str, body: bytes) -> None:
        """Create an object, or raise ObjectExistsError: of many racing callers, one wins."""
        with _named_errors(f"{self.url}/{key}"):
            self._s3.put_object(**self._at(key), Body=body, IfNoneMatch="*")

    def put(self, key: str, body: bytes) -> None:
        """Create or replace a small object."""
        with _named_errors(f"{self.url}/{key}"):
            self._s3.put_object(**self._at(key), Body=body)

    def read(self, key: str) -> bytes:
        """Return a small object's bytes, or raise ObjectMissingError."""
        with _named_errors(f"{self.url}/{key}"):
            body: bytes = self._s3.get_object(**self._at(key))["Body"].read()
            return body

    def read_end(self, key: str, count: int) -> bytes:
        """Return an object's last bytes, or raise ObjectMissingError."""
        with _named_errors(f"{self.url}/{key}"):
            body: bytes = self._s3.get_object(**self._at(key), Range=f"bytes=-{count}")["Body"].read()
            return body

    def stat(self, key: str) -> ObjectState:
        """Return what the object is now, or raise ObjectMissingError."""
        with _named_errors(f"{self.url}/{key}"):
            found = self._s3.head_object(**self._at(key))
        return ObjectState(found.get("VersionId", ""), found["ETag"].strip('"'), found["ContentLength"])

    def read_blocks(self, key: str, version: str = "", etag: str = "") -> Iterator[bytes]:
        """Yield an object's bytes as that version or etag has them, going on where a broken connection left off.

        Raises:
            ObjectChangedError: the object is another one by now.
        """
        which = {**self._at(key), **({"VersionId": version} if version else {})}
        with _named_errors(f"{self.url}/{key}"), _changes_named(f"{self.url}/{key}"):
            yield from resumed(self._s3, which, etag)

    def exists(self, key: str) -> bool:
        """Tell whether the object is there."""
        try:
            with _named_errors(f"{self.url}/{key}"):
                self._s3.head_object(**self._at(key))
        except ObjectMissingError:
            return False
        return True

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose keys start with prefix, in order of key."""
        above = len(self.prefix) + 1 if self.prefix else 0
        with _named_errors(f"{self.url}/{prefix}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._at(prefix)["Key"]
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    etag = item["ETag"].strip('"')
                    yield StoredObject(item["Key"][above:], item["Size"], item["LastModified"], etag)

    def delete(self, key: str) -> None:
        """Remove an object; it need not be there."""
        with _named_errors(f"{self.url}/{key}"):
            self._s3.delete_object(**self._at(key))

    def fetch(self, key: str, scratch: Path) -> Path:
        """Download the object into scratch and return the path."""
        path = scratch / hashlib.sha256(key.encode()).hexdigest()
        with _named_errors(f"{self.url}/{key}"):
            self._s3.download_file(self.bucket, self._at(key)["Key"], str(path))
        return path


@dataclass(frozen=True)
class _Upload:
    client: Any
    target: dict[str, str]
    etags: list[dict[str, object]] = field(default_factory=list)

    def send(self, part: bytes) -> None:
        number = len(self.etags) + 1
        reply = self.client.upload_part(**self.target, PartNumber=number, Body=part)
        self.etags.append({"PartNumber": number, "ETag": reply["ETag"]})


def _parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Gather blocks into parts that double in size now and then."""
    gathered, size, limit, count = [], 0, PART_BYTES, 0
    for block in blocks:
        gathered.append(block)
        size += len(block)
        if size >= limit:
            yield b"".join(gathered)
            gathered, size, count = [], 0, count + 1
            limit = PART_BYTES << (count // GROWTH_PARTS)
    if gathered:
        yield b"".join(gathered)


def _chain(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest
