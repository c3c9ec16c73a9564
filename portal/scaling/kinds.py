"""Kinds: what can be suggested, who looks for it, and how it is measured what it really saved.

To look is to read what is stored and yield what was found, of the same subject the same each time; nobody
outside is asked. What is not worth it any more is yielded without a case. What a kind has not spoken of for
a week expires.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.scaling import (
    commitments,
    consolidation,
    crediting,
    measuring,
    pausing,
    serverless,
    shrinking,
    spots,
)
from portal.scaling.cases import Asked, Found
from portal.scaling.measuring import Measured
from portal.scaling.models import Suggestion

FROM_CHARGES = (
    "read from the rows of your bills: on-demand prices of what was covered, less what it cost and what went "
    "unused"
)
BEFORE_AND_AFTER = (
    "read from the rows of your bills: what it cost a day in the four weeks before, less what it costs a day "
    "since"
)
PER_CALL = (
    "read from the rows of your bills: what a call cost in the four weeks before, less what it costs since, "
    "times the calls"
)
FROM_CREDITS = "read from the rows of your bills: the credits on them"


def nothing(session: Session, asked: Asked) -> Iterable[Found]:
    """A kind that nobody looks for yet."""
    return ()


def unseen(session: Session, row: Suggestion) -> datetime | None:
    """What no bill shows: people say when it is carried out."""
    return None


@dataclass(frozen=True)
class Kind:
    """A kind of suggestion. `measured` ends the sentence "It saved so much, ...".

    `notice` says since when an accepted one is carried out, as far as that can be seen; None when not.
    """

    slug: str
    name: str
    measured: str
    measure: Callable[[Session, Suggestion, datetime], Measured]
    look: Callable[[Session, Asked], Iterable[Found]] = nothing
    notice: Callable[[Session, Suggestion], datetime | None] = unseen


KINDS = {
    kind.slug: kind
    for kind in (
        Kind(
            "commitment",
            "Promise for a year",
            FROM_CHARGES,
            measuring.covered,
            commitments.look,
            commitments.notice,
        ),
        Kind("spot", "Spot capacity", BEFORE_AND_AFTER, measuring.changed, spots.look),
        Kind("serverless", "Pay by the call", PER_CALL, measuring.changed, serverless.look),
        Kind("consolidation", "Share machines", PER_CALL, measuring.changed, consolidation.look),
        Kind("rightsizing", "Smaller size", BEFORE_AND_AFTER, measuring.changed, shrinking.look),
        Kind("pause", "Pause at night", BEFORE_AND_AFTER, measuring.changed, pausing.look_at_nights),
        Kind("idle", "Runs for nobody", BEFORE_AND_AFTER, measuring.changed, pausing.look_at_idle),
        Kind("credits", "Credits and free tier", FROM_CREDITS, measuring.credited, crediting.look),
    )
}
