"""What goes into a Lambda package, and the same bytes for the same content."""

import fnmatch
import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Contents = Mapping[str, Path]
"""Files by the name they get in the zip."""

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; any fixed one would do
READABLE = 0o100644 << 16  # Lambda runs as a user of its own, who must be able to read every file
COMPRESSION_LEVEL = 6

IN_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3")
LEFT_OUT = (
    *(f"{name}{rest}" for name in IN_THE_RUNTIME for rest in ("/*", "-*.dist-info/*")),
    # Installers' records, which also differ from one machine to the next.
    *(f"*.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")),
    # Python's installer, which awswrangler asks for and never imports.
    *("setuptools/*", "setuptools-*.dist-info/*", "_distutils_hack/*", "distutils-precedence.pth"),
    # For building against a package, testing it or checking types, never for running it.
    *(
        "*/tests/*",
        "*/include/*",
        "*.h",
        "*.hpp",
        "*.pxd",
        "*.pyx",
        "*.pyi",
        "*.a",
        "*-stubs/*",
        "bin/*",
        "pyarrow/src/*",
    ),
    *("*/__pycache__/*", "__pycache__/*", "*.pyc", ".lock"),
    *(
        "*.pxi",
        "numpy/distutils/*",
        "numpy/f2py/*",
        "numpy/_core/*_tests.*",
        "duckdb/experimental/*",
        "pandas/conftest.py",
    ),
    # Parts of Arrow that reading and writing Parquet never load, and the same libraries under their other names.
    *(f"pyarrow/*{part}*.so*" for part in ("flight", "gcsfs", "azurefs", "hdfs", "orc", "cpp_tests")),
    # (libarrow_substrait stays: pyarrow's own module is linked to it.)
    *("pyarrow/_substrait*.so", "pyarrow/libarrow_*.so", "pyarrow/lib*.so.*.*.*"),
)


def is_needed(name: str) -> bool:
    """Tell whether a file is worth its bytes in a Lambda."""
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_OUT)


def installed_files(folder: Path) -> dict[str, Path]:
    """Return the needed files of a folder that packages were installed into."""
    names = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return {name: path for name, path in names if is_needed(name)}


def append(package: Path, contents: Contents) -> None:
    """Add files to a zip so that the same files always make the same bytes."""
    with zipfile.ZipFile(package, "a", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name, path in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = READABLE
            entry.create_system = 3  # Unix, whatever builds it
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, COMPRESSION_LEVEL)


def label(package: Path, digest: str) -> None:
    """Write into a zip what it was made from."""
    with zipfile.ZipFile(package, "a") as archive:
        archive.comment = digest.encode()


def read_label(package: Path) -> str:
    """Return what a zip was made from, or nothing when there is no whole zip."""
    try:
        with zipfile.ZipFile(package) as archive:
            return archive.comment.decode()
    except (FileNotFoundError, zipfile.BadZipFile):
        return ""


def unzipped_bytes(package: Path) -> int:
    """Return what Lambda measures against its limit."""
    with zipfile.ZipFile(package) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def digest_of(parts: Iterable[bytes]) -> str:
    """Return a checksum that changes when any part does, or its place."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def contents_parts(contents: Contents) -> Iterator[bytes]:
    """Give names and bytes of all files, in a fixed order."""
    for name, path in sorted(contents.items()):
        yield name.encode()
        yield path.read_bytes()
