"""Files, as decided: what may come along with a message, by its name and by what is in it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import PurePath
from typing import Protocol

import puremagic

from portal.kit.errors import Invalid

FILES, FILE_BYTES = 5, 5 * 2**20
DAY, FILE_BYTES_A_DAY = timedelta(days=1), 200 * 2**20
NO_ROOM = (
    f"Your account has attached {FILE_BYTES_A_DAY // 2**20} MiB within a day, and more is not taken. "
    "Share a link, or come back tomorrow."
)
NAME_LENGTH = 120
BINARY = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
TEXT = {
    "txt": "text/plain",
    "md": "text/markdown",
    "log": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
}
KNOWN = "png, jpg, gif, webp, pdf, zip, txt, md, log, csv and json"


class File(Protocol):
    """A file as somebody sends it."""

    @property
    def name(self) -> str: ...
    @property
    def content(self) -> bytes: ...


def check_files(files: Sequence[File]) -> list[tuple[str, str]]:
    """The name and the content type that each file is kept under; Invalid for what may not come along.

    Types follow from name and content together: what shows itself as something else is refused.
    """
    if len(files) > FILES:
        raise _refused(f"Attach at most {FILES} files to one message.")
    return [_check(file) for file in files]


def check_room(size: int, room: int) -> None:
    """Invalid when files are larger than what an account may still attach."""
    if size > room:
        raise _refused(NO_ROOM)


def _check(file: File) -> tuple[str, str]:
    name = clean_file_name(file.name)
    if not file.content:
        raise _refused(f"{name} is empty.")
    if len(file.content) > FILE_BYTES:
        raise _refused(f"{name} is larger than {FILE_BYTES // 2**20} MiB. Make it smaller, or share a link.")
    kind = PurePath(name).suffix[1:].lower()
    if kind in BINARY:
        if not _shows_itself_as(file.content, kind):
            raise _refused(f"{name} is not what its name says: there is no {kind} in it.")
        return name, BINARY[kind]
    if kind in TEXT:
        if not _is_text(file.content):
            raise _refused(f"{name} is not plain text in UTF-8.")
        return name, TEXT[kind]
    raise _refused(f"{name} is of a kind that cannot be attached. What can: {KNOWN}.")


def clean_file_name(name: str) -> str:
    """The last part of a name, without what cannot be shown, with its ending kept."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = " ".join("".join(letter for letter in last if letter.isprintable()).split()).lstrip(".")
    path = PurePath(shown or "file")
    return f"{path.stem[: NAME_LENGTH - len(path.suffix)]}{path.suffix}"


def _shows_itself_as(content: bytes, kind: str) -> bool:
    try:
        found = puremagic.magic_string(content)
    except (puremagic.PureError, ValueError):
        return False
    return any(BINARY.get(one.extension.lstrip(".").lower()) == BINARY[kind] for one in found)


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, field="files")
