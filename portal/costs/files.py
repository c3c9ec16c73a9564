"""Bills, as files: opened, unpacked, and read line by line, never whole."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from portal.costs import cur, focus, parquet
from portal.costs.focus import COLUMNS as COLUMNS
from portal.costs.focus import NoBill, Row, Unfit
from portal.kit.errors import Invalid

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
LINE_LONGEST = 1 << 20
KEPT_LONGEST = 2000
CHUNK = 1 << 20
TOO_LARGE = "is too large for this page"


class Read(Protocol):
    """Makes a row of a line's fields; Unfit when the line cannot be counted."""

    def __call__(self, fields: list[str], /) -> Row: ...


@dataclass(frozen=True)
class BillFile:
    """A file to read: its name without a folder, and its bytes from the beginning, which can be sought."""

    name: str
    content: IO[bytes]


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


def rows(file: BillFile, *, currency: str, most: int | None = None) -> Iterator[Row | Aside]:
    """Every line after the first that is not empty, as a row or as set aside, in the order of the file.

    `currency` is that of lines that name none. Invalid, with the field `files`, when the file is no bill,
    is damaged, or holds more than `most` characters once it is unpacked.
    """
    try:
        yield from _read(file, currency, most)
    except NoBill as problem:
        raise _refused(
            file, f"is no bill in FOCUS columns or of AWS's cost and usage report: {problem}"
        ) from None
    except (OSError, EOFError, zlib.error):
        raise _refused(file, "is damaged: it could not be unpacked to its end") from None


def _read(file: BillFile, currency: str, most: int | None) -> Iterator[Row | Aside]:
    lines = _lines(file)
    _, header = next(lines, (1, []))
    if header is None:
        raise NoBill("its first line cannot be read")
    read, characters = _reader(header, file, currency), 0
    for number, fields in lines:
        characters += sum(map(len, fields or ()))
        if most is not None and characters > most:
            raise _refused(file, f"{TOO_LARGE}: more than {most // 1_000_000:,} MB once it is unpacked")
        if fields is None:
            yield Aside(number, "It cannot be read as comma-separated values.", "")
        elif fields:
            try:
                yield read(fields)
            except Unfit as reason:
                yield Aside(number, str(reason), _short(fields))


def _lines(file: BillFile) -> Iterator[tuple[int, list[str] | None]]:
    """Each line with its number, the first being 1; None for one that is not made of fields."""
    file.content.seek(0)
    begins = file.content.read(4)
    file.content.seek(0)
    if begins == PARQUET:
        yield from enumerate(parquet.lines(file.content), 1)
        return
    raw = gzip.GzipFile(fileobj=file.content) if begins.startswith(GZIP) else file.content
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")
    csv.field_size_limit(LINE_LONGEST)
    lines = csv.reader(iter(lambda: text.readline(LINE_LONGEST), ""))
    try:
        while True:
            number = lines.line_num + 1
            try:
                yield number, next(lines)
            except StopIteration:
                return
            except csv.Error:
                yield number, None
    finally:
        text.detach()  # closing it would close what is not ours


def _reader(header: list[str], file: BillFile, currency: str) -> Read:
    source = f"file {file.name}"
    if not cur.is_report(header):
        return focus.reader(header, source=source, currency=currency).row
    translator = cur.translator(header)
    reader = focus.reader(cur.HEADER, source=source, currency=currency)
    return lambda fields: reader.row(translator.line(fields))


def _short(fields: list[str]) -> str:
    return ",".join(fields)[:KEPT_LONGEST].replace("\0", "\ufffd")


def _refused(file: BillFile, why: str) -> Invalid:
    return Invalid(f"{file.name} {why}.", field="files")
