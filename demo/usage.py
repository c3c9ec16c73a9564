"""Usage: calls through the real gate, more on weekdays than on Sundays, and more each month.

A day's calls of one endpoint go through as one question with their number as its cost: what is
checked, counted, settled and refused is the same, in a thousandth of the time.
"""

import random
from collections.abc import Sequence
from typing import Final

from demo.cast import HABITS, Part
from demo.people import Act, Party, Staff, Token
from demo.stage import Stage
from portal import metering
from portal.gate import Question

ENDPOINTS: Final = (
    ("POST /memories/search", 46),
    ("POST /memories/batch", 27),
    ("GET /memories/{id}", 17),
    ("POST /conversations/{id}/recall", 7),
    ("DELETE /memories/{id}", 2),
    ("GET /profiles/{id}", 1),
)
OFFICE: Final = "192.0.2.44"
MONTH_DAYS: Final = 30
SATURDAY: Final = 5


def calls_on(part: Part, seed: int, days_ago: int, weekday: int) -> list[tuple[str, int]]:
    """How often a customer calls which endpoint on a day."""
    if part.calls == 0 or (part.leaves is not None and days_ago < part.leaves):
        return []
    habit = HABITS[part.habit]
    chance = random.Random(f"{seed} {part.slug} {days_ago}")
    calls = part.calls * habit.growth ** ((part.joins - days_ago) / MONTH_DAYS)
    if part.pays is None or days_ago > part.pays:
        calls = min(calls, 130)  # nobody builds much on what is used up by noon
    calls *= (habit.weekend if weekday >= SATURDAY else 1.0) * chance.uniform(0.65, 1.35)
    if chance.random() < (0.25 if part.calls < 50 else 0.02):
        return []  # a day off
    return _shared(round(calls), chance)


def call(stage: Stage, party: Party, calls: Sequence[tuple[str, int]]) -> None:
    """The customer's programs call. At a full quota they stop, but for a try now and then."""
    live = [token for token in party.tokens if token.environment == "live"]
    if not live:
        return
    for at, (endpoint, times) in enumerate(calls):
        verdict = stage.gate.verify(_question(live[at % len(live)], endpoint, times))
        if verdict.code != "VALID":
            break


def tries(times: int) -> Act:
    """A program is tried out with the test key."""

    def act(stage: Stage, party: Party) -> None:
        for token in party.tokens:
            if token.environment == "test":
                stage.gate.verify(_question(token, ENDPOINTS[0][0], times))

    return act


def reach(share: float) -> Act:
    """A busy day: so much of what the plan includes is used when it ends."""

    def act(stage: Stage, party: Party) -> None:
        token = party.tokens[0]
        quota = stage.gate.verify(_question(token, ENDPOINTS[2][0], 1)).quota
        assert quota is not None
        left = int(quota.included * share) - quota.used
        for endpoint, times in _shared(max(0, left), random.Random(party.part.slug)):
            stage.gate.verify(_question(token, endpoint, times))

    return act


def gift(staff: Staff, units: int, why: str) -> Act:
    """An agent gives calls for the rest of the month."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            metering.give_credit(
                session,
                party.account_id,
                "calls",
                units,
                why,
                nonce=f"gift {party.part.slug}",
                actor=staff.agents[1],
                now=stage.now,
            )

    return act


def _shared(calls: int, chance: random.Random) -> list[tuple[str, int]]:
    """So many calls, shared out among the endpoints; few calls go to few of them."""
    most = 1 if calls < 8 else 2 if calls < 60 else 3 if calls < 800 else len(ENDPOINTS)
    names, weights = zip(*ENDPOINTS, strict=True)
    chosen = dict.fromkeys(chance.choices(names, weights, k=most))
    shares = [dict(ENDPOINTS)[name] * chance.uniform(0.7, 1.3) for name in chosen]
    counts = [round(calls * share / sum(shares)) for share in shares]
    return [(name, count) for name, count in zip(chosen, counts, strict=True) if count > 0]


def _question(token: Token, endpoint: str, times: int) -> Question:
    return Question(token.text, cost=times, endpoint=endpoint, ip=OFFICE)
