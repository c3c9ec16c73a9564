"""Webhooks: events on their way, signed, retried with back-off, and disturbed on demand."""

import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.stripe import faults, signing
from sandbox.stripe.clock import Clock
from sandbox.stripe.store import Obj, Store

BACK_OFF_SECONDS = (60, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""After the first, second, ... failed attempt; about three days in all, as Stripe keeps at it."""

TIMEOUT_SECONDS = 10
POLL_SECONDS = 0.2

Receiver = Callable[[bytes, dict[str, str]], int]
"""Something that takes a body and headers, and answers with a status: a test's own endpoint."""


@dataclass(frozen=True)
class Parcel:
    """One attempt: what goes where."""

    delivery: int
    url: str
    body: bytes
    headers: dict[str, str]
    counts: bool = True


class Courier:
    """Carries deliveries. One attempt at a time, so that order is what it seems."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.receivers: dict[str, Receiver] = {}
        self._carrying = threading.Lock()
        self._work = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Deliver in the background from now on."""
        self._thread = threading.Thread(target=self._run, name="stripe-courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_SECONDS + 1)

    def wake(self) -> None:
        """There may be something to deliver."""
        self._work.set()

    def deliver_due(self) -> int:
        """Attempt everything that is due, and what that brings about; how many attempts were made."""
        attempts = 0
        with self._carrying:
            while parcels := self._pack():
                for parcel in parcels:
                    status, words = self._send(parcel)
                    attempts += 1
                    if parcel.counts:
                        self._note(parcel.delivery, status, words)
        return attempts

    def _run(self) -> None:
        while not self._ended.is_set():
            self._work.wait(POLL_SECONDS)
            self._work.clear()
            try:
                self.deliver_due()
            except Exception:  # a courier that died would look like a Stripe that went silent
                traceback.print_exc()

    def _pack(self) -> list[Parcel]:
        with self._store.lock:
            now = self._clock.now()
            due = self._store.rows(
                "select seq, event, endpoint, attempts from delivery where next_at <= ? order by next_at, "
                "seq",
                now,
            )
            parcels: list[Parcel] = []
            for seq, event_id, endpoint_id, attempts in due:
                event, endpoint = self._store.get(event_id), self._store.get(endpoint_id)
                if event is None or endpoint is None:
                    self._store.rows(
                        "update delivery set next_at = null, failed_at = ? where seq = ?", now, seq
                    )
                    continue
                fault = faults.strike(self._store, event[1]) if attempts == 0 else None
                if fault in ("drop", "delay"):
                    faults.hold(self._store, seq, fault, now)
                    continue
                parcel = _parcel(seq, event[1], endpoint[1], fault, now)
                parcels.append(parcel)
                if fault == "duplicate":
                    parcels.append(Parcel(seq, parcel.url, parcel.body, parcel.headers, counts=False))
                if fault:
                    self._store.rows("update delivery set fault = ? where seq = ?", fault, seq)
            return faults.shuffled(self._store, parcels)

    def _send(self, parcel: Parcel) -> tuple[int, str]:
        if receiver := self.receivers.get(parcel.url):
            return receiver(parcel.body, parcel.headers), "answered in process"
        if urlsplit(parcel.url).hostname not in ("127.0.0.1", "localhost", "::1"):
            return 0, "not sent: the sandbox delivers on this machine alone"
        request = urllib.request.Request(parcel.url, parcel.body, parcel.headers, method="POST")  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
                return int(reply.status), reply.read(500).decode("utf-8", "replace")
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read(500).decode("utf-8", "replace")
        except OSError as problem:
            return 0, str(problem)

    def _note(self, delivery: int, status: int, words: str) -> None:
        with self._store.lock:
            now = self._clock.now()
            outcome = f"{status or 'no answer'} {words}"[:500]
            if 200 <= status < 300:
                self._store.rows(
                    "update delivery set attempts = attempts + 1, next_at = null, delivered_at = ?, "
                    "outcome = ? "
                    "where seq = ?",
                    now,
                    outcome,
                    delivery,
                )
                return
            attempts = (
                int(self._store.rows("select attempts from delivery where seq = ?", delivery)[0][0]) + 1
            )
            over = attempts > len(BACK_OFF_SECONDS)
            self._store.rows(
                "update delivery set attempts = ?, next_at = ?, failed_at = ?, outcome = ? where seq = ?",
                attempts,
                None if over else now + BACK_OFF_SECONDS[attempts - 1],
                now if over else None,
                outcome,
                delivery,
            )


def _parcel(seq: int, event: Obj, endpoint: Obj, fault: str | None, now: int) -> Parcel:
    body = faults.disguised(event, fault)
    secret = "whsec_of_somebody_else" if fault == "bad-signature" else endpoint["_secret"]
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (simulated; no money moves)",
        "Stripe-Signature": signing.header(body, secret, now),
    }
    return Parcel(seq, endpoint["url"], body, headers)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is a failed delivery."""

    def redirect_request(self, *arguments: object) -> None:
        return None
