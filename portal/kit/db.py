"""The database: one metadata, and a transaction that is an indentation."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Engine,
    MetaData,
    Text,
    any_,
    cast,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, sessionmaker

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table's base. Moments are TIMESTAMPTZ, numbers BIGINT, words TEXT."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        str: Text,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


def engine(url: str, **options: Any) -> Engine:
    """An engine for `url`; `postgres://` and `postgresql://` both mean psycopg 3.

    Moments are told in UTC, whatever the server keeps: a day is a day of UTC, and an hour later is one.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    made = create_engine(url, **{"pool_pre_ping": True, **options})
    event.listen(made, "connect", _tell_in_utc)
    return made


def _tell_in_utc(connection: Any, record: Any) -> None:
    before, connection.autocommit = connection.autocommit, True  # or a rollback would take it back
    connection.execute("SET TIME ZONE 'UTC'")
    connection.autocommit = before


def sessions(bind: Engine) -> sessionmaker[Session]:
    """A maker of sessions whose rows stay readable after the unit that made them."""
    return sessionmaker(bind, expire_on_commit=False)


@contextmanager
def unit(session: Session, account_id: str | None = None) -> Iterator[Session]:
    """One transaction: committed when the indentation ends, rolled back when it is left by an error.

    `account_id` is told to the database (`upkeep.account`) for as long as the transaction lasts,
    so that row-level security can rely on it.
    """
    try:
        if account_id is not None:
            session.execute(text("SELECT set_config('upkeep.account', :id, true)"), {"id": account_id})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def among(column: InstrumentedAttribute[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column is one of these: one parameter, where `in_` has one for each and 65,535 at most."""
    return column == any_(cast(list(values), ARRAY(column.type)))
