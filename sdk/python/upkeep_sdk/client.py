"""The client: asks Upkeep about keys, and knows what to do when Upkeep is away."""

import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

from upkeep_sdk import verdicts
from upkeep_sdk.errors import Ended, Misconfigured, Unavailable, refusal
from upkeep_sdk.lending import Borrower
from upkeep_sdk.memory import Memory
from upkeep_sdk.reservations import Reservation
from upkeep_sdk.spool import Spool
from upkeep_sdk.verdicts import NO_KEY, Verdict
from upkeep_sdk.wire import Answer, NoAnswer, NotSent, Wire

PAUSE_SECONDS = 1.0
KEY_MOST = 512
DELIVER_SECONDS = 5.0
BATCH = "application/cloudevents-batch+json"
log = logging.getLogger("upkeep_sdk")


class Client:
    """Speaks with one Upkeep. Thread-safe; make one for each process and keep it.

    `url` and `service_key` come from UPKEEP_URL and UPKEEP_SERVICE_KEY unless they are given. `gate_url`
    (UPKEEP_GATE_URL) is where keys are checked, if that is not the portal's own address.
    `when_away` decides about calls while Upkeep cannot be asked: "deny" refuses all of them, "allow"
    lets keys pass that passed lately, within what was left to them, and writes what they use into the
    folder `spool` (UPKEEP_SPOOL), from which it is told later and counted once. With `leases`
    (UPKEEP_LEASES=off switches them off) calls with busy keys are answered from this process's memory,
    never beyond a limit, and at most a second after anything changed.
    """

    def __init__(
        self,
        url: str | None = None,
        service_key: str | None = None,
        *,
        gate_url: str | None = None,
        when_away: Literal["deny", "allow"] | None = None,
        spool: str | os.PathLike[str] | None = None,
        leases: bool | None = None,
        connect_seconds: float = 1.0,
        answer_seconds: float = 3.0,
        context: ssl.SSLContext | None = None,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = _setting("UPKEEP_URL", url).rstrip("/")
        service_key = _setting("UPKEEP_SERVICE_KEY", service_key)
        gate_url = gate_url or os.environ.get("UPKEEP_GATE_URL") or self.url
        self._portal, self._gate = (
            Wire(
                place,
                service_key,
                connect_seconds=connect_seconds,
                answer_seconds=answer_seconds,
                context=context,
            )
            for place in (self.url, gate_url)
        )
        when_away = when_away or os.environ.get("UPKEEP_WHEN_AWAY") or "deny"  # type: ignore[assignment]
        if when_away not in ("deny", "allow"):
            raise ValueError(f"UPKEEP_WHEN_AWAY must be deny or allow, not {when_away!r}.")
        spool = spool or os.environ.get("UPKEEP_SPOOL")
        if when_away == "allow" and not spool:
            raise ValueError("Name a folder for the spool (UPKEEP_SPOOL): what is allowed must be counted.")
        self._memory = (memory or Memory(clock=clock)) if when_away == "allow" else None
        self._spool = Spool(Path(spool)) if spool else None
        self._clock, self._away_until = clock, 0.0
        if leases is None:
            leases = os.environ.get("UPKEEP_LEASES", "on") != "off"
        self._borrower = Borrower(self._ask, self._learn, clock) if leases else None
        self._deliverer: threading.Thread | None = None
        self._starting, self._closed = threading.Lock(), threading.Event()
        if self._spool is not None and self._spool.waiting():
            self._deliver_soon()

    def verify(
        self,
        key: str | None,
        *,
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        endpoint: str = "",
        ip: str | None = None,
        reserve: bool = False,
    ) -> Verdict:
        """May this key pass? What passes is counted; with `reserve` it is set aside until it is ended.

        A refusal is a verdict, not an exception. Raises Unavailable when Upkeep is away and the key may
        not pass without it, and Misconfigured for a wrong service key or question.
        """
        if not key or len(key) > KEY_MOST:
            return NO_KEY
        if self._borrower is not None and not reserve:
            lent = self._borrower.verify(key, cost, meter, scopes, endpoint, ip)
            if lent is not None:
                return lent
        said: dict[str, Any] = {"key": key, "cost": cost, "meter": meter, "endpoint": endpoint}
        if scopes:
            said["scopes"] = list(scopes)
        if ip is not None:
            said["ip"] = ip
        if reserve:
            said["reserve"] = True
        try:
            answer = self._ask("/v1/keys/verify", said)
        except NotSent:
            return self._alone(key, cost, meter, scopes, endpoint, ip, reserve, doubtful=False)
        except NoAnswer:
            return self._alone(key, cost, meter, scopes, endpoint, ip, reserve, doubtful=True)
        if answer.status != 200 or "valid" not in answer.said:
            raise _misconfigured(answer)
        verdict = verdicts.read(answer.said)
        self._learn(key, ip, meter, verdict)
        return verdict

    def admit(self, key: str | None, **asked: Any) -> Verdict:
        """The same for those who prefer exceptions: KeyRefused, Forbidden, RateLimited, QuotaExceeded."""
        verdict = self.verify(key, **asked)
        if not verdict.valid:
            raise refusal(verdict)
        return verdict

    def reserve(self, key: str | None, **asked: Any) -> Reservation:
        """Set the cost of a call aside: `.confirm(cost)` counts what it came to, `.release()` gives it back.

        Also a context: left normally it confirms, left by an exception it releases. Refusals raise.
        """
        verdict = self.admit(key, reserve=True, **asked)
        return Reservation(
            self, verdict, asked.get("cost", 1), asked.get("meter", "calls"), asked.get("endpoint", "")
        )

    def confirm(self, reservation_id: str, cost: int) -> None:
        """End a reservation with its final cost. Ended when it is not open, Unavailable when away."""
        self._end(reservation_id, "confirm", {"cost": cost})

    def release(self, reservation_id: str) -> None:
        """End a reservation and give all of it back. Ended when it is not open, Unavailable when away."""
        self._end(reservation_id, "release", {})

    def count_later(self, verdict: Verdict, cost: int, meter: str, endpoint: str) -> None:
        """Write a use into the spool, to be told when Upkeep is there. Unavailable when it cannot be."""
        if self._spool is None or verdict.account_id is None or verdict.key_id is None:
            raise Unavailable("There is no spool to count this call in.")
        try:
            self._spool.add(verdict.account_id, verdict.key_id, meter, endpoint, cost)
        except OSError as problem:
            log.error("a use could not be spooled: %s", problem)
            raise Unavailable("This call could not be counted.") from problem
        self._deliver_soon()

    def deliver(self) -> int:
        """Tell Upkeep of everything in the spool now; how many events were told. Unavailable when away."""
        if self._spool is None:
            return 0
        try:
            return self._spool.deliver(self._tell)
        except (NotSent, NoAnswer) as problem:
            raise Unavailable("The spool could not be delivered yet.") from problem

    @property
    def lent_out(self) -> int:
        """How many shares this process holds, or still has to report."""
        return 0 if self._borrower is None else self._borrower.leases.count

    def close(self) -> None:
        """Give back what was lent, and close idle connections.

        What is in the spool stays, and is told by whoever starts next.
        """
        self._closed.set()
        if self._borrower is not None:
            self._borrower.close()
        self._portal.close()
        self._gate.close()
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, path: str, said: object) -> Answer:
        """The answer. NotSent and NoAnswer say that Upkeep is away, and whether the question may count."""
        if self._clock() < self._away_until:
            raise NotSent("Upkeep was away a moment ago.")
        try:
            answer = self._gate.post(path, said)
        except (NotSent, NoAnswer) as problem:
            log.warning("Upkeep is away: %s", problem)
            self._away_until = self._clock() + PAUSE_SECONDS
            raise
        if answer.status == 503:
            if answer.said.get("code") != "UNAVAILABLE":  # a balancer's, before nothing that lives
                self._away_until = self._clock() + PAUSE_SECONDS
            if answer.said.get("in_doubt"):
                raise NoAnswer("Upkeep asked its memory, and had no answer.")
            raise NotSent(f"Upkeep answered {answer.status}.")
        if answer.status >= 500:
            if answer.status in (502, 504):
                self._away_until = self._clock() + PAUSE_SECONDS
            raise NoAnswer(f"Upkeep answered {answer.status}.")
        return answer

    def _learn(self, key: str, ip: str | None, meter: str, verdict: Verdict) -> None:
        if self._memory is not None:
            self._memory.learn(key, ip, meter, verdict)

    def _alone(
        self,
        key: str,
        cost: int,
        meter: str,
        scopes: Sequence[str],
        endpoint: str,
        ip: str | None,
        reserve: bool,
        *,
        doubtful: bool,
    ) -> Verdict:
        """Decide without Upkeep. A question that was sent may have been counted, so it is not spooled."""
        verdict = self._memory and self._memory.guess(key, ip, meter, cost, scopes)
        if not verdict:
            raise Unavailable("Upkeep is away, and this key may not pass without it.")
        if verdict.valid and not reserve:
            if doubtful:
                log.warning("a use of %s %s was sent and not answered: it is left to Upkeep", cost, meter)
            else:
                self.count_later(verdict, cost, meter, endpoint)
        return verdict

    def _end(self, reservation_id: str, deed: str, said: Mapping[str, object]) -> None:
        path = f"/v1/reservations/{quote(reservation_id, safe='')}/{deed}"
        try:
            answer = self._ask(path, said)
        except NotSent as problem:
            raise Unavailable("Upkeep is away, and the reservation could not be ended.") from problem
        except NoAnswer:
            self._end_again(path, said)
            return
        if answer.status == 404:
            raise Ended(f"The reservation {reservation_id} is not open.")
        if answer.status != 200:
            raise _misconfigured(answer)

    def _end_again(self, path: str, said: Mapping[str, object]) -> None:
        """Ending twice does no harm: when the first time arrived, nothing is open any more."""
        try:
            answer = self._gate.post(path, said)
            if answer.status in (200, 404):
                return
        except (NotSent, NoAnswer) as problem:
            log.warning("Upkeep is away: %s", problem)
        unknown = Unavailable("Upkeep is away, and whether the reservation was ended is not known.")
        unknown.doubtful = True
        raise unknown

    def _tell(self, events: Sequence[dict[str, Any]]) -> bool:
        answer = self._portal.post("/v1/events", events, BATCH)
        if answer.status == 200:
            return True
        if answer.status in (400, 413, 415):
            log.error("spooled uses are refused, and kept beside: %s", answer.said.get("detail"))
            return False
        raise NotSent(f"Upkeep answered {answer.status}.")

    def _deliver_soon(self) -> None:
        """Have one thread tell what is spooled as soon as Upkeep is there."""
        if self._deliverer is not None and self._deliverer.is_alive():
            return
        with self._starting:
            if self._deliverer is None or not self._deliverer.is_alive():
                self._deliverer = threading.Thread(
                    target=self._deliver_until_done, name="upkeep-spool", daemon=True
                )
                self._deliverer.start()

    def _deliver_until_done(self) -> None:
        assert self._spool is not None
        while self._spool.waiting() and not self._closed.wait(DELIVER_SECONDS):
            try:
                told = self.deliver()
                log.info("told Upkeep of %s spooled events", told)
            except Unavailable:
                continue
            except Exception:
                log.exception("the spool could not be delivered")


def _setting(name: str, given: str | None) -> str:
    if value := given or os.environ.get(name, "").strip():
        return value
    raise ValueError(f"Set {name}, or give it to the client.")


def _misconfigured(answer: Answer) -> Misconfigured:
    detail = answer.said.get("detail") or f"Upkeep answered {answer.status}."
    return Misconfigured(f"{detail} (status {answer.status})")
