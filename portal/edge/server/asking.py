"""Asking: what an exchange asks goes out on the line, and to a few threads where Redis does not know."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from portal.edge.exchange import Ending, Exchange
from portal.edge.server.line import Line, Unlearned
from portal.gate import (
    Asked,
    Cold,
    Command,
    Question,
    Settlement,
    Unavailable,
    Verdict,
    read_finish,
)

THREADS: Final = 8
SLOW_MOST: Final = 512
Done = Callable[[], None]


class Gate(Protocol):
    """What the server asks of the gate: what it does without I/O, and what may wait."""

    def prepare(self, question: Question) -> Asked | Verdict | None: ...
    def verify(self, question: Question) -> Verdict: ...
    def look_up(self, asked: Asked, answer: Cold) -> Verdict: ...
    def finish(self, reservation_id: str, cost: int | None) -> Command: ...
    def confirm(self, reservation_id: str, cost: int) -> Settlement: ...
    def release(self, reservation_id: str) -> Settlement: ...


class Asker:
    """Brings the gate's word to exchanges. Lives on one event loop and is used from there alone."""

    def __init__(self, gate: Gate, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self._gate, self._line, self._loop = gate, line, loop
        self._pool = ThreadPoolExecutor(THREADS, "gate")
        self._slow = 0

    def ask(self, exchange: Exchange, done: Done) -> None:
        """Have the exchange answered; `done` is called when it is, perhaps at once."""
        asks = exchange.asks
        try:
            if isinstance(asks, Question):
                self._verify(asks, exchange, done)
            elif asks is not None:
                self._finish(asks, exchange, done)
        except Exception as error:
            exchange.fail(error)
            done()

    def close(self) -> None:
        """Let go of the threads; what they still do is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, question: Question, exchange: Exchange, done: Done) -> None:
        asked = self._gate.prepare(question)
        if asked is None:
            self._slowly(exchange, done, lambda: self._gate.verify(question))
        elif isinstance(asked, Verdict):
            exchange.hear(asked)
            done()
        else:
            prepared = asked
            self._line.ask(asked.command, lambda reply: self._verdict(reply, prepared, exchange, done))

    def _verdict(self, reply: Any, asked: Asked, exchange: Exchange, done: Done) -> None:
        if isinstance(reply, Exception):
            self._none(reply, exchange, done, lambda: self._gate.verify(asked.question))
            return
        try:
            answer = asked.read(reply)
        except Exception as error:
            exchange.fail(error)
        else:
            if isinstance(answer, Cold):
                cold = answer
                self._slowly(exchange, done, lambda: self._gate.look_up(asked, cold))
                return
            exchange.hear(answer)
        done()

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
        self, problem: Exception, exchange: Exchange, done: Done, again: Callable[[], Verdict | Settlement]
    ) -> None:
        """No reply came: only what certainly was not done may be asked again."""
        if isinstance(problem, Unlearned):
            self._slowly(exchange, done, again)
        else:
            exchange.fail(problem)
            done()

    def _slowly(self, exchange: Exchange, done: Done, work: Callable[[], Verdict | Settlement]) -> None:
        """Have a thread do what may wait, and bring back what becomes of it."""
        if self._slow >= SLOW_MOST:
            exchange.fail(Unavailable("Too many wait for the book."))
            done()
            return
        self._slow += 1

        def run() -> None:
            try:
                told: Verdict | Settlement | Exception = work()
            except Exception as error:
                told = error
            self._loop.call_soon_threadsafe(self._bring, told, exchange, done)

        self._pool.submit(run)

    def _bring(self, told: Verdict | Settlement | Exception, exchange: Exchange, done: Done) -> None:
        self._slow -= 1
        if isinstance(told, Exception):
            exchange.fail(told)
        else:
            exchange.hear(told)
        done()
