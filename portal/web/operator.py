"""The operator's first page: what is set up, what is not, and what to look at next."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, g, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts, keys, plans
from portal.accounts import Person
from portal.kit import mail
from portal.kit.settings import Brand, Settings
from portal.web import guards, site

room = Blueprint("operator", __name__)


@dataclass(frozen=True)
class Step:
    """One thing to set up. `done` is None when the machine cannot see whether it is done."""

    title: str
    done: bool | None
    text: str
    command: str = ""
    link: tuple[str, str] | None = None


@room.get("/operator")
@guards.operator
def show() -> str:
    session = site.session()
    steps = [*face(site.settings()), *wares(session, site.settings()), *safety(site.settings(), g.person)]
    return render_template(
        "operator/index.html",
        steps=steps,
        left=sum(step.done is False for step in steps),
        people=accounts.search(session, size=5),
        letters={state: count(session, state) for state in ("waiting", "in doubt", "failed", "kept")},
        observing=site.settings().gate_mode == "observe",
    )


def count(session: Session, state: str) -> int:
    """How many letters are in a state."""
    return session.scalar(select(func.count()).select_from(mail.Letter).where(mail.STATES[state])) or 0


def face(settings: Settings) -> Sequence[Step]:
    """What customers see of the platform, and how it reaches them."""
    brand = settings.brand
    return (
        Step(
            "Name and logo",
            brand.name != Brand.name and brand.logo is not None,
            "Customers see your platform, not Upkeep: its name and its logo stand on every page and letter.",
            "BRAND_NAME='Your platform'\nBRAND_LOGO=/srv/portal/logo.svg",
        ),
        Step(
            "Address",
            not settings.is_loopback and settings.secure_cookies,
            f"People reach this portal at {settings.public_url}. "
            "Beyond this machine it needs a name of its own, served over TLS.",
            "PUBLIC_URL=https://portal.example.com",
        ),
        Step(
            "Mail",
            settings.smtp_url is not None,
            f"Letters are sent from {settings.mail_from}."
            if settings.smtp_url
            else "No mail server is named: letters are kept and shown here, and nobody receives them.",
            "SMTP_URL=smtp+starttls://user:password@mail.example.com:587\nMAIL_FROM=hello@example.com",
            ("Letters", "/operator/letters"),
        ),
        Step(
            "Terms and help",
            all((brand.terms_url, brand.privacy_url, brand.support_mail or brand.forum_url)),
            "Links to your terms, your privacy notice, and a place to ask.",
            "TERMS_URL=...\nPRIVACY_URL=...\nSUPPORT_MAIL=... (or FORUM_URL)",
        ),
    )


def wares(session: Session, settings: Settings) -> Sequence[Step]:
    """What is on offer, and whether the API asks about its keys."""
    offered = plans.catalogue_or_none(session)
    count = len(offered.plans) if offered else 0
    return (
        Step(
            "Plans",
            offered is not None,
            f"{count} plans are on offer. Change {settings.plans_file}, which is yours, and publish it with "
            "`upkeep plans publish`: what changed becomes a new version, and who holds a plan keeps theirs.",
            "upkeep plans publish",
            ("Prices", "/pricing"),
        ),
        Step(
            "Service key",
            bool(keys.live_service_keys(session)),
            "Your API shows it when it asks whether a key may pass.",
            "upkeep service-keys mint 'My API'",
        ),
        Step(
            "First call",
            keys.ever_used(session),
            "Done when the first call with a customer's key has been counted.",
            f"curl -X POST {settings.public_url}/v1/keys/verify \\\n"
            "  -H 'Authorization: Bearer <service key>' \\\n"
            "  -H 'Content-Type: application/json' -d '{\"key\": \"<key>\"}'",
        ),
        _paid_plans(settings),
    )


def _paid_plans(settings: Settings) -> Step:
    if (payments := settings.payments) is None:
        text = "Payments are not connected. Until they are, give a plan by hand."
        command = "STRIPE_SECRET_KEY=...\nSTRIPE_WEBHOOK_SECRET=...\nupkeep stripe check"
        return Step("Paid plans", False, text, command)
    if payments.mode == "live":
        text = "Payments go to Stripe. `upkeep stripe check` says what is missing there."
    else:
        where = "a sandbox on this machine" if payments.mode == "sandbox" else "Stripe's test mode"
        text = f"Payments go to {where}: no money moves."
    revenue = ("Revenue", "/operator/revenue")
    return Step("Paid plans", payments.mode == "live", text, "STRIPE_SECRET_KEY=...", link=revenue)


def safety(settings: Settings, person: Person) -> Sequence[Step]:
    """What protects the platform when something goes wrong."""
    place = "managed database" if not _is_local(settings.database_url) else f"state folder {settings.var}"
    return (
        Step(
            "Your second factor",
            person.totp_enabled_at is not None,
            "An authenticator app for your own sign-in. Beyond this machine it is compulsory for staff.",
            link=("Security settings", "/settings"),
        ),
        Step(
            "Backups",
            None,
            f"Keep copies of the {place}, and apart from it SECRET_KEY and KEY_PEPPERS: without the peppers "
            "every customer's key stops working for good. Upkeep cannot see whether you have them.",
        ),
    )


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
