"""The gate's caller: one round trip to Redis, and the book where Redis does not know."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from redis import Redis

from portal.gate import desk, door
from portal.gate.desk import Level, Peek, Sealed
from portal.gate.door import Cold, Place
from portal.gate.grant import Admission, Book, Question, Settled, Settlement, Unavailable, Verdict
from portal.gate.throttle import Flights, Throttle
from portal.gate.wire import Wire
from portal.kit.tokens import Pepper, random_secret

ROUNDS: Final = 3
BOOKS_AT_ONCE: Final = 8
BOOK_WAIT_SECONDS: Final = 5.0
REMEMBERED: Final = 100_000
_log = logging.getLogger(__name__)


class Gate:
    """Whether keys may pass. Thread-safe; one per process is meant.

    `redis` is a client of the gate's own (`wire.connect`). `book` is asked when Redis does not know a
    tag. A token without our form (an imported key) is led by `tag_of` to its account's tag, where it
    is kept under one of `digests_of`. `offset_us` moves the gate's clock against that of Redis.
    Raises `Unavailable` when it cannot know.
    """

    def __init__(
        self,
        redis: Redis,
        book: Book,
        *,
        peppers: Sequence[Pepper] = (),
        prefixes: Sequence[str] = (),
        tag_of: Callable[[str], str | None] | None = None,
        digests_of: Callable[[str], Sequence[str]] = lambda token: (),
        observe_all: bool = False,
        offset_us: Callable[[], int] = lambda: 0,
        strangers: Throttle | None = None,
    ) -> None:
        self._wire = Wire(redis)
        self._book = book
        self._peppers, self._prefixes = tuple(peppers), tuple(prefixes)
        self._tag_of, self._digests_of = tag_of, digests_of
        self._observe_all, self._offset_us = observe_all, offset_us
        self._strangers = strangers or Throttle(100, 500)
        self._oddities = Throttle(10, 50)
        self._flights = Flights()
        self._books = threading.BoundedSemaphore(BOOKS_AT_ONCE)
        self._known: set[str] = set()
        self._foreign: dict[bytes, str] = {}

    def verify(self, question: Question) -> Verdict:
        """Answer a question, and count the call if it may pass.

        Raises `Invalid` for a question that cannot be asked (unknown meter, cost out of range, bad
        address) and `Unavailable`.
        """
        if (at := self._place(question.key)) is None:
            return door.NOT_FOUND
        reservation_id = door.new_reservation(at.tag) if question.reserve else ""
        answer = self._answer(at, question, reservation_id)
        if isinstance(answer, Verdict):
            return answer
        with self._flights.one(at.tag) as waited:
            if waited:
                answer = self._answer(at, question, reservation_id)
            for _ in range(ROUNDS):
                if isinstance(answer, Verdict):
                    return answer
                self._mind(at.tag, answer)
                if self._admit(at.tag, at.digests) is None:
                    return door.NOT_FOUND
                meter_was_unknown = answer == Cold("meter")
                answer = self._answer(at, question, reservation_id)
                if meter_was_unknown and answer == Cold("meter"):
                    raise door.unknown_meter(question.meter)
        if isinstance(answer, Verdict):
            return answer
        raise Unavailable("The book's answers did not hold.")

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

    def _answer(self, at: Place, question: Question, reservation_id: str) -> Verdict | Cold:
        command = door.verify(
            at,
            question,
            offset_us=self._offset_us(),
            observe_all=self._observe_all,
            reservation_id=reservation_id,
        )
        return door.read_verdict(self._wire.send(command), question.meter, reservation_id)

    def _finish(self, reservation_id: str, cost: int | None) -> Settlement:
        command = door.finish(reservation_id, cost, offset_us=self._offset_us())
        return door.read_finish(self._wire.send(command), reservation_id, cost)

    def _place(self, token: str) -> Place | None:
        if (at := door.place(token, self._prefixes, self._peppers)) is not None:
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
