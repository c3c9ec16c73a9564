"""The history: day after day, what the cast and the story say is done by the product's verbs.

`python -m demo.history` plays it on the engines that the environment names, at $VAR.
"""

import logging
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as of_day
from typing import Final

import structlog

from demo import bills, cast, costs, keys, money, people, story, talks, tickets, usage
from demo.people import Party
from demo.stage import Stage, set_up
from demo.talks import Talk
from demo.tickets import Desk
from portal import billing, plans
from portal import keys as product_keys
from portal.kit import clock
from portal.kit.settings import load

SEED: Final = 20_260
DAYS: Final = 90
ACCOUNTS: Final = 400
DUE_MINUTES: Final = 200  # of the 240 that a first answer may take
MORNING, AFTERNOON, LATEST_MINUTES = of_day(9, 3, tzinfo=UTC), of_day(12, 41, tzinfo=UTC), 45
HOURS: Final = {0: 6, 2: 7, 4: 5, 8: 2}
HOURS_DAYS: Final = 7
"""How many customers call so many hours after the afternoon began, beside others; before so many days ago
all call when it begins, which is told more quickly."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How long the story is and how many people come."""

    days: int = DAYS
    accounts: int = ACCOUNTS
    seed: int = SEED


class History:
    """The story as far as it has been played."""

    def __init__(self, stage: Stage, size: Size, say: Say) -> None:
        self.stage, self.size, self.say = stage, size, say
        self.today = stage.now + timedelta(days=size.days)
        self._offset_us = clock.offset_us() + timedelta(days=size.days) // timedelta(microseconds=1)
        leads = [part for part in story.leads(self.today) if part.joins < size.days]
        self.parts = (*leads, *cast.crowd(size.seed, size.days, size.accounts - len(leads), leads))
        self.parties: dict[str, Party] = {}
        self._asked: set[str] = {part.slug for part in leads}
        self._eve: datetime | None = None

    def play(self) -> None:
        """From the opening to the present."""
        self._open()
        for days_ago in range(self.size.days - 1, -1, -1):
            self._day(days_ago)
        self._reach(self.today)
        self.stage.work()

    def _day(self, days_ago: int) -> None:
        """A morning, an afternoon, and what was called on that day."""
        stage, day = self.stage, (self.today - timedelta(days=days_ago)).date()
        late = timedelta(minutes=random.Random(f"{self.size.seed} {days_ago}").randrange(LATEST_MINUTES))
        self._reach(datetime.combine(day, MORNING) + late)
        stage.work()
        self._come(days_ago)
        self._talk(days_ago, afternoon=False)
        self._reach(datetime.combine(day, AFTERNOON) + late)
        self._happen(days_ago)
        self._talk(days_ago, afternoon=True)
        self._use(days_ago, day.weekday())
        if days_ago % 15 == 0:
            self.say(f"{day:%d %B}: {len(self.parties)} customers")

    def _open(self) -> None:
        """The first day: plans are published and sold, and staff come."""
        stage = self.stage
        with stage.unit() as session:
            plans.sync(session, plans.read(plans.SHIPPED.read_text()), stage.now)
        with stage.sessions() as session:
            billing.sync_catalogue(session, stage.stripe, apply=True)
        self.staff = people.hire(stage)
        self.desk = Desk(stage, self.staff)
        self.scenes = story.scenes(self.staff, self.today)
        self._eve = tickets.before(stage, self.today, DUE_MINUTES)
        costs.note_down(stage, self.staff, self.size.days, before=True)
        with stage.unit() as session:
            product_keys.mint_service(
                session, "MemoryHub API", stamp=stage.stamp, actor=self.staff.operator, now=stage.now
            )
        stage.follow()

    def _reach(self, moment: datetime) -> None:
        """The hour comes, unless it lies ahead of the present."""
        if self._eve is not None and self._eve <= min(moment, self.today):
            eve, self._eve = self._eve, None
            self._reach(eve)
            self._open_ticket(talks.DUE_SOON, 0)
        if moment < self.today:
            self.stage.advance_to(moment)
        else:
            self.stage.arrive(self._offset_us)

    def _come(self, days_ago: int) -> None:
        """The newcomers of a day: they sign up, read the letter, and most of them make a key."""
        stage, began = self.stage, self.stage.now
        coming = [part for part in self.parts if part.joins == days_ago]
        if not coming:
            return
        came = people.sign_up(stage, coming)
        self.parties |= {party.part.slug: party for party in came}
        stage.follow()
        for party in people.verify(stage, came, began):
            if party.part.makes_key:
                keys.mint("My first key" if party.part.pays is None else "Production")(stage, party)
        stage.follow()

    def _happen(self, days_ago: int) -> None:
        """Who pays from this day on buys; then what the story says."""
        stage = self.stage
        costs.note_down(stage, self.staff, days_ago)
        bills.bring_in(stage, self.staff, days_ago, self.size.days)
        for party in self.parties.values():
            if party.part.pays == days_ago and party.tokens:
                money.buy(party.part.plan, party.part.interval)(stage, party)
        for scene in self.scenes:
            if scene.days_ago == days_ago and (acting := self.parties.get(scene.slug)) is not None:
                scene.act(stage, acting)
        stage.follow()

    def _talk(self, days_ago: int, *, afternoon: bool) -> None:
        """Tickets are opened in the morning; what is said in them follows, half day by half day."""
        half_day = 2 * (self.size.days - days_ago) + afternoon
        opening = [talk for talk in talks.TALKS if talk.days_ago == days_ago and not afternoon]
        for talk in opening:
            self._open_ticket(talk, half_day)
        if self.desk.go_on(half_day) or opening:
            self.stage.follow()

    def _open_ticket(self, talk: Talk, half_day: int) -> None:
        """By whom the story says; else by somebody of the crowd who has a key and has asked nothing yet."""
        party = self.parties.get(talk.slug)
        if talk.slug == talks.ANYBODY:
            calling = [
                one for one in self.parties.values() if one.tokens and one.part.slug not in self._asked
            ]
            party = next((one for one in calling if one.part.habit in ("plays", "builds")), None)
        if party is not None:
            self._asked.add(party.part.slug)
            self.desk.open(talk, party, half_day)

    def _use(self, days_ago: int, weekday: int) -> None:
        """Through what is left of the day, each customer at an hour of theirs; on most days at once."""
        began, chance = self.stage.now, random.Random(f"{self.size.seed} hours {days_ago}")
        by_hour: dict[int, list[Party]] = {hour: [] for hour in HOURS}
        for party in self.parties.values():
            if party.tokens:
                by_hour[chance.choices(*zip(*HOURS.items(), strict=True))[0]].append(party)
        for hour, calling in by_hour.items():
            if calling and 0 < days_ago <= HOURS_DAYS:
                self._reach(began + timedelta(hours=hour))
            for party in calling:
                usage.call(self.stage, party, usage.calls_on(party.part, self.size.seed, days_ago, weekday))


def main() -> None:
    """Play the whole of it."""
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = load(os.environ)
    with set_up(settings) as stage:
        history = History(stage, Size(), lambda line: print(line, flush=True))
        history.play()


if __name__ == "__main__":
    main()
