"""Bills, as files: opened, unpacked, and read line by line, never whole."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from portal.costs import cur, focus
from portal.costs.focus import COLUMNS as COLUMNS
from portal.costs.focus import NoBill, Row, Unfit
from portal.kit.errors import Invalid

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
FIELD_LONGEST = 1 << 20
KEPT_LONGEST = 2000
CHUNK = 1 << 20


class Read(Protocol):
    """Makes a row of a line's fields; Unfit when the line cannot be counted."""

    def __call__(self, fields: list[str], /) -> Row: ...


@dataclass(frozen=True)
class BillFile:
    """A file to read: its name without a folder, and its bytes from the beginning, which can be sought."""

    name: str
    content: BinaryIO


@dataclass(frozen=True)
class Aside:
    """A line that could not be counted: which, why, and its beginning."""

    line: int
    reason: str
    text: str


def digest(file: BillFile) -> str:
    """What tells a file from every other, whatever it is called."""
    file.content.seek(0)
    found = hashlib.sha256()
    while chunk := file.content.read(CHUNK):
        found.update(chunk)
    return found.hexdigest()


def rows(file: BillFile, *, currency: str) -> Iterator[Row | Aside]:
    """Every line after the first that is not empty, as a row or as set aside, in the order of the file.

    `currency` is that of lines that name none. Invalid, with the field `files`, when the file is no bill
    or is damaged.
    """
    try:
        yield from _lines(file, currency)
    except NoBill as problem:
        raise _refused(file, f"is no bill in FOCUS columns or of AWS's cost and usage report: {problem}") from None
    except (OSError, EOFError, zlib.error):
        raise _refused(file, "is damaged: it could not be unpacked to its end") from None


def _lines(file: BillFile, currency: str) -> Iterator[Row | Aside]:
    csv.field_size_limit(FIELD_LONGEST)
    lines = csv.reader(_text(file))
    try:
        header = next(lines, [])
    except csv.Error:
        raise NoBill("its first line cannot be read") from None
    read = _reader(header, file, currency)
    while True:
        number, fields = lines.line_num + 1, []
        try:
            fields = next(lines)
            if fields:
                yield read(fields)
        except StopIteration:
            return
        except Unfit as reason:
            yield _aside(number, str(reason), fields)
        except csv.Error:
            yield _aside(number, "It cannot be read as comma-separated values.", fields)


def _text(file: BillFile) -> io.TextIOWrapper:
    file.content.seek(0)
    begins = file.content.read(4)
    file.content.seek(0)
    if begins == PARQUET:
        raise _refused(file, "is a Parquet file: export the bill as CSV, packed with gzip if you like")
    packed = begins.startswith(GZIP)
    raw = gzip.GzipFile(fileobj=file.content) if packed else file.content
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[type-var]


def _reader(header: list[str], file: BillFile, currency: str) -> Read:
    source = f"file {file.name}"
    if not cur.is_report(header):
        return focus.reader(header, source=source, currency=currency).row
    translator = cur.translator(header)
    reader = focus.reader(cur.HEADER, source=source, currency=currency)
    return lambda fields: reader.row(translator.line(fields))


def _aside(number: int, reason: str, fields: list[str]) -> Aside:
    return Aside(number, reason, ",".join(fields)[:KEPT_LONGEST].replace("\0", "�"))


def _refused(file: BillFile, why: str) -> Invalid:
    return Invalid(f"{file.name} {why}.", field="files")
