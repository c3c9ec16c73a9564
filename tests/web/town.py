"""The site on a port of its own, with somebody in every state that a page can show."""

from contextlib import contextmanager

from flask import session as cookie_session

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead
from portal.web import site, visitor
from tests.plans.people import shipped
from tests.web.sample import fill
from tests.web.sites import served

PAGES = {
    "nobody": """/ /pricing /pricing?interval=year /help /docs /contact /signup /signup/sent /login
        /login/code /forgot /forgot/sent /reset/{reset} /signin/{sign_in} /invitations/{invitation_link}
        /letters/unsubscribe/{unsubscribe} /nowhere""",
    "sue": """/staff/queue /staff/queue?q=nonsense /staff/queue?state=closed /staff/tickets/{ticket}
        /staff/tickets/{closed_ticket} /staff/accounts/{account} /staff/tickets/{owed_ticket}
        /staff/tickets/{offered_ticket} /staff/tickets/{refused_ticket}/quote""",
    "charlie": "/tickets /tickets/new /tickets?state=closed /dashboard /keys /usage /team /verify/{verify}",
    "dora": "/dashboard /plans /billing",
    "emil": """/dashboard /plans /billing /usage/statement /billing/next?line=api
        /subscription/cancellation?line=api /subscription/preview?plan=api-pro&interval=year
        /tickets /tickets/new /tickets/{unclocked}
        /tickets/new?kind=deployment /tickets/{offered} /tickets/{owed} /tickets/{refused}""",
    "alice": """/dashboard /billing /subscription/preview?plan=support-priority&interval=year
        /subscription/preview?plan=hosting-pro&interval=month
        /keys /keys/{key} /keys/{key}/rotation /keys/{key}/revocation /usage
        /usage/statement /usage?by=endpoint /usage?environment=test /plans /team /team/{person}/remove
        /team/leave /settings /settings/audit
        /settings/proof /settings/password /settings/email /settings/close /settings/codes
        /settings/address/{address} /accounts/new /keys/nonsense /tickets /tickets?state=closed /tickets/new
        /tickets/{number} /tickets/{closed}""",
    "oscar": """/operator /operator/letters /operator/letters/{letter} /staff/accounts
        /operator/letters/received /operator/letters/received/{received}
        /staff/accounts?q=nobody /staff/accounts/{account} /operator/revenue /operator/disputes
        /operator/webhooks /operator/webhooks/{event} /operator/drift /staff/requests
        /staff/requests/{purchase}/refusal /operator/costs /operator/costs/{cost} /operator/costs/bills
        /operator/costs/alerts /operator/costs?tag=environment
        /operator/costs/bills/{bill_import} /operator/suggestions /operator/scale
        /operator/suggestions/{suggestion} /operator/suggestions/{against} /operator/suggestions/{applied}
        /operator/suggestions/{by_call}
        /operator/sustainability/margins /operator/sustainability
        /operator/plans /operator/plans/stripe /operator/readiness /operator/readiness?days=7""",
}


class Town:
    """Where the site is, who is there (`PAGES` names them), and what addresses need."""

    def __init__(self, app, sessions, settings, url):
        self.url = url
        sample = fill(sessions, settings)
        self.ids = sample.ids | _links(sessions, settings, sample.ids)
        self.cookies = {"nobody": {"session": _half_signed_in(app)}}
        self.cookies |= {name: {"upkeep": token} for name, token in sample.cookies.items()}

    def enter(self, browser, name, **options):
        """A browser context of somebody; for its options see Playwright."""
        context = browser.new_context(**options)
        jar = self.cookies[name].items()
        context.add_cookies([{"name": cookie, "value": value, "url": self.url} for cookie, value in jar])
        return context

    def address(self, path):
        """The address of a path with the ids of this town in it."""
        return self.url + path.format(**self.ids)


@contextmanager
def town_of(app, sessions, settings):
    """A town for as long as the context lasts."""
    with served(app) as url:
        yield Town(app, sessions, settings, url)


def changed_catalogue(folder):
    """An operator's file that differs from what is on offer."""
    path = folder / "catalogue.toml"
    changes = [("price_month = 1900", "price_month = 2400"), ("keys = 2", "keys = 3")]
    path.write_text(shipped(changes).replace('slug = "hosting-pro"', 'slug = "hosting-own"'))
    return path


def _links(sessions, settings, known):
    """A working link of each kind, and the token that turns letters off."""
    now, found = clock.now(), {}
    with sessions() as session, unit(session):
        charlie, alice = (accounts.by_email(session, f"{name}@example.com") for name in ("charlie", "alice"))
        subjects = {
            "verify": (charlie.id, charlie.email),
            "reset": (alice.id, None),
            "sign_in": (charlie.id, None),
            "address": (alice.id, "alice@example.org"),
            "invitation": (None, known["invitation"]),
        }
        for purpose, (person_id, subject) in subjects.items():
            link = accounts.make_link(session, "", purpose, now=now, person_id=person_id, subject=subject)
            found[purpose] = link.rpartition("/")[2]
        letterhead = Letterhead(settings.brand, settings.public_url, settings.secret_key)
        found["unsubscribe"] = letterhead.unsubscribe_token(alice.id, "keys")
    return found | {"invitation_link": found["invitation"], "invitation": known["invitation"]}


def _half_signed_in(app):
    """The cookie of somebody who gave their password and still owes their code."""
    with app.test_request_context("/"):
        oscar = accounts.by_email(site.session(), "oscar@example.com")
        visitor.begin_midway(oscar, remember=False, now=clock.now())
        return app.session_interface.get_signing_serializer(app).dumps(dict(cookie_session))
