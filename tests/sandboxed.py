"""A Stripe for tests: the sandbox in this process, on a free port, moved by its clock file.

What is asked through the real library goes to its application straight, without a socket, unless it was
made with `over_http=True`. Who else knows its address reaches it over HTTP all the same.

Anybody's conftest may make a fixture of it:

    @pytest.fixture
    def stripe_sandbox(tmp_path):
        with StripeSandbox(tmp_path) as running:
            yield running
"""

import io
import re
import secrets
from datetime import timedelta
from html import unescape
from urllib.parse import unquote, urlencode, urlsplit

import requests
import stripe
from requests.adapters import BaseAdapter

from portal.billing import Stripe
from portal.kit import clock
from portal.kit.settings import Payments
from sandbox.stripe import faults
from sandbox.stripe.app import application
from sandbox.stripe.billing import periods
from sandbox.stripe.server import Server
from tests.stripe.watching import Watched

GOODS = {}
"""What was put on the shelf of a sandbox of this process, by who did it."""
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Place:
    """A sandbox's secrets, and what it is called by within the process. Sandboxes may take turns at one."""

    def __init__(self, base=None):
        self.key = "sk_sandbox_" + secrets.token_hex(12)
        self.secret = "whsec_" + secrets.token_hex(16)
        self.base = base


class StripeSandbox:
    """A running sandbox, at a place of its own unless told.

    `.key`, `.base`, `.clock_file`; `.client` is a real StripeClient. `.advance("31d")` moves the one clock
    and does what became due. Webhooks wait until `.deliver_now()`, unless it was made with `deliver=True`.

    All that is said through `.client`, `.gateway()` and to callables of `.deliver_to` is held to Stripe's
    description: at the end, AssertionError when something did not fit.
    """

    def __init__(self, folder, *, deliver=False, over_http=False, place=None):
        folder.mkdir(parents=True, exist_ok=True)
        place = place or Place()
        self.key, self.secret = place.key, place.secret
        self.clock_file = folder / "clock"
        self.clock_file.write_text("0")
        self._deliver = deliver
        self._server = Server(key=self.key, state=folder, clock=self.clock_file)
        self.sandbox = self._server.sandbox
        self.sandbox.base = self.base = place.base or self.sandbox.base
        self.watches = []
        self._way = None if over_http else Straight(application(self.sandbox))
        self._browser = self._led(requests.Session())
        self.client = stripe.StripeClient(
            self.key,
            base_addresses=dict.fromkeys(("api", "files", "connect", "meter_events"), self.base),
            http_client=stripe.RequestsClient(timeout=10, session=self.watch(refusable=True)),
        )
        self.v1 = self.client.v1

    def __enter__(self):
        self._server.start(deliver=self._deliver)
        return self

    def __exit__(self, kind, *error):
        self._server.stop()
        problems = [problem for watch in self.watches for problem in watch.problems]
        if kind is None and problems:
            raise AssertionError("Not as Stripe describes it:\n" + "\n".join(dict.fromkeys(problems)))

    @property
    def payments(self):
        """The settings that lead here."""
        return Payments(self.key, (self.secret,), self.base, "sandbox")

    def gateway(self):
        """Our own gateway: whatever it asks must be as Stripe describes it, and may not even be refused."""
        return Stripe(self.payments, transport=self.watch())

    def transport(self):
        """A transport for the library's HTTP client which is not looked at."""
        return self._led(requests.Session())

    def watch(self, **more):
        """A transport for the library's HTTP client, which is looked at when the sandbox ends."""
        self.watches.append(self._led(Watched(**more)))
        return self.watches[-1]

    @property
    def now(self):
        """The one clock, in whole seconds."""
        return self.sandbox.clock.now()

    def advance(self, duration, *, deliver=False):
        """Move the clock forwards: a timedelta, seconds, or `31d`, `2h`, `90m`, `1 month`."""
        start = self.now
        if seconds := _end(start, duration) - start:
            clock.advance(self.clock_file, timedelta(seconds=seconds))
        self.sandbox.tick()
        if deliver:
            self.deliver_now()

    def advance_to(self, moment):
        """Move the clock forwards to a moment in whole seconds, unless it has come already."""
        if (left := moment - self.now) > 0:
            self.advance(left)
        else:
            self.sandbox.tick()

    def stock(self, fill):
        """Let `fill` put its goods on the shelf. It does so once; later sandboxes have the same at once."""
        store = self.sandbox.store
        if (goods := GOODS.get(fill.__name__)) is None:
            fill()
            found = "select id, kind, due_at, data from document order by seq"
            GOODS[fill.__name__] = store.rows(found)
            return
        with store.transaction():
            for row in goods:
                store.rows("insert into document (id, kind, due_at, data) values (?, ?, ?, ?)", *row)

    def deliver_to(self, target, events=("*",), secret=None):
        """Send events to an address, or to a callable that takes body and headers and answers a status."""
        url = target
        if callable(target):
            url = f"http://127.0.0.1/in-process/{secrets.token_hex(4)}"
            self.sandbox.courier.receivers[url] = self._watching(target)
        self._server.endpoint(url, secret or self.secret, tuple(events))
        return secret or self.secret

    def deliver_now(self):
        """Attempt every delivery that is due; how many attempts that took."""
        return self.sandbox.courier.deliver_due()

    def faults(self, **wanted):
        """Let faults strike the next so many deliveries: faults(duplicate=2, bad_signature=1, drop=None)."""
        with self.sandbox.store.transaction():
            faults.order(
                self.sandbox.store, {name.replace("_", "-"): times for name, times in wanted.items()}
            )

    def replay(self, event_id):
        """Send an event again."""
        with self.sandbox.store.transaction():
            faults.replay(self.sandbox.store, event_id, self.now)

    def setting(self, name, value):
        """For instance setting("after_retries", "unpaid")."""
        with self.sandbox.store.transaction():
            self.sandbox.store.set(name, value)

    def pay(self, session, card="pm_card_visa", *, email="alice@example.com", authenticate=True, **fields):
        """Fill in the hosted page of a Checkout Session. Returns a Page: .status, .location, .text."""
        path = f"/checkout/{getattr(session, 'id', session)}"
        page = self.post(path, action="pay", card=card, email=email, **fields)
        if page.status == 200 and "Complete authentication" in page.text:
            hidden = {name: unescape(value) for name, value in HIDDEN.findall(page.text)}
            action = "authenticated" if authenticate else "authentication-failed"
            page = self.post(path, **{**hidden, "action": action})
        return page

    def get(self, path, headers=None):
        """A page, as a browser without JavaScript would ask for it."""
        return self._send("GET", path, headers)

    def post(self, path, headers=None, **fields):
        """A form, sent."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, {**form, **(headers or {})}, urlencode(fields).encode())

    def _watching(self, receiver):
        watch = self.watch(gently=True)

        def receive(body, headers):
            watch.told(body)
            return receiver(body, headers)

        return receive

    def _led(self, transport):
        """A transport that finds its way here."""
        transport.trust_env = False
        if self._way is not None:
            transport.mount(self.base, self._way)
        return transport

    def _send(self, method, path, headers, body=None):
        """Redirects and refusals are answers too."""
        url = path if urlsplit(path).scheme else self.base + path
        reply = self._browser.request(
            method, url, headers=headers, data=body, timeout=10, allow_redirects=False
        )
        self._browser.cookies.clear()
        text = reply.content.decode("utf-8", "replace")
        return Page(reply.status_code, reply.headers.get("Location"), text, reply.headers)


class Page:
    """What a page answered."""

    def __init__(self, status, location, text, headers):
        self.status, self.location, self.text, self.headers = status, location, text, headers


class Straight(BaseAdapter):
    """A way for `requests` to a WSGI application in this process."""

    def __init__(self, application):
        super().__init__()
        self._application = application

    def send(self, request, **options):
        """The application's answer, as if it had come over HTTP."""
        parts = urlsplit(request.url)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        environ = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname,
            "SERVER_PORT": str(parts.port),
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": parts.netloc,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": parts.scheme,
        }
        for name, value in request.headers.items():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = _text(value)
        reply = requests.Response()
        reply.request, reply.url = request, request.url

        def start(status, headers):
            code, _, reply.reason = status.partition(" ")
            reply.status_code = int(code)
            reply.headers.update(headers)

        reply._content = b"".join(self._application(environ, start))
        return reply

    def close(self):
        pass


def _end(start, duration):
    if isinstance(duration, timedelta):
        return start + int(duration.total_seconds())
    if isinstance(duration, int):
        return start + duration
    count, unit = re.fullmatch(r"(\d+)\s*([a-z]+)", duration.strip()).groups()
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    if unit in seconds:
        return start + int(count) * seconds[unit]
    return periods.step(start, unit.rstrip("s"), int(count), 1)


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
