"""A sandbox in the test's own process: an address on loopback, a clock to move, deliveries to look at."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import stripe

from portal.billing.gateway import Stripe
from portal.kit.settings import Payments
from sandbox.stripe.app import Sandbox, application
from sandbox.stripe.clock import Clock
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier
from tests.stripe.watching import Watched

KEY = "sk_sandbox_of_the_tests"
SECRET = "whsec_of_the_tests"


class StripeSandbox:
    """`.base` and `.key` lead to it; everything said through `.gateway()` and `.client()` is watched."""

    def __init__(self, base, sandbox, clock_file):
        self.base, self.key, self.webhook_secret = base, KEY, SECRET
        self.sandbox, self.clock_file = sandbox, clock_file
        self.watches = []

    @property
    def payments(self):
        """The settings that lead here."""
        return Payments(self.key, (self.webhook_secret,), self.base, "sandbox")

    def gateway(self):
        """Our own gateway. Whatever it asks and is answered must be as Stripe describes it."""
        return Stripe(self.payments, transport=self.watch())

    def client(self, *, refusable=False):
        """The library's client, for what happens outside our code; `refusable` for crooked requests."""
        http = stripe.RequestsClient(timeout=10, session=self.watch(refusable=refusable))
        base = {"api": self.base, "files": self.base, "connect": self.base, "meter_events": self.base}
        return stripe.StripeClient(self.key, base_addresses=base, http_client=http)

    def watch(self, **more):
        """A transport that is looked at when the test ends."""
        self.watches.append(Watched(**more))
        return self.watches[-1]

    def now(self):
        return datetime.fromtimestamp(self.sandbox.clock.now(), UTC)

    def advance(self, to):
        """Move the one clock, to a moment or by a duration, and do what became due."""
        duration = to - self.now() if isinstance(to, datetime) else to
        offset = self.sandbox.clock.offset() + int(duration.total_seconds() * 1_000_000)
        self.clock_file.write_text(str(offset))
        self.sandbox.tick()

    def receive(self, url, receiver):
        """Let `receiver(body, headers) -> status` stand for an endpoint; `deliver()` brings what is due."""
        watch = self.watch()

        def told(body, headers):
            watch.told(body)
            return receiver(body, headers)

        self.sandbox.courier.receivers[url] = told

    def deliver(self):
        """Attempt every delivery that is due; how many there were."""
        return self.sandbox.courier.deliver_due()

    def check(self):
        """AssertionError when anything that was said was not as Stripe describes it."""
        problems = [problem for watch in self.watches for problem in watch.problems]
        assert not problems, "Not as Stripe describes it:\n" + "\n".join(problems)


@contextmanager
def standing(folder):
    """A running sandbox with its state in memory."""
    clock_file = folder / "clock"
    clock, store = Clock(clock_file), Store()
    sandbox = Sandbox(store, clock, KEY, Courier(store, clock))
    server = make_server("127.0.0.1", 0, application(sandbox), _Server, _Quiet)
    sandbox.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="stripe-sandbox")
    thread.start()
    try:
        yield StripeSandbox(sandbox.base, sandbox, clock_file)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass
