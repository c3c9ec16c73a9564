"""The cast: who comes to the platform, when, and what they are like. The same seed gives the same people.

A part is a plan, made before anything is played: no clock, no database.
"""

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from demo import names


@dataclass(frozen=True)
class Habit:
    """How often a kind of customer calls: `calls` a day at first, `growth` times as many a month later.

    `weekend` is what a Saturday or Sunday is worth beside a weekday; `stays` how many days they go on,
    from and to, where they ever stop.
    """

    weight: int
    calls: tuple[int, int] = (0, 0)
    growth: float = 1.0
    weekend: float = 1.0
    stays: tuple[int, int] | None = None


HABITS: Final = {
    #                   of 100    calls a day       growth       weekend       leaves after days
    "looks": Habit(20),
    "tries": Habit(25, calls=(4, 30), stays=(1, 8)),
    "plays": Habit(26, calls=(2, 14), growth=1.05, weekend=1.9),
    "builds": Habit(10, calls=(10, 26), growth=1.15, weekend=0.6),
    "grows": Habit(6, calls=(14, 22), growth=1.45, weekend=0.7),
    "floods": Habit(4, calls=(55, 120), weekend=1.0),
    "wards": Habit(0, growth=1.4, weekend=0.7),
    "pays": Habit(9, calls=(300, 2300), growth=1.16, weekend=0.35),
}

CARDS: Final = ("pm_card_visa",) * 5 + ("pm_card_mastercard",) * 3 + ("pm_card_amex", "pm_card_visa_debit")
SPELT: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l", "ı": "i"}


@dataclass(frozen=True)
class Part:
    """One customer to come. Moments are whole days before the present.

    `pays` is when they buy `plan` (None: never), `leaves` when they stop calling. `calls` a day are
    those of the first day.
    """

    slug: str
    account: str
    owner: str
    email: str
    joins: int
    habit: str
    calls: int = 0
    verifies: bool = True
    makes_key: bool = True
    leaves: int | None = None
    pays: int | None = None
    plan: str = "api-pro"
    interval: str = "month"
    card: str = "pm_card_visa"


def crowd(seed: int, days: int, size: int, taken: Sequence[Part] = ()) -> tuple[Part, ...]:
    """So many customers beside those who are `taken`: a few at first, more each week."""
    chance = random.Random(f"{seed} crowd")
    addresses = {part.email for part in taken}
    accounts = {part.account for part in taken}
    found: list[Part] = []
    habits, weights = [*HABITS], [habit.weight for habit in HABITS.values()]
    while len(found) < size:
        owner, account = names.person(chance), ""
        habit = chance.choices(habits, weights)[0]
        if habit in ("pays", "builds", "grows") or chance.random() < 0.35:
            account = names.organisation(chance)
        email = _address(owner, account, chance)
        if email in addresses or (account and account in accounts):
            continue
        addresses.add(email)
        accounts.add(account)
        joins = max(0, min(days - 1, round(days * chance.random() ** 1.6)))
        part = Part(f"c{len(found):03}", account or owner, owner, email, joins, habit)
        found.append(_settled(part, days, chance))
    return tuple(sorted(found, key=lambda part: (-part.joins, part.slug)))


def _settled(part: Part, days: int, chance: random.Random) -> Part:
    """The part with the numbers of its habit."""
    habit = HABITS[part.habit]
    low, high = habit.calls
    calls = round(low + (high - low) * chance.random() ** 2)
    leaves = None
    if habit.stays is not None:
        leaves = max(0, part.joins - chance.randint(*habit.stays))
    pays = None
    if part.habit == "pays":
        pays = max(0, part.joins - chance.choice((0, 0, 1, 3, 8)))
    return replace(
        part,
        calls=calls,
        leaves=leaves,
        pays=pays,
        interval="year" if chance.random() < 0.12 else "month",
        card=chance.choice(CARDS),
        verifies=part.habit != "looks" or chance.random() < 0.6,
        makes_key=part.habit != "looks" or chance.random() < 0.4,
    )


def _address(owner: str, account: str, chance: random.Random) -> str:
    """An e-mail address under a domain that is nobody's."""
    words = [word for word in plain(owner).split() if word not in ("dr", "prof")]
    local = chance.choice(
        (f"{words[0]}.{words[-1]}", f"{words[0][0]}.{words[-1]}", words[0], f"{words[-1]}.{words[0]}")
    )
    ending = chance.choice(("com", "com", "org", "net"))
    if not account:
        return f"{local}@example.{ending}"
    return f"{local}@{plain(account).split()[0]}.example.{ending}"


def plain(text: str) -> str:
    """Lower-case letters of ASCII and spaces alone."""
    spelt = "".join(SPELT.get(letter, letter) for letter in text.lower())
    bare = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return "".join(letter if letter.isalnum() else " " if letter in " -&" else "" for letter in bare)
