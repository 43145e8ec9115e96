"""Deployment zips, unzipped once however many functions use them."""

import atexit
import functools
import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path


def unzip(package: bytes) -> Path:
    """Return the folder that holds a deployment zip's content."""
    code = _folder() / hashlib.sha256(package).hexdigest()
    if not code.exists():
        # Unzipped beside its place, so that a half-written folder is never taken for a whole one.
        partial = Path(tempfile.mkdtemp(dir=_folder()))
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            archive.extractall(partial)
        partial.rename(code)
    return code


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="starlift-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
