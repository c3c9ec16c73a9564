"""Sheets: rows as CSV, of which no spreadsheet makes a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would run
CHUNK = 1 << 15


def answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download of these rows under this name, sent while they are read."""
    return Response(
        _csv(columns, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def plain(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula; what is no text stays as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    write = csv.writer(buffer).writerow
    write(columns)
    for row in rows:
        write([plain(cell) for cell in row])
        if buffer.tell() > CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
