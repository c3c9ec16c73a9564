"""Parquet, as read: a piece at a time, every value as the text that a CSV file would hold."""

import shutil
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from typing import IO

import duckdb

from portal.costs.focus import NoBill

PIECE = 2_000
PIECEMEAL = "SET disable_parquet_prefetching = true"  # else a column of a whole row group is held at once
NESTED = ("MAP", "STRUCT", "LIST", "UNION", "VARIANT")
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": 1,
    "memory_limit": "320MB",
}


def lines(content: IO[bytes]) -> Iterator[list[str]]:
    """The names of the columns, then the fields of each row; nothing is an empty text.

    NoBill when it is no Parquet file after all, or is damaged.
    """
    with NamedTemporaryFile(suffix=".parquet") as copy, duckdb.connect(config=CLOSED) as reader:
        shutil.copyfileobj(content, copy)
        copy.flush()
        try:
            reader.execute(PIECEMEAL)
            columns = reader.execute("DESCRIBE SELECT * FROM read_parquet(?)", [copy.name]).fetchall()
            yield [str(column[0]) for column in columns]
            picked = ", ".join(_as_text(str(column[0]), str(column[1])) for column in columns)
            rows = reader.execute(f"SELECT {picked} FROM read_parquet(?)", [copy.name])  # noqa: S608
            while piece := rows.fetchmany(PIECE):
                yield from ([text or "" for text in row] for row in piece)
        except duckdb.Error:
            raise NoBill("it is a Parquet file that cannot be read to its end") from None


def _as_text(name: str, kind: str) -> str:
    """A column as text; what holds more than one value becomes JSON."""
    quoted = '"' + name.replace('"', '""') + '"'
    nested = kind.startswith(NESTED) or kind.endswith("]")
    return f"CAST(to_json({quoted}) AS VARCHAR)" if nested else f"CAST({quoted} AS VARCHAR)"
