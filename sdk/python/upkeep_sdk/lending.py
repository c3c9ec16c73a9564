"""Lending: how shares are asked for and reported, with a thread that reports those that nobody uses."""

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from upkeep_sdk import verdicts
from upkeep_sdk.leases import WINDOW_SECONDS, Leases, Share
from upkeep_sdk.verdicts import Verdict
from upkeep_sdk.wire import Answer, NoAnswer, NotSent

PATH = "/v1/leases"
AGAIN_SECONDS = 1.0
Ask = Callable[[str, object], Answer]
Learn = Callable[[str, str | None, str, Verdict], None]
log = logging.getLogger("upkeep_sdk")


class Borrower:
    """Takes shares for busy keys and gives them back. `ask` posts to the gate, `learn` hears its verdicts."""

    def __init__(self, ask: Ask, learn: Learn, clock: Callable[[], float]) -> None:
        self.leases = Leases(clock)
        self._ask, self._learn, self._clock = ask, learn, clock
        self._is_off = False
        self._starting, self._closed = threading.Lock(), threading.Event()
        self._reporter: threading.Thread | None = None
        _ALL.add(self)

    def verify(
        self, key: str, cost: int, meter: str, scopes: Sequence[str], endpoint: str, ip: str | None
    ) -> Verdict | None:
        """The verdict on a call that a share covers, or that a share was refused for; None: ask as usual."""
        leases = self.leases
        if (verdict := leases.spend(key, meter, cost, scopes, endpoint, ip)) is not None:
            return verdict
        if self._is_off or not (want := leases.wanted(key, meter)):
            return None
        verdict = self._take(key, meter, scopes, ip, want)
        if verdict is None or not verdict.valid:
            return verdict
        return leases.spend(key, meter, cost, scopes, endpoint, ip)

    def report(self, *, every: bool = False) -> None:
        """Report what is over, or everything. Raises NotSent or NoAnswer; sending it again does no harm."""
        while reports := self.leases.reports(every=every):
            answer = self._ask(PATH, {"report": reports})
            if answer.status != 200:
                raise NotSent(f"Upkeep answered {answer.status} to a report.")
            self.leases.reported([*answer.said.get("reports", ()), *reports])

    def close(self) -> None:
        """Give everything back."""
        self._closed.set()
        try:
            self.report(every=True)
        except (NotSent, NoAnswer) as problem:
            log.warning("shares could not be given back, and are never billed: %s", problem)

    def forget(self) -> None:
        """Be as new, in a forked child."""
        self.leases.forget()
        self._starting, self._reporter = threading.Lock(), None

    def _take(self, key: str, meter: str, scopes: Sequence[str], ip: str | None, want: int) -> Verdict | None:
        reports = self.leases.reports()
        said: dict[str, Any] = {"key": key, "meter": meter, "want": want, "report": reports}
        if scopes:
            said["scopes"] = list(scopes)
        if ip is not None:
            said["ip"] = ip
        asked_at = self._clock()
        try:
            answer = self._ask(PATH, said)
        except (NotSent, NoAnswer):
            self.leases.rest(key, meter, AGAIN_SECONDS)
            return None
        if answer.status != 200 or "valid" not in answer.said:
            self._is_off = answer.status == 404  # an older Upkeep, which lends nothing
            self.leases.rest(key, meter, AGAIN_SECONDS)
            return None
        self.leases.reported(reports)
        return self._lent(key, meter, ip, answer.said, asked_at)

    def _lent(
        self, key: str, meter: str, ip: str | None, said: Mapping[str, Any], asked_at: float
    ) -> Verdict | None:
        verdict, seconds = verdicts.read(said), said["ttl_ms"] / 1000
        self._learn(key, ip, meter, verdict)
        if not verdict.valid or said["lease_id"] is None:
            self.leases.rest(key, meter, seconds)
            return None if verdict.valid else verdict
        share = Share(
            lease_id=said["lease_id"],
            verdict=verdict,
            scopes=frozenset(verdict.scopes),
            ip=ip,
            ends=asked_at + seconds,
            units=said["units"],
            tokens=said["rate_tokens"],
        )
        self.leases.took(key, meter, share)
        self._report_soon()
        return verdict

    def _report_soon(self) -> None:
        if self._reporter is not None and self._reporter.is_alive():
            return
        with self._starting:
            if self._reporter is None or not self._reporter.is_alive():
                self._reporter = threading.Thread(
                    target=self._report_until_idle, name="upkeep-leases", daemon=True
                )
                self._reporter.start()

    def _report_until_idle(self) -> None:
        while self.leases.count and not self._closed.wait(WINDOW_SECONDS):
            try:
                self.report()
            except (NotSent, NoAnswer) as problem:
                log.warning("shares could not be reported yet: %s", problem)
            except Exception:
                log.exception("shares could not be reported")


def _give_all_back() -> None:
    for borrower in [*_ALL]:
        borrower.close()


def _forget() -> None:
    for borrower in [*_ALL]:
        borrower.forget()


_ALL: weakref.WeakSet[Borrower] = weakref.WeakSet()
atexit.register(_give_all_back)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
