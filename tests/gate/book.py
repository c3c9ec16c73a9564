"""A book on paper: one account whose state a test writes by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deploy.local.process import wait_until
from portal.gate import AccountRecord, Admission, Allowance, Gate, Grant, Question, Settled, Span, Terms
from portal.kit import tokens
from portal.kit.tokens import Pepper

PEPPERS = (Pepper("new", b"n" * 32), Pepper("old", b"o" * 32))
PREFIX = "upk"
DAY_MS = 86_400_000


def now_ms():
    return int(datetime.now(UTC).timestamp() * 1000)


class PaperBook:
    """What PostgreSQL would say of one account. Every change is a new version."""

    def __init__(self, tag="Tag00001", **account):
        self.tag = tag
        self.asked = 0
        self.away = False
        start, end = now_ms() - 10 * DAY_MS, now_ms() + 20 * DAY_MS
        terms = {
            env: Terms(
                Span(window, start, end),
                Span(window + 1, end, end + 30 * DAY_MS),
                {"calls": Allowance(10, 10)},
            )
            for env, window in (("live", 1), ("test", 11))
        }
        record = AccountRecord(
            id="acc_alice", version=1, plan="api-free", plan_version=1, terms=terms, rate=1000, burst=1000
        )
        self.account = replace(record, **account)
        self.grants = {}
        self.settled = Settled()

    def __call__(self, tag, digests):
        self.asked += 1
        if self.away:
            raise ConnectionError("PostgreSQL is away")
        if tag != self.tag:
            return None
        return Admission(self.account, tuple(self.grants.values()), self.settled)

    def change(self, **changes):
        self.account = replace(self.account, version=self.account.version + 1, **changes)

    def mint(self, environment="live", pepper=PEPPERS[0], **changes):
        """A new key; returns its token."""
        token = tokens.mint(PREFIX, environment, self.tag)
        digest = tokens.digest(token, pepper)
        grant = Grant(digest, f"key_{len(self.grants)}", environment, f"lin_{len(self.grants)}")
        self.grants[token] = replace(grant, **changes)
        self.change()
        return token

    def amend(self, token, **changes):
        self.grants[token] = replace(self.grants[token], **changes)
        self.change()

    def allow(self, environment="live", **meters):
        """Replace the allowances: `meter=ceiling` or `meter=Allowance(...)`."""
        allowances = {
            meter: value if isinstance(value, Allowance) else Allowance(value, value or 0)
            for meter, value in meters.items()
        }
        terms = dict(self.account.terms)
        terms[environment] = replace(terms[environment], allowances=allowances)
        self.change(terms=terms)


class Clock:
    """The gate's clock, moved against that of Redis."""

    def __init__(self):
        self.offset = timedelta(0)

    def __call__(self):
        return int(self.offset.total_seconds() * 1_000_000)

    def forward(self, **span):
        self.offset += timedelta(**span)


def gate(redis, book, **options):
    return Gate(redis, book, **({"peppers": PEPPERS, "prefixes": (PREFIX,)} | options))


def ask(gate, token, **question):
    return gate.verify(Question(token, **question))


def restart(engines, redis):
    """Kill Redis and start it again, once all is written: a kill may else lose what was just acknowledged."""
    assert wait_until(lambda: redis.info("persistence")["aof_buffer_length"] == 0, 30)
    engines.redis.kill()
    engines.redis.start()
