"""Which object store a name means."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from utils.errors import ConfigurationError
from utils.folder_store import FolderStore
from utils.store import ObjectStore

HALVES = ("landing", "processed")
IN_S3 = re.compile(r"s3://[^\s,/]")


def open_store(url: str) -> ObjectStore:
    """Open `s3://bucket[/prefix]` or a folder, which is created when first written to."""
    if not url:
        raise ConfigurationError("The store has no name. Give a folder or s3://bucket/prefix.")
    parts = urlsplit(url)
    if parts.scheme == "s3" and not parts.netloc:
        raise ConfigurationError(f"{url} names no bucket. Give s3://bucket/prefix.")
    if parts.scheme == "s3":
        from utils.s3_store import S3Store  # a run over a folder does not wait for boto3

        return S3Store(bucket=parts.netloc, prefix=parts.path.strip("/"))
    if "://" in url:
        raise ConfigurationError(f"The store {url} is neither a folder nor s3://bucket/prefix.")
    return FolderStore(Path(url).expanduser())


def below(url: str, part: str) -> str:
    """Return the name of a half of a store, which `s3://landing,s3://processed` names by itself."""
    if not url.strip():
        raise ConfigurationError("The store has no name. Give a folder or s3://bucket/prefix.")
    if not url.startswith("s3://") or "," not in url:
        return f"{url.rstrip('/')}/{part}"
    halves = url.split(",")
    if len(halves) != len(HALVES) or len(set(halves)) != len(HALVES) or not all(map(IN_S3.match, halves)):
        raise ConfigurationError(
            f"The store {url} is no pair. Give s3://LANDING,s3://PROCESSED, two names without spaces."
        )
    return halves[HALVES.index(part)]
