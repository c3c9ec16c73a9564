"""The outbox: facts are rows, told in the transaction that made them true.

Influence travels upwards only as a fact. The worker's relay hands each one to its reactions; a
reaction leaves a `Heard` row together with its own effects, so a repeat is harmless.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Index, case, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kit import clock
from portal.kit.db import Base
from portal.kit.logs import request_id

HANDED_AGAIN = timedelta(seconds=30)
HANDED_AGAIN_LATE = timedelta(minutes=10)  # for a fact whose reaction fails and fails
PATIENCE = 10  # how often a fact is handed out before it waits the longer time
KEPT = timedelta(days=30)  # how long done facts stay


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
    hands: Mapped[int] = mapped_column(server_default="0")
    done_at: Mapped[datetime | None]


class Heard(Base):
    """A reaction's mark that a fact reached it, committed with the reaction's effects.

    A reaction that was refused has heard the fact too; the sentence of the refusal is kept.
    """

    __tablename__ = "heard"

    fact_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reaction: Mapped[str] = mapped_column(primary_key=True)
    heard_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refusal: Mapped[str | None]


@dataclass(frozen=True)
class Errand:
    """One fact to be brought to one reaction, in the name of the request that told it."""

    fact_id: int
    reaction: str
    request_id: str | None


def tell(session: Session, fact: Fact) -> None:
    """Put a fact into the outbox of the running transaction, told now by the one clock."""
    data = asdict(fact)  # type: ignore[call-overload]
    session.add(ToldFact(name=fact.name, data=data, request_id=request_id.get(), told_at=clock.now()))


def read(told: ToldFact) -> Fact:
    """The fact that a row holds, as its class; KeyError when no such class is imported."""
    return Fact.known[told.name](**told.data)


def take(
    session: Session, registered: Mapping[str, Sequence[str]], *, now: datetime, limit: int = 200
) -> list[Errand]:
    """Take undone facts, oldest first, and say which reactions are to be handed them.

    `registered` names the reactions of each fact. Facts that all of them heard are done. What others
    are taking is passed over; what was taken within 30 seconds is left alone, so that a lost
    hand-over is made again. A fact that is not registered is kept for a worker that knows it.
    """
    waited = case((ToldFact.hands < PATIENCE, HANDED_AGAIN), else_=HANDED_AGAIN_LATE)
    statement = (
        select(ToldFact)
        .where(ToldFact.done_at.is_(None), ToldFact.name.in_(registered))
        .where(or_(ToldFact.handed_at.is_(None), ToldFact.handed_at + waited <= now))
        .order_by(ToldFact.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = session.scalars(statement).all()
    heard = _heard(session, [told.id for told in taken])
    errands: list[Errand] = []
    for told in taken:
        missing = [reaction for reaction in registered[told.name] if (told.id, reaction) not in heard]
        if missing:
            told.handed_at, told.hands = now, told.hands + 1
        else:
            told.done_at = now
        errands += [Errand(told.id, reaction, told.request_id) for reaction in missing]
    return errands


def hear(
    session: Session, fact_id: int, reaction: str, *, now: datetime, refusal: str | None = None
) -> ToldFact | None:
    """Mark that a reaction has heard a fact, and return its row; None when it had heard it before."""
    told = session.get(ToldFact, fact_id)
    if told is None or told.done_at is not None:
        return None
    mark = insert(Heard).values(fact_id=fact_id, reaction=reaction, heard_at=now, refusal=refusal)
    # A second hearing waits here for the first one to commit, and then finds the mark.
    if session.scalar(mark.on_conflict_do_nothing().returning(Heard.fact_id)) is None:
        return None
    return told


def finish(session: Session, fact_id: int, registered: Mapping[str, Sequence[str]], *, now: datetime) -> bool:
    """Mark a fact done when all of its registered reactions have heard it; whether it is done."""
    told = session.get(ToldFact, fact_id)
    if told is None or told.name not in registered:
        return False
    heard = _heard(session, [fact_id])
    if told.done_at is None and all((fact_id, reaction) in heard for reaction in registered[told.name]):
        told.done_at = now
    return told.done_at is not None


def clean(session: Session, *, now: datetime) -> int:
    """Delete facts that were done 30 days ago, with what was heard of them; how many."""
    old = select(ToldFact.id).where(ToldFact.done_at < now - KEPT)
    session.execute(delete(Heard).where(Heard.fact_id.in_(old)))
    return len(session.scalars(delete(ToldFact).where(ToldFact.id.in_(old)).returning(ToldFact.id)).all())


def _heard(session: Session, fact_ids: Sequence[int]) -> set[tuple[int, str]]:
    marks = select(Heard.fact_id, Heard.reaction).where(Heard.fact_id.in_(fact_ids))
    return {(fact_id, reaction) for fact_id, reaction in session.execute(marks)}
