"""The gate's caller: one round trip to Redis, and the book where Redis does not know."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from typing import Final

from redis import Redis

from portal.gate import desk, door
from portal.gate.desk import Level, Peek, Sealed
from portal.gate.door import Asked, Cold, Command, Place, Wish
from portal.gate.grant import (
    LEASE_MS,
    LEASE_PART,
    Admission,
    Book,
    Question,
    Settled,
    Settlement,
    Unavailable,
    Use,
    Verdict,
)
from portal.gate.masters import Masters
from portal.gate.throttle import Flights, Throttle
from portal.gate.wire import Wire
from portal.kit.errors import Missing
from portal.kit.tokens import Pepper, random_secret

ROUNDS: Final = 3
BOOKS_AT_ONCE: Final = 8
BOOK_WAIT_SECONDS: Final = 5.0
REMEMBERED: Final = 100_000
OWN: Final = 16_384
_log = logging.getLogger(__name__)


class Gate:
    """Whether keys may pass. Thread-safe; one per process is meant.

    `redis` is a client of the gate's own (`wire.connect`), or the `Masters` of a cluster. `book` is
    asked when Redis does not know a tag. A token without our form (an imported key) is led by `tag_of`
    to its account's tag, where it is kept under one of `digests_of`. Without `leases` no shares are
    given. `offset_us` moves the gate's clock against that of Redis.
    Raises `Unavailable` when it cannot know.
    """

    def __init__(
        self,
        redis: Redis | Masters,
        book: Book,
        *,
        peppers: Sequence[Pepper] = (),
        prefixes: Sequence[str] = (),
        tag_of: Callable[[str], str | None] | None = None,
        digests_of: Callable[[str], Sequence[str]] = lambda token: (),
        observe_all: bool = False,
        leases: bool = True,
        offset_us: Callable[[], int] = lambda: 0,
        strangers: Throttle | None = None,
    ) -> None:
        self._wire = redis if isinstance(redis, Masters) else Wire(redis)
        self._book = book
        self._peppers, self._prefixes = tuple(peppers), tuple(prefixes)
        self._tag_of, self._digests_of = tag_of, digests_of
        self._observe_all, self._leases, self._offset_us = observe_all, leases, offset_us
        self._strangers = strangers or Throttle(100, 500)
        self._oddities = Throttle(10, 50)
        self._flights = Flights()
        self._books = threading.BoundedSemaphore(BOOKS_AT_ONCE)
        # The digest of a key costs more than all else that is done here, and busy keys come again.
        self._own = lru_cache(OWN)(lambda token: door.place(token, self._prefixes, self._peppers))
        # What busy callers ask again and again is put into a command once, while the clock stands as it does.
        self._prepared = lru_cache(OWN)(self._prepare)
        self._known: set[str] = set()
        self._foreign: dict[bytes, str] = {}

    def verify(self, question: Question) -> Verdict:
        """Answer a question, and count the call if it may pass.

        Raises `Invalid` for a question that cannot be asked (unknown meter, cost out of range, bad
        address) and `Unavailable`.
        """
        if (at := self._place(question.key)) is None:
            return door.NOT_FOUND
        asked = self._asked(at, question)
        answer = self._answer(asked)
        return answer if isinstance(answer, Verdict) else self.look_up(asked, answer)

    def lease(
        self, question: Question, units: int, *, ttl_ms: int = LEASE_MS, part: int = LEASE_PART
    ) -> Verdict:
        """Take a share for a key, of at most so many units; no call is counted. Raises as `verify` does.

        It is at most one `part`-th of what is left, but one unit if there is one. The verdict is that of
        a call of cost 1; its `lease` is None when there is nothing to be had.
        """
        if (at := self._place(question.key)) is None:
            return door.NOT_FOUND
        wish = Wish(door.new_lease(at.tag), units if self._leases else 0, ttl_ms, part, only=True)
        asked = self._asked(at, question, wish)
        answer = self._answer(asked)
        return answer if isinstance(answer, Verdict) else self.look_up(asked, answer)

    def report(self, uses: Sequence[Use]) -> list[int | None]:
        """End leases: how many units each counted, or None when it had ended before, or never was."""
        commands = {}
        for place, use in enumerate(uses):
            with suppress(Missing):
                commands[place] = self.reporting(use)
        replies = dict(zip(commands, self._wire.send_all(list(commands.values())), strict=True))
        return [door.read_report(replies[place]) if place in replies else None for place in range(len(uses))]

    def reporting(self, use: Use) -> Command:
        """The command that ends a lease, for a caller that speaks to Redis itself."""
        return door.report(use, offset_us=self._offset_us())

    def prepare(self, question: Question) -> Asked | Verdict | None:
        """What to ask Redis, for a caller that speaks to it itself; a verdict where it need not be asked.

        None for a key without our form that this process has not met yet: `verify` finds it. Does no
        I/O. Raises `Invalid` for a question that cannot be asked.
        """
        offset_us = self._offset_us()
        if not question.reserve and len(question.key) <= door.TOKEN_MAX and not question.scopes:
            if (asked := self._prepared(question, offset_us)) is not None:
                return asked
        elif (at := self._own_place(question.key)) is not None:
            return self._asked(at, question)
        if self._tag_of is None or not door.may_be_foreign(question.key, self._prefixes):
            return door.NOT_FOUND
        if (tag := self._foreign.get(sha256(question.key.encode()).digest())) is None:
            return None
        return self._asked(Place(tag, tuple(self._digests_of(question.key))), question)

    def look_up(self, asked: Asked, answer: Cold) -> Verdict:
        """Ask the book where Redis did not know, and then Redis again; raises as `verify` does."""
        at = asked.at
        known: Verdict | Cold = answer
        with self._flights.one(at.tag) as waited:
            if waited:
                known = self._answer(asked)
            for _ in range(ROUNDS):
                if isinstance(known, Verdict):
                    return known
                self._mind(at.tag, known)
                if self._admit(at.tag, at.digests) is None:
                    return door.NOT_FOUND
                meter_was_unknown = known == Cold("meter")
                known = self._answer(asked)
                if meter_was_unknown and known == Cold("meter"):
                    raise door.unknown_meter(asked.question.meter)
        if isinstance(known, Verdict):
            return known
        raise Unavailable("The book's answers did not hold.")

    def scripts(self) -> str:
        """Have Redis know the gate's scripts; the run id of its process, which names them."""
        return self._wire.run_id()

    @property
    def masters(self) -> Masters | None:
        """The cluster's masters; None where there is one Redis."""
        return self._wire if isinstance(self._wire, Masters) else None

    def confirm(self, reservation_id: str, cost: int) -> Settlement:
        """End a reservation with its final cost, at most what was reserved; `Missing` when it has ended."""
        return self._finish(reservation_id, cost)

    def release(self, reservation_id: str) -> Settlement:
        """End a reservation and give all of it back; `Missing` when it has ended."""
        return self._finish(reservation_id, None)

    def push(self, tag: str) -> None:
        """Tell Redis what the database says of a tag now; nothing when Redis does not hold the tag.

        Whoever asks the book later reads what is committed now, so a tag that is not held is no loss.
        """
        for _ in range(ROUNDS):
            ticket = self._ask(tag, "")
            if not ticket or self._let_in(tag, ticket, ()) != "STALE":
                return
        raise Unavailable("The gate's generation changed again and again.")

    def warm(self, tag: str) -> bool:
        """Have Redis hold a tag as the database knows it now; False when no account has that tag."""
        for _ in range(ROUNDS):
            if (reply := self._admit(tag, ())) is None:
                return False
            if reply != "STALE":
                return True
        raise Unavailable("The gate's generation changed again and again.")

    def tags(self) -> Iterator[str]:
        """The tags that have anything to settle."""
        return self._wire.tags()

    def seal(self, tags: Sequence[str]) -> list[Sealed]:
        """Seal all past minutes of tags. Nothing is deleted: a seal may be asked for again."""
        offset_us = self._offset_us()
        replies = self._wire.send_all([desk.seal(tag, offset_us=offset_us) for tag in tags])
        return [desk.read_seal(tag, reply) for tag, reply in zip(tags, replies, strict=True)]

    def clear(self, cleared: Mapping[str, Settled]) -> dict[str, tuple[Level, ...] | None]:
        """Delete what is settled, by tag: what the ledger holds of the windows in question.

        Returns how far each meter is used now; None for a tag that Redis does not know.
        """
        offset_us = self._offset_us()
        commands = [desk.clear(tag, settled, offset_us=offset_us) for tag, settled in cleared.items()]
        replies = self._wire.send_all(commands)
        return {tag: desk.read_clear(reply) for tag, reply in zip(cleared, replies, strict=True)}

    def peek(self, tag: str) -> Peek:
        """All that Redis holds of a tag, read at one moment."""
        return desk.read_peek(tag, self._wire.send(desk.peek(tag, offset_us=self._offset_us())))

    def finish(self, reservation_id: str, cost: int | None) -> Command:
        """The command that ends a reservation, for a caller that speaks to Redis itself; as `confirm`."""
        return door.finish(reservation_id, cost, offset_us=self._offset_us())

    def wishing(self, asked: Asked, units: int, ttl_ms: int) -> Asked:
        """The same question, with a share wished for beside it."""
        return self._asked(asked.at, asked.question, Wish(door.new_lease(asked.at.tag), units, ttl_ms))

    def _prepare(self, question: Question, offset_us: int) -> Asked | None:
        at = self._own_place(question.key)
        return None if at is None else self._asked(at, question)

    def _asked(self, at: Place, question: Question, wish: Wish | None = None) -> Asked:
        reservation_id = door.new_reservation(at.tag) if question.reserve else ""
        return door.ask(
            at,
            question,
            offset_us=self._offset_us(),
            observe_all=self._observe_all,
            reservation_id=reservation_id,
            wish=wish,
        )

    def _answer(self, asked: Asked) -> Verdict | Cold:
        return asked.read(self._wire.send(asked.command))

    def _finish(self, reservation_id: str, cost: int | None) -> Settlement:
        return door.read_finish(self._wire.send(self.finish(reservation_id, cost)), reservation_id, cost)

    def _own_place(self, token: str) -> Place | None:
        return self._own(token) if len(token) <= door.TOKEN_MAX else None

    def _place(self, token: str) -> Place | None:
        if (at := self._own_place(token)) is not None:
            return at
        if self._tag_of is None or not door.may_be_foreign(token, self._prefixes):
            return None
        name = sha256(token.encode()).digest()
        if (tag := self._foreign.get(name)) is None:
            if not self._strangers.take(""):
                raise Unavailable("Too much is asked about unknown keys.")
            with self._reading():
                tag = self._tag_of(token)
            if tag is None:
                return None
            if len(self._foreign) >= REMEMBERED:
                self._foreign.clear()
            self._foreign[name] = tag
        return Place(tag, tuple(self._digests_of(token)))

    def _mind(self, tag: str, cold: Cold) -> None:
        """Refuse to ask the book when strangers ask too much of it."""
        if tag not in self._known:
            may = self._strangers.take("")
        else:
            may = cold.why == "account" or self._oddities.take(tag)
        if not may:
            raise Unavailable("Too much is asked about unknown keys.")

    def _admit(self, tag: str, digests: Sequence[str]) -> str | None:
        return self._let_in(tag, self._ask(tag, random_secret(10)), digests)

    def _ask(self, tag: str, nonce: str) -> str:
        return desk.read_word(self._wire.send(desk.ask(tag, nonce)))

    def _let_in(self, tag: str, ticket: str, digests: Sequence[str]) -> str | None:
        if (admission := self._read(tag, digests)) is None:
            self._known.discard(tag)
            return None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(tag)
        command = desk.admit(tag, ticket, admission, digests, offset_us=self._offset_us())
        return desk.read_word(self._wire.send(command))

    def _read(self, tag: str, digests: Sequence[str]) -> Admission | None:
        with self._reading():
            return self._book(tag, digests)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Take one of a bounded number of turns; whatever goes wrong there makes the gate unavailable."""
        if not self._books.acquire(timeout=BOOK_WAIT_SECONDS):
            raise Unavailable("The book is busy.")
        try:
            yield
        except Exception as problem:
            _log.warning("The book could not be read: %s: %s", type(problem).__name__, problem)
            raise Unavailable("The book does not answer.") from problem
        finally:
            self._books.release()
