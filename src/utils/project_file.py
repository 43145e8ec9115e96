"""The files of a project, which people and programs of theirs write: read, or refused by name."""

from pathlib import Path

from utils.errors import ConfigurationError

MAX_TEXT_BYTES = 16 << 20  # of what a person wrote; a larger one is another file that came here by mistake


def read_text(path: Path, folder: Path) -> str:
    """Return the text of a file in a folder, or raise ConfigurationError that names it."""
    body = read_bytes(path, folder)
    if len(body) > MAX_TEXT_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_TEXT_BYTES >> 20} MiB, which no such file is. Remove it.")
    try:
        path.name.encode()  # it becomes a table's name
        return body.decode("utf-8-sig").replace("\r\n", "\n")  # some editors put a byte order mark first
    except UnicodeError as error:
        raise ConfigurationError(f"{str(path)!r} is not UTF-8; save it, and name it, as such.") from error


def read_bytes(path: Path, folder: Path) -> bytes:
    """Return the bytes of a file in a folder, or raise ConfigurationError that names it."""
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigurationError(f"{path} leads out of {folder}. Copy the file there instead.")
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path} is not a file. Remove it, or move it elsewhere.")
        return path.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a zero byte in the name
        raise ConfigurationError(f"{path} cannot be read: {error}. Mend or remove it.") from error
