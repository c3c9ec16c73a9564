"""Storms while time itself is moved, and shares that nobody reports: the books still balance.

STORM makes them as many times larger (`make soak`).
"""

import os

import pytest
from sqlalchemy import text

from deploy.local.process import wait_until
from portal.kit import clock
from tests.gate.house import ready, settle, step
from tests.gate.serving import RunningGate, Storm

LARGER = int(os.environ.get("STORM", "1"))
CALLERS = 16
SANDBOX = {
    "STRIPE_SECRET_KEY": "sk_sandbox_1",
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "PUBLIC_URL": "http://127.0.0.1:8000",
}
USED = text(
    "SELECT meter, window_id, CAST(sum(units) AS bigint) FROM usage_total "
    "WHERE account_id = :account GROUP BY meter, window_id"
)


@pytest.fixture(scope="module", params=["off", "on"])
def gate(request, environ):
    running = RunningGate(environ, **SANDBOX, GATE_LEASES=request.param).start()
    running.leases = request.param
    yield running
    assert running.stop() == 0, running.log


def test_at_a_months_end_under_load_each_call_counts_in_one_month_and_no_month_passes_its_ceiling(
    gate, house, moved
):
    here = house(2_000)
    ready(gate, here)
    window = here.window
    storm = Storm(gate.port, here.service, [here.key], processes=2, threads=CALLERS // 2, calls=250 * LARGER)
    assert wait_until(lambda: here.balance().counter > 200, 20)
    # The last moments of the month pass by themselves, with shares out. Those that are out at the jump
    # itself are stranded by it: they stay consumed, and are billed to nobody.
    step(moved, window.end_ms * 1_000 - now_us() - 300_000)
    told = storm.end()
    assert wait_until(lambda: here.gate().door.peek(here.tag).now_ms >= window.end_ms, 20)
    told["VALID"] += gate.ask(here.service, here.key) == "VALID"
    # A question that was under way at the jump may be heard after one that knows the later time: to it the
    # clock was put back, and that is refused once. Each caller has at most one under way.
    assert told.keys() <= {"VALID", "QUOTA_EXCEEDED", "RATE_LIMITED"}, told
    assert told.get("RATE_LIMITED", 0) <= CALLERS, told
    assert wait_until(lambda: here.balance().held == 0 and here.balance().window != window.id, 20)
    settle(here, moved)
    used = ledger(here)
    counted = {window: units for (meter, window), units in used.items() if meter == "calls"}
    assert len(counted) == 2 and all(units <= 2_000 for units in counted.values()), used
    stranded = sum(used.values()) - sum(counted.values())
    assert sum(counted.values()) <= told["VALID"] <= sum(counted.values()) + stranded, (told, used)
    assert stranded == 0 or gate.leases == "on"
    assert here.balance().balanced


def test_a_clock_that_jumps_under_load_loses_and_doubles_nothing(gate, house, moved):
    here = house(1_000_000)
    ready(gate, here)
    storm = Storm(gate.port, here.service, [here.key], processes=2, threads=4, calls=400 * LARGER)
    for seconds in (61, -61, 3_600, -3_600, -1, 40, -40):
        before = here.balance().counter
        assert wait_until(lambda before=before: here.balance().counter != before or storm.is_over, 20)
        step(moved, seconds * 1_000_000)
    told = storm.end()
    assert told.keys() <= {"VALID", "RATE_LIMITED"}, told
    assert wait_until(lambda: here.balance().held == 0, 20), "holders report by their own clock"
    settle(here, moved)
    books = here.balance()
    # A share whose row was stranded by the jump stays consumed, and is told to nobody.
    assert books.held == books.unsettled == 0 and books.ledger <= told["VALID"] <= books.counter
    assert books.counter == books.ledger + books.stranded


def test_shares_of_a_killed_gate_are_stranded_after_thirty_seconds_and_never_billed(environ, house, moved):
    here = house(1_000_000)
    gate = RunningGate(environ, **SANDBOX).start()
    ready(gate, here)
    storm = Storm(gate.port, here.service, [here.key], processes=2, threads=8, calls=200 * LARGER)
    assert wait_until(lambda: here.balance().held > 0, 20)
    gate.kill()
    gate.start()
    told = storm.end()
    assert told.keys() <= {"VALID", "UNANSWERED", "UNAVAILABLE"}, told
    assert gate.stop() == 0
    left = here.balance()
    assert left.held > 0 and left.stranded == 0, "nobody has given them up yet"
    step(moved, 20_000_000)
    assert here.balance().held == left.held, "nor do they before their time"
    step(moved, 12_000_000)
    settle(here, moved)
    books = here.balance()
    assert (books.held, books.stranded, books.counter) == (0, left.held, left.counter)
    assert books.ledger <= told["VALID"] <= books.counter, "of what was stranded nothing is billed"


def ledger(here):
    with here.database() as session:
        rows = session.execute(USED, {"account": here.account})
        return {(meter, window): units for meter, window, units in rows}


def now_us():
    return int(clock.now().timestamp() * 1_000_000)
