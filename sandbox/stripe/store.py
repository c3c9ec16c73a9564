"""Store: every object as one JSON document, in one SQLite file."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]

_INDEXED = ("customer", "subscription", "_subscription", "invoice", "payment_intent", "charge", "lookup_key")

_TABLES = """
create table if not exists document (
    seq integer primary key autoincrement, id text unique not null, kind text not null,
    due_at integer, data text not null);
create index if not exists document_kind on document (kind, seq);
create index if not exists document_due on document (due_at) where due_at is not null;
create table if not exists alias (id text primary key, owner text not null);
create table if not exists remembered (
    key text primary key, path text not null, fingerprint text not null, request text not null,
    status integer not null, body text not null, at integer not null);
create table if not exists delivery (
    seq integer primary key autoincrement, event text not null, endpoint text not null,
    next_at integer, attempts integer not null default 0, delivered_at integer, failed_at integer,
    fault text, outcome text);
create index if not exists delivery_event on delivery (event);
create index if not exists delivery_next on delivery (next_at) where next_at is not null;
create table if not exists setting (name text primary key, value text not null);
"""


class Store:
    """Documents by id and kind. One writer at a time; what is undone leaves no trace."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(
            str(path) if path else ":memory:", check_same_thread=False, isolation_level=None
        )
        self._db.executescript("pragma journal_mode = wal; pragma synchronous = off;" + _TABLES)
        for field in _INDEXED:
            self._db.execute(
                f"create index if not exists document_{field} on document "
                f"(kind, json_extract(data, '$.{field}'), seq)"
            )

    def close(self) -> None:
        with self.lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        with self.lock:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    @contextmanager
    def supposing(self) -> Iterator[None]:
        """What is done inside is undone at the end, always."""
        self._db.execute("savepoint supposing")
        try:
            yield
        finally:
            self._db.execute("rollback to supposing")
            self._db.execute("release supposing")

    def put(self, kind: str, obj: Obj, due_at: int | None) -> None:
        """Write a document, new or known."""
        self._db.execute(
            "insert into document (id, kind, due_at, data) values (?, ?, ?, ?) "
            "on conflict (id) do update set kind = excluded.kind, due_at = excluded.due_at, data = "
            "excluded.data",
            (obj["id"], kind, due_at, json.dumps(obj, separators=(",", ":"))),
        )

    def drop(self, id: str) -> None:
        self._db.execute("delete from document where id = ?", (id,))

    def get(self, id: str) -> tuple[str, Obj] | None:
        """The kind and the document, by its id or by another name for it."""
        row = self._db.execute("select kind, data from document where id = ?", (id,)).fetchone()
        return None if row is None else (row[0], json.loads(row[1]))

    def call(self, other: str, id: str) -> None:
        """Let `other` lead to the document `id`."""
        self._db.execute("insert or replace into alias (id, owner) values (?, ?)", (other, id))

    def owner(self, other: str) -> str | None:
        row = self._db.execute("select owner from alias where id = ?", (other,)).fetchone()
        return None if row is None else str(row[0])

    def find(self, kind: str, *, oldest_first: bool = False, **fields: Any) -> Iterator[Obj]:
        """The documents of a kind whose top-level fields equal these, newest first."""
        for _, obj in self.walk(kind, oldest_first=oldest_first, **fields):
            yield obj

    def walk(
        self,
        kind: str,
        *,
        oldest_first: bool = False,
        before: int | None = None,
        after: int | None = None,
        **fields: Any,
    ) -> Iterator[tuple[int, Obj]]:
        """Like `find`, with each document's place; `before` and `after` are places."""
        sql, values = "select seq, data from document where kind = ?", [kind]
        for name, value in fields.items():
            assert name.replace("_", "").isalnum()
            sql += f" and json_extract(data, '$.{name}') = ?"
            values.append(value)
        if before is not None:
            sql += f" and seq < {before:d}"
        if after is not None:
            sql += f" and seq > {after:d}"
        sql += f" order by seq {'asc' if oldest_first else 'desc'}"
        for seq, data in self._db.execute(sql, values).fetchall():
            yield seq, json.loads(data)

    def place(self, id: str) -> int | None:
        row = self._db.execute("select seq from document where id = ?", (id,)).fetchone()
        return None if row is None else int(row[0])

    def due(self, now: int) -> tuple[int, str, str] | None:
        """The earliest thing that is due: when, kind, id."""
        row = self._db.execute(
            "select due_at, kind, id from document where due_at <= ? order by due_at, seq limit 1", (now,)
        ).fetchone()
        return None if row is None else (int(row[0]), str(row[1]), str(row[2]))

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Plain SQL, for deliveries, settings and remembered answers."""
        with self.lock:
            return list(self._db.execute(sql, values).fetchall())

    def setting(self, name: str) -> Any:
        rows = self.rows("select value from setting where name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def set(self, name: str, value: Any) -> None:
        self.rows("insert or replace into setting (name, value) values (?, ?)", name, json.dumps(value))
