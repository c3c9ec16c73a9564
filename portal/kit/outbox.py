"""The outbox: facts are rows, told in the transaction that made them true.

Influence travels upwards only as a fact. The worker's relay hands each one to its reactions; a
reaction leaves a `Heard` row together with its own effects, so a repeat is harmless.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kit.db import Base
from portal.kit.logs import request_id


class Fact:
    """The base of every fact: a frozen dataclass of plain JSON values, named in the past tense.

    Its name is `<noun>.<Class>`, the noun being the package that tells it.
    """

    name: ClassVar[str]
    known: ClassVar[dict[str, type["Fact"]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        noun = cls.__module__.removeprefix("portal.").split(".")[0]
        cls.name = f"{noun}.{cls.__name__}"
        Fact.known[cls.name] = cls


class ToldFact(Base):
    """A fact as stored. Done when every registered reaction has heard it."""

    __tablename__ = "fact"
    __table_args__ = (Index("ix_fact_undone", "id", postgresql_where="done_at IS NULL"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str]
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())
    handed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class Heard(Base):
    """A reaction's mark that a fact reached it, committed with the reaction's effects."""

    __tablename__ = "heard"

    fact_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reaction: Mapped[str] = mapped_column(primary_key=True)
    heard_at: Mapped[datetime] = mapped_column(server_default=func.now())


def tell(session: Session, fact: Fact) -> None:
    """Put a fact into the outbox of the running transaction."""
    session.add(ToldFact(name=fact.name, data=asdict(fact), request_id=request_id.get()))  # type: ignore[call-overload]


def read(told: ToldFact) -> Fact:
    """The fact that a row holds, as its class; KeyError when no such class is imported."""
    return Fact.known[told.name](**told.data)
