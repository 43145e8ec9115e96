"""Deployment zips, unzipped once however many functions use them."""

import atexit
import functools
import hashlib
import io
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

_one_at_a_time = threading.Lock()  # a function's first events come together, and each looks for its code


def unzip(package: bytes) -> Path:
    """Return the folder that holds a deployment zip's content."""
    with _one_at_a_time:
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
