"""Set-up: what is set up, what is not, and how it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from portal import keys, plans
from portal.accounts import Person
from portal.kit.settings import Brand, Settings
from portal.web import words

BACKUPS = "upkeep-*"
FRESH = timedelta(days=8)


@dataclass(frozen=True)
class Step:
    """One thing to set up. `done` is None when the machine cannot see whether it is done.

    `matters` is what to do about it, as a sentence, when the platform does not work well without it.
    """

    title: str
    done: bool | None
    text: str
    command: str = ""
    link: tuple[str, str] | None = None
    matters: str = ""

    @property
    def anchor(self) -> str:
        """Where on the page it stands."""
        return f"step-{self.title.lower().replace(' ', '-')}"


def steps(session: Session, settings: Settings, person: Person, now: datetime) -> list[Step]:
    """All of them, in the order in which they are best done."""
    return [*wares(session, settings), *face(settings), *safety(settings, person, now)]


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
            matters="" if settings.is_loopback else "Serve the portal over TLS: passwords cross the net.",
        ),
        Step(
            "Mail",
            settings.smtp_url is not None,
            f"Letters are sent from {settings.mail_from}."
            if settings.smtp_url
            else "No mail server is named: letters are kept and shown here, and nobody receives them.",
            "SMTP_URL=smtp+starttls://user:password@mail.example.com:587\nMAIL_FROM=hello@example.com",
            ("Letters", "/operator/letters"),
            matters="Name a mail server: nobody receives a letter yet.",
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
            matters="Publish your plans: nobody can have a key before there are any.",
        ),
        Step(
            "Service key",
            bool(keys.live_service_keys(session)),
            "Your API shows it when it asks whether a key may pass.",
            "upkeep service-keys mint 'My API'",
            matters="Make a service key: your API needs one to ask about its callers.",
        ),
        Step(
            "First call",
            keys.ever_used(session),
            "Done when the first call with a customer's key has been counted.",
            f"curl -X POST {settings.public_url}/v1/keys/verify \\\n"
            "  -H 'Authorization: Bearer <service key>' \\\n"
            "  -H 'Content-Type: application/json' -d '{\"key\": \"<key>\"}'",
            matters="Let your API ask about its first call.",
        ),
        _paid_plans(settings),
    )


def _paid_plans(settings: Settings) -> Step:
    if (payments := settings.payments) is None:
        text = "Payments are not connected. Until they are, give a plan by hand."
        command = "STRIPE_SECRET_KEY=...\nSTRIPE_WEBHOOK_SECRET=...\nupkeep stripe check"
        return Step(
            "Paid plans",
            False,
            text,
            command,
            matters="Connect payments: until then no plan can be paid for.",
        )
    if payments.mode == "live":
        text = "Payments go to Stripe. `upkeep stripe check` says what is missing there."
    else:
        where = "a sandbox on this machine" if payments.mode == "sandbox" else "Stripe's test mode"
        text = f"Payments go to {where}: no money moves."
    revenue = ("Revenue", "/operator/revenue")
    return Step("Paid plans", payments.mode == "live", text, "STRIPE_SECRET_KEY=...", link=revenue)


def safety(settings: Settings, person: Person, now: datetime) -> Sequence[Step]:
    """What protects the platform when something goes wrong."""
    return (
        Step(
            "Your second factor",
            person.totp_enabled_at is not None,
            "An authenticator app for your own sign-in. Beyond this machine it is compulsory for staff.",
            link=("Security settings", "/settings"),
        ),
        _backups(settings, now),
    )


def newest_backup(settings: Settings) -> datetime | None:
    """When the newest backup in the state folder was taken; None when there is none that Upkeep knows of."""
    taken = [
        path.stat().st_mtime for path in Path(settings.var, "backups").glob(BACKUPS) if path.suffix == ""
    ]
    return datetime.fromtimestamp(max(taken), UTC) if taken else None


def keeps_backups(settings: Settings) -> bool:
    """Whether backups are ours to take: who keeps a database elsewhere has them taken there."""
    return _is_local(settings.database_url)


def _backups(settings: Settings, now: datetime) -> Step:
    secrets = (
        "Keep SECRET_KEY and KEY_PEPPERS apart from them: without the peppers every customer's key stops "
        "working for good."
    )
    if (newest := newest_backup(settings)) is not None:
        text = f"The newest is of {words.moment(newest)}, in {settings.var}/backups. {secrets}"
        return Step("Backups", newest + FRESH > now, text, "make backup")
    place = f"state folder {settings.var}" if keeps_backups(settings) else "managed database"
    text = f"Keep copies of the {place}. {secrets} Upkeep cannot see copies that are kept elsewhere."
    return Step("Backups", None, text, "make backup")


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
