"""POST /v1/keys/verify on a whole stack of its own: calls a second, and how long one takes.

The callers are threads of this process on the same machine, so they take processor time from the
stack: the numbers say what this machine does while it also asks, and real servers do better.
"""

import json
import statistics
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

from portal import accounts, keys, plans
from portal.kit import clock, db
from portal.kit.settings import load
from tests.running import RunningStack

CALLERS, CALLS_EACH = 4, 2_000
OPERATOR = accounts.Actor(None, "the bench", None)
ROOMY = {"rate": 1_000_000, "burst": 1_000_000, "included": {"calls": 1_000_000}}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = RunningStack(Path(folder) / "var").start()
        try:
            service_key, key = _open_account(stack)
            _ask(stack.port, service_key, key, 200)
            took: list[list[float]] = [[] for _ in range(CALLERS)]
            threads = [
                threading.Thread(
                    target=lambda mine=mine: mine.extend(_ask(stack.port, service_key, key, CALLS_EACH))
                )
                for mine in took
            ]
            begun = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.perf_counter() - begun
        finally:
            stack.stop()
    every = [one * 1000 for mine in took for one in mine]
    cuts = statistics.quantiles(every, n=100)
    print(f"{len(every)} calls by {CALLERS} callers, every answer VALID")
    print(f"{len(every) / seconds:8.0f} calls a second")
    print(f"{cuts[49]:8.2f} ms half of them, {cuts[94]:.2f} ms 95 %, {cuts[98]:.2f} ms 99 %")


def _open_account(stack: RunningStack) -> tuple[str, str]:
    """A service key, and a key whose limits are out of the way."""
    stamp, now = keys.Stamp("upk", load(stack.env).key_peppers[0]), clock.now()
    with db.sessions(db.engine(stack.env["DATABASE_URL"]))() as session, db.unit(session):
        account, _ = accounts.add_account(session, "Bench", "bench@example.org", actor=OPERATOR, now=now)
        plans.grant(session, account.id, "api-enterprise", OPERATOR, now, source="contract", overrides=ROOMY)
        service = keys.mint_service(session, "bench", stamp=stamp, actor=OPERATOR, now=now)
        minted = keys.mint(session, account.id, "bench", stamp=stamp, actor=OPERATOR, now=now)
    return service.token, minted.token


def _ask(port: int, service_key: str, key: str, calls: int) -> list[float]:
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {service_key}", "Content-Type": "application/json"}
    question, took = json.dumps({"key": key}), []
    for _ in range(calls):
        begun = time.perf_counter()
        line.request("POST", "/v1/keys/verify", question, headers)
        told = json.loads(line.getresponse().read())
        took.append(time.perf_counter() - begun)
        assert told["code"] == "VALID", told
    return took


main()
