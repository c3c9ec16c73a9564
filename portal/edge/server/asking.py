"""Asking: what an exchange asks goes out on the line, and to a few threads where Redis does not know."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from portal.edge.exchange import Ending, Exchange, Leased, lease
from portal.edge.server.line import Line, Unlearned
from portal.edge.server.lines import Lines
from portal.gate import (
    SHARE_MS,
    Asked,
    Cold,
    Command,
    Question,
    Settlement,
    Share,
    Shares,
    Unavailable,
    Use,
    Verdict,
    read_finish,
)

THREADS: Final = 8
SLOW_MOST: Final = 512
Done = Callable[[], None]
Told = Verdict | Settlement | Leased | Exception


class Gate(Protocol):
    """What the server asks of the gate: what it does without I/O, and what may wait."""

    def prepare(self, question: Question) -> Asked | Verdict | None: ...
    def verify(self, question: Question) -> Verdict: ...
    def look_up(self, asked: Asked, answer: Cold) -> Verdict: ...
    def finish(self, reservation_id: str, cost: int | None) -> Command: ...
    def confirm(self, reservation_id: str, cost: int) -> Settlement: ...
    def release(self, reservation_id: str) -> Settlement: ...
    def lease(self, question: Question, units: int) -> Verdict: ...
    def report(self, uses: Sequence[Use]) -> list[int | None]: ...
    def wishing(self, asked: Asked, units: int, ttl_ms: int) -> Asked: ...
    def reporting(self, use: Use) -> Command: ...


class Asker:
    """Brings the gate's word to exchanges. Lives on one event loop and is used from there alone."""

    def __init__(
        self,
        gate: Gate,
        line: Line | Lines,
        loop: asyncio.AbstractEventLoop,
        shares: Shares | None = None,
    ) -> None:
        self._gate, self._line, self._loop, self._shares = gate, line, loop, shares
        # Without the line, what Redis still knows of the shares is unknown: they are not spent.
        line.when_lost(lambda: shares.give_up() if shares is not None else [])
        self._pool = ThreadPoolExecutor(THREADS, "gate")
        self._slow = 0

    def ask(self, exchange: Exchange, done: Done) -> None:
        """Have the exchange answered; `done` is called when it is, perhaps at once."""
        asks = exchange.asks
        try:
            if isinstance(asks, Question):
                self._verify(asks, exchange, done)
            elif isinstance(asks, Ending):
                self._finish(asks, exchange, done)
            elif asks is not None:
                leasing = asks
                self._slowly(exchange, done, lambda: lease(self._gate, leasing))
        except Exception as error:
            exchange.fail(error)
            done()

    def tick(self) -> None:
        """A few times a second: give back the shares that are over."""
        if self._shares is not None:
            for share in self._shares.tick():
                self._report(share)

    def give_back(self) -> None:
        """Give back all shares: nothing is answered from memory any more."""
        if self._shares is not None:
            for share in self._shares.give_up():
                self._report(share)
            self._shares = None

    def close(self) -> None:
        """Let go of the threads; what they still do is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, question: Question, exchange: Exchange, done: Done) -> None:
        shares = self._shares
        if shares is not None and self._line.is_up:
            if (verdict := shares.spend(question)) is not None:
                exchange.hear(verdict)
                done()
                return
            if (share := shares.over(question)) is not None:
                self._report(share)
        asked = self._gate.prepare(question)
        if asked is None:
            self._slowly(exchange, done, lambda: self._gate.verify(question))
        elif isinstance(asked, Verdict):
            exchange.hear(asked)
            done()
        else:
            if shares is not None and (units := shares.wanted(question)):
                asked = self._gate.wishing(asked, units, SHARE_MS)
            prepared = asked
            self._line.ask(prepared.command, lambda reply: self._verdict(reply, prepared, exchange, done))

    def _verdict(self, reply: Any, asked: Asked, exchange: Exchange, done: Done) -> None:
        if isinstance(reply, Exception):
            self._take(asked, None)
            self._none(reply, exchange, done, lambda: self._gate.verify(asked.question))
            return
        try:
            answer = asked.read(reply)
        except Exception as error:
            self._take(asked, None)
            exchange.fail(error)
        else:
            if isinstance(answer, Cold):
                cold = answer
                self._slowly(exchange, done, lambda: self._gate.look_up(asked, cold), asked)
                return
            self._take(asked, answer)
            exchange.hear(answer)
        done()

    def _take(self, asked: Asked, verdict: Verdict | None) -> None:
        """Keep the share that came with a verdict, if one was wished for."""
        if asked.wish is None:
            return
        if self._shares is not None:
            late = self._shares.took(asked.question, verdict)
        else:
            late = None if verdict is None else Shares.late(verdict)
        if late is not None:
            self._report(late)

    def _report(self, share: Share) -> None:
        self._line.ask(self._gate.reporting(share.use), lambda reply: None)

    def _finish(self, ending: Ending, exchange: Exchange, done: Done) -> None:
        command = self._gate.finish(ending.reservation_id, ending.cost)
        self._line.ask(command, lambda reply: self._settlement(reply, ending, exchange, done))

    def _settlement(self, reply: Any, ending: Ending, exchange: Exchange, done: Done) -> None:
        if isinstance(reply, Exception):
            self._none(reply, exchange, done, lambda: self._end(ending))
            return
        try:
            exchange.hear(read_finish(reply, ending.reservation_id, ending.cost))
        except Exception as error:
            exchange.fail(error)
        done()

    def _end(self, ending: Ending) -> Settlement:
        if ending.cost is None:
            return self._gate.release(ending.reservation_id)
        return self._gate.confirm(ending.reservation_id, ending.cost)

    def _none(
        self,
        problem: Exception,
        exchange: Exchange,
        done: Done,
        again: Callable[[], Verdict | Settlement | Leased],
    ) -> None:
        """No reply came: only what certainly was not done may be asked again."""
        if isinstance(problem, Unlearned):
            self._slowly(exchange, done, again)
        else:
            exchange.fail(problem)
            done()

    def _slowly(
        self,
        exchange: Exchange,
        done: Done,
        work: Callable[[], Verdict | Settlement | Leased],
        asked: Asked | None = None,
    ) -> None:
        """Have a thread do what may wait, and bring back what becomes of it."""
        if self._slow >= SLOW_MOST:
            if asked is not None:
                self._take(asked, None)
            exchange.fail(Unavailable("Too many wait for the book."))
            done()
            return
        self._slow += 1

        def run() -> None:
            try:
                told: Told = work()
            except Exception as error:
                told = error
            self._loop.call_soon_threadsafe(self._bring, told, exchange, done, asked)

        self._pool.submit(run)

    def _bring(self, told: Told, exchange: Exchange, done: Done, asked: Asked | None) -> None:
        self._slow -= 1
        if asked is not None:
            self._take(asked, told if isinstance(told, Verdict) else None)
        if isinstance(told, Exception):
            exchange.fail(told)
        else:
            exchange.hear(told)
        done()
