"""A site where people pay: a sandbox of Stripe beside it, people at browsers, webhooks that come on call."""

from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser

from sqlalchemy import select

from portal import accounts, billing, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead
from portal.kit.settings import Post
from tests.plans.people import publish, someone
from tests.post.listening import ADDRESS
from tests.sandboxed import Place, StripeSandbox
from tests.web.sites import site_of
from tests.worker.conftest import PushedGate
from tests.worker.stage import follow
from worker.house import House

TEAM = {"bob": "billing", "dora": "developer", "vera": "viewer"}
STAFF = {"sue": "support", "oscar": "operator"}
PLACE = Place("http://127.0.0.1:1")  # always the same, so that the site's settings are


class Till:
    """Alice's account with her team, Charlie with one of her own, Sue and Oscar of the staff."""

    def __init__(self, settings, database, sandbox):
        self.database, self.sandbox = database, sandbox
        self.settings = replace(settings, payments=sandbox.payments)
        self.stripe = sandbox.gateway()
        self.pushed, self._browsers = [], {}
        self.app = site_of(self.settings, push=self.pushed.append, stripe=self.stripe)
        self._open()
        sandbox.deliver_to(self._receive)

    @property
    def now(self):
        return clock.now()

    def browser(self, name, app=None):
        """Somebody's browser, always the same, and signed in whatever time has passed; "nobody" visits."""
        if app is not None or name not in self._browsers:
            found = Browser(app or self.app, lambda: self.cookies.get(name), self.ids.get(name))
            if app is not None:
                return found
            self._browsers[name] = found
        return self._browsers[name]

    def without_stripe(self):
        """From now on Stripe does not answer the site."""
        nowhere = replace(self.settings.payments, api_base="http://127.0.0.1:9")
        self.app.extensions["upkeep.stripe"] = billing.Stripe(nowhere)

    def webhooks(self):
        """Let all webhooks come, and be thought about."""
        self.sandbox.deliver_now()
        with self.database() as session:
            waiting = session.scalars(
                select(billing.WebhookEvent.id).where(billing.WebhookEvent.processed_at.is_(None))
            ).all()
        for event_id in waiting:
            billing.think(self.database, self.stripe, event_id, now=self.now)

    def pass_time(self, duration):
        """Time passes, and all that follows from it comes."""
        self.sandbox.advance(duration)
        self.webhooks()
        with self.database() as session, unit(session):
            plans.lapse(session, self.now)
            self._sign_in(session)

    def upgrade(self, name="alice", plan="API Pro", interval="month", card="pm_card_visa"):
        """Buy a plan as a person does, and come back."""
        browser = self.browser(name)
        away = browser.press("/plans", f"Upgrade to {plan}", interval=interval)
        assert away.status_code == 303, away.text
        back = self.sandbox.pay(session_of(away.location), card)
        assert back.status == 303, back.text
        return browser.get(path_of(back.location))

    def held(self, account="alice", line="api"):
        with self.database() as session:
            return plans.current(session, self.ids[account], line=line, now=self.now)

    def bill(self, account="alice", line="api"):
        with self.database() as session:
            return billing.bills(session, self.ids[account], self.settings.payments).get(line)

    def customer(self, account="alice"):
        """The account's customer at Stripe."""
        with self.database() as session:
            row = session.scalars(
                select(billing.models.BillingCustomer).filter_by(account_id=self.ids[account])
            ).one()
            return row.stripe_id

    def subscriptions(self, account="alice"):
        listed = self.sandbox.v1.subscriptions.list({"customer": self.customer(account), "status": "all"})
        return listed.data

    def new_card(self, card, account="alice"):
        """Another card for all that comes; the failing one of `pm_card_chargeCustomerFail` can be kept."""
        customer = self.customer(account)
        method = self.sandbox.v1.payment_methods.attach(card, {"customer": customer})
        self.sandbox.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        for one in self.subscriptions(account):
            if one.status not in ("canceled", "incomplete_expired"):
                self.sandbox.v1.subscriptions.update(one.id, {"default_payment_method": method.id})

    def fail_renewal(self):
        """A month later the card is refused."""
        self.new_card("pm_card_chargeCustomerFail")
        self.pass_time("1 month")
        self.pass_time("2h")  # Stripe finalizes the invoice of a renewal an hour after it was drafted

    def _open(self):
        now, self.cookies, self.ids = clock.now(), {}, {}
        with self.database() as session, unit(session):
            publish(session, now)
            people = {
                name: someone(session, name.title(), now) for name in ("alice", "charlie", *TEAM, *STAFF)
            }
            mine = accounts.open_account(session, "Example Ltd", people["alice"], now=now)
            hers = accounts.open_account(session, "Charlie's", people["charlie"], now=now)
            for name, role in TEAM.items():
                member = accounts.Member(
                    account_id=mine.id, person_id=people[name].id, role=role, joined_at=now
                )
                session.add(member)
            for name, role in STAFF.items():
                people[name].staff_role = role
            session.flush()
            self._sign_in(session)
            self.ids = {"alice": mine.id, "charlie": hers.id} | dict.fromkeys(TEAM, mine.id)
        self.sandbox.stock(self.sync_catalogue)

    def sync_catalogue(self):
        with self.database() as session:
            billing.sync_catalogue(session, self.stripe, apply=True)

    def _sign_in(self, session):
        """Everybody signs in; what they did before ends after hours."""
        place = accounts.Browser("192.0.2.7", "tests")
        for name in ("alice", "charlie", *TEAM, *STAFF):
            person = accounts.by_email(session, f"{name}@example.com")
            self.cookies[name] = accounts.begin(session, person, place, now=self.now)

    def _receive(self, body, headers):
        return self.app.test_client().post("/hooks/stripe", data=body, headers=dict(headers)).status_code


@contextmanager
def till_of(settings, database, folder):
    """A till for as long as the context lasts; time can be moved in it."""
    with StripeSandbox(folder, place=PLACE) as sandbox:
        clock.configure(sandbox.clock_file)
        try:
            yield Till(settings, database, sandbox)
        finally:
            clock.configure(None)


@contextmanager
def working_till_of(settings, database, folder):
    """The same with `till.house`: `settle` does what its worker would, whose letters can be answered."""
    with till_of(replace(settings, post=Post(ADDRESS)), database, folder) as till:
        head = Letterhead(till.settings.brand, till.settings.public_url, till.settings.secret_key)
        till.house = House(till.settings, database, PushedGate(), head, till.stripe)
        yield till


def settle(till):
    """Everything that follows from what was done."""
    follow(till.house)
    till.webhooks()
    follow(till.house)


class Browser:
    """One browser without JavaScript: `press` sends the form that holds a button, as it stands there."""

    def __init__(self, app, cookie, account):
        self._client, self._cookie, self.account = app.test_client(), cookie, account

    @property
    def client(self):
        if cookie := self._cookie():
            self._client.set_cookie("upkeep", cookie)
        return self._client

    def get(self, path):
        return self.client.get(path)

    def words(self, path):
        """What a page says, without its markup."""
        return read(self.client.get(path).text).words

    def form(self, path, label):
        """The form of a page whose button says this: (action, fields)."""
        page = self.client.get(path)
        found = [form for form in read(page.text).forms if label in form["buttons"]]
        assert found, f"{path} ({page.status_code}) has no button {label}"
        return found[0]["action"], dict(found[0]["fields"])

    def press(self, path, label, **changes):
        action, fields = self.form(path, label)
        return self.client.post(action, data={**fields, **changes})

    def post(self, path, **fields):
        """Post what no button of a page sends, with its token."""
        page = read(self.client.get("/settings").text)
        hidden = next(form["fields"] for form in page.forms if "csrf_token" in form["fields"])
        own = {"csrf_token": hidden["csrf_token"], "account": self.account or ""}
        return self.client.post(path, data={**own, **fields})


class Reader(HTMLParser):
    """The words and the forms of a page."""

    def __init__(self):
        super().__init__()
        self.forms, self.said, self._button, self._silent = [], [], None, 0

    @property
    def words(self):
        return " ".join(" ".join(self.said).split())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form":
            self.forms.append({"action": found.get("action"), "fields": {}, "buttons": []})
        elif tag == "input" and self.forms and found.get("name"):
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                self.forms[-1]["fields"][found["name"]] = found.get("value", "")
        elif tag == "button":
            self._button = []
        elif tag in ("script", "style", "svg"):
            self._silent += 1

    def handle_endtag(self, tag):
        if tag == "button" and self._button is not None:
            if self.forms:
                self.forms[-1]["buttons"].append(" ".join(" ".join(self._button).split()))
            self._button = None
        elif tag in ("script", "style", "svg"):
            self._silent -= 1

    def handle_data(self, data):
        if not self._silent:
            self.said.append(data)
            if self._button is not None:
                self._button.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader


def session_of(url):
    """The id of the checkout session that an address of the payment page shows."""
    return url.rpartition("/")[2].partition("?")[0].partition("#")[0]


def path_of(url):
    """An address of the site without its host."""
    return "/" + url.partition("//")[2].partition("/")[2]
