"""The stage: everything that the story plays on, driven step by step in one process.

Time is the one clock. It begins as many days behind as there are to tell, is moved forwards only, and
ends at the present, or in tests on another day. What a worker, a webhook or a mail server would do by
itself is done at each step.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import stripe as library
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from portal import accounts, billing, metering, plans, support
from portal.gate import connect
from portal.keys import Stamp
from portal.kit import clock, db
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead
from portal.kit.mail import Letter
from portal.kit.outbox import Errand
from portal.kit.settings import Settings
from sandbox.stripe.server import Server
from worker import letters, relay
from worker.house import House

QUICK = "-c synchronous_commit=off"  # a machine that dies meanwhile begins the story anew
SELDOM = (50_000, 20, 20)  # the story makes many rows and few cycles
WANTED = (  # what an operator chooses at Stripe: deploy/README.md
    *("checkout.session.completed", "customer.subscription.created", "customer.subscription.updated"),
    *("customer.subscription.deleted", "invoice.paid", "invoice.payment_failed", "customer.updated"),
    *("charge.refunded", "charge.dispute.created"),
)


class Stage:
    """The house of the product without its processes, and a Stripe that is simulated in this one."""

    def __init__(self, settings: Settings, server: Server) -> None:
        assert settings.payments is not None and settings.clock_file is not None
        clock.configure(settings.clock_file)
        self.settings, self.payments, self.server = settings, settings.payments, server
        self._clock_file = settings.clock_file
        self._bind = create_engine(
            settings.database_url.replace("postgresql://", "postgresql+psycopg://"),
            connect_args={"options": QUICK},
        )
        self.sessions = db.sessions(self._bind)
        self.gate = metering.open_gate(settings, connect(settings.redis_url), self.sessions)
        self.stripe = billing.Stripe(self.payments)
        letterhead = Letterhead(settings.brand, settings.public_url, settings.secret_key)
        self.house = House(settings, self.sessions, self.gate, letterhead, self.stripe)
        self.stamp = Stamp(settings.key_prefix, settings.key_peppers[0])
        self.cashier = library.StripeClient(
            self.payments.secret_key,
            base_addresses=dict.fromkeys(("api", "files", "connect", "meter_events"), self.payments.api_base),  # type: ignore[arg-type]
        )

    @property
    def now(self) -> datetime:
        """The one clock."""
        return clock.now()

    @contextmanager
    def unit(self) -> Iterator[Session]:
        """One transaction in a session of its own."""
        with self.sessions() as session, unit(session):
            yield session

    def ask(self, verb: Callable[..., Any], account_id: str, *arguments: Any, **options: Any) -> Any:
        """A verb that speaks to Stripe between units of its own."""
        with self.sessions() as session:
            return verb(session, self.stripe, account_id, *arguments, now=self.now, **options)

    def advance_to(self, moment: datetime) -> None:
        """Move the one clock to a moment, unless it is there already, and do what became due at Stripe."""
        if (by := moment - self.now) > timedelta(0):
            clock.advance(self._clock_file, by)
            self.server.sandbox.tick()

    def arrive(self, offset_us: int) -> None:
        """Move the one clock to where the story ends, so far ahead of the machine's.

        It went on while the story was played, and the present must not lag by that.
        """
        if (behind := offset_us - clock.offset_us()) > 0:
            clock.advance(self._clock_file, timedelta(microseconds=behind))
            self.server.sandbox.tick()

    def work(self) -> None:
        """What the worker does, one duty after the other, until nothing is left to do."""
        metering.settle(self.sessions, self.gate, now=self.now)
        with self.unit() as session:
            metering.close_windows(session, now=self.now)
            plans.lapse(session, self.now)
            billing.remind(session, self.payments, now=self.now)
            support.expire_quotes(session, now=self.now)
        self.watch()
        self.follow()
        letters.send_due(self.house)

    def watch(self) -> None:
        """Tell what is due soon or overdue."""
        told = 1
        while told:
            with self.unit() as session:
                told = support.watch(session, now=self.now)

    def follow(self) -> None:
        """Deliver what Stripe tells of, and let everything follow from what was told."""
        self.server.sandbox.courier.deliver_due()
        errands: list[Errand] = []
        while relay.hand_out(self.house, errands.append):
            for errand in errands:
                relay.react(self.house, errand.fact_id, errand.reaction)
            errands.clear()
            self.server.sandbox.courier.deliver_due()

    def letters_since(self, template: str, moment: datetime) -> list[Letter]:
        """The letters of one kind that were written since, first ones first."""
        wanted = select(Letter).where(Letter.template == template, Letter.written_at >= moment)
        with self.sessions() as session:
            return list(session.scalars(wanted.order_by(Letter.written_at, Letter.id)))

    def receive(self, body: bytes, headers: dict[str, str]) -> int:
        """The hook, as the web would answer it."""
        with self.unit() as session:
            billing.store_event(session, self.payments, body, headers["Stripe-Signature"], now=self.now)
        return 200

    def close(self) -> None:
        """Leave nothing open, and the clock of this process as it was."""
        self._bind.dispose()
        clock.configure(None)


@contextmanager
def set_up(settings: Settings) -> Iterator[Stage]:
    """A stage on engines that run, with a sandbox on the port that the settings name.

    Meanwhile this process looks for cycles of garbage seldom.
    """
    payments = settings.payments
    assert payments is not None and settings.clock_file is not None
    state = settings.var / "sandbox"
    state.mkdir(exist_ok=True, mode=0o700)
    port = int(payments.api_base.rpartition(":")[2])
    server = Server(key=payments.secret_key, port=port, state=state, clock=settings.clock_file)
    stage = Stage(settings, server)
    hook = f"http://127.0.0.1:{settings.port}/hooks/stripe"
    server.sandbox.courier.receivers[hook] = stage.receive
    server.endpoint(hook, payments.webhook_secrets[0], WANTED)
    server.start(deliver=False)
    usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield stage
    finally:
        gc.set_threshold(*usual)
        server.stop()
        stage.close()


def actor_of(person: accounts.Person) -> accounts.Actor:
    """A person as the audit names them."""
    return accounts.actor(person, None)
