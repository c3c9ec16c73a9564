"""Reservations: the cost of a call, set aside until it is known whether the call succeeded."""

import logging
from types import TracebackType
from typing import Protocol, Self

from upkeep_sdk.errors import Ended, Unavailable
from upkeep_sdk.verdicts import Verdict

log = logging.getLogger("upkeep_sdk")


class Counter(Protocol):
    """What a reservation asks of the client."""

    def confirm(self, reservation_id: str, cost: int) -> None: ...
    def release(self, reservation_id: str) -> None: ...
    def count_later(self, verdict: Verdict, cost: int, meter: str, endpoint: str) -> None: ...


class Reservation:
    """An open reservation, ended once. One made while Upkeep was away is counted through the spool."""

    def __init__(self, counter: Counter, verdict: Verdict, cost: int, meter: str, endpoint: str) -> None:
        self.verdict, self.cost = verdict, cost
        self._counter, self._meter, self._endpoint = counter, meter, endpoint
        self._is_open = True

    def confirm(self, cost: int | None = None) -> None:
        """Count what the call came to: all of it unless `cost` says less.

        When Upkeep is away the use goes into the spool, and the reservation ends by itself and gives
        back what it held. Without a spool that raises Unavailable.
        """
        if not self._close():
            return
        cost = self.cost if cost is None else cost
        if (reservation_id := self.verdict.reservation_id) is None:
            self._counter.count_later(self.verdict, cost, self._meter, self._endpoint)
            return
        try:
            self._counter.confirm(reservation_id, cost)
        except Unavailable as problem:
            if problem.doubtful:  # it may be counted already, and nothing is counted twice
                log.warning("the reservation %s is left to Upkeep: %s", reservation_id, problem)
            else:
                self._counter.count_later(self.verdict, cost, self._meter, self._endpoint)

    def release(self) -> None:
        """Give all of it back. When Upkeep is away it comes back by itself, after 15 minutes at most."""
        if not self._close() or (reservation_id := self.verdict.reservation_id) is None:
            return
        try:
            self._counter.release(reservation_id)
        except (Ended, Unavailable) as problem:
            log.warning("the reservation %s ends by itself: %s", reservation_id, problem)

    def _close(self) -> bool:
        was_open, self._is_open = self._is_open, False
        return was_open

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.confirm()
        else:
            self.release()
