"""The catalogue, as the operator's pages: what is on offer, what the file would change, what Stripe lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal import accounts, billing, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Refusal
from portal.web import guards, site

room = Blueprint("catalogue", __name__, url_prefix="/operator/plans")

STALE = (
    "The file, or what is on offer, has changed since this page was drawn. Nothing was published; "
    "look at the changes again."
)


@dataclass(frozen=True)
class Draft:
    """The operator's file, and what it would change; else the sentence that says why it cannot be used."""

    file: plans.File | None
    offered: plans.Catalogue | None
    preview: plans.Preview | None
    digest: str = ""
    refusal: str = ""
    line: int | None = None


@room.get("")
@guards.operator
def show() -> str:
    session, now = site.session(), clock.now()
    return render_template(
        "catalogue/index.html",
        path=site.settings().plans_file,
        catalogue=plans.catalogue_or_none(session),
        versions=_versions(session, plans.holders(session, now=now)),
        draft=_draft(session),
        sentence=plans.sentence,
    )


@room.post("/editions")
@guards.operator
def publish() -> ResponseReturnValue:
    """Publish the file as it was previewed: the digest tells whether it still is what was seen."""
    session, settings = site.session(), site.settings()
    with unit(session):
        draft = _draft(session)
        if draft.offered is None or request.form.get("digest") != draft.digest:
            raise Conflict(STALE)
        if settings.plans_file_is_made:
            plans.make_file(settings.plans_file)
        now = clock.now()
        fresh = plans.sync(session, draft.offered, now)
        named = [f"{plan.slug} version {plan.version}" for plan in fresh]
        accounts.record(session, site.actor(), "plans.published", now=now, data={"plans": named})
    flash(f"Published: {', '.join(named)}." if named else "Published. No plan changed.", "good")
    return redirect(url_for("catalogue.show"), 303)


@room.get("/stripe")
@guards.operator
def compare() -> str:
    """What Stripe lacks of the plans on offer; Stripe is asked for it now."""
    steps, refusal = _steps(apply=False)
    return render_template("catalogue/stripe.html", steps=steps, refusal=refusal)


@room.post("/stripe")
@guards.operator
def sync() -> ResponseReturnValue:
    """Make at Stripe what it lacks; what was made already is not made again."""
    steps, refusal = _steps(apply=True)
    if refusal:
        return render_template("catalogue/stripe.html", steps=steps, refusal=refusal), 409
    made = sum(step.verb in ("create", "update") for step in steps)
    with unit(site.session()):
        accounts.record(
            site.session(), site.actor(), "plans.brought_to_stripe", now=clock.now(), data={"made": made}
        )
    flash(f"{made} made at Stripe." if made else "Stripe had all of it already.", "good")
    return redirect(url_for("catalogue.compare"), 303)


def _draft(session: Session) -> Draft:
    settings, file = site.settings(), None
    try:
        file = plans.open_file(settings.plans_file, shipped=settings.plans_file_is_made)
        offered = file.catalogue()
    except plans.CatalogueError as problem:
        return Draft(file, None, None, refusal=problem.sentence, line=problem.line)
    except Refusal as refusal:
        return Draft(file, None, None, refusal=refusal.sentence)
    digest = f"{plans.edition(session)}-{file.digest}"
    return Draft(file, offered, plans.preview(session, offered), digest)


def _versions(
    session: Session, holders: dict[tuple[str, int], int]
) -> dict[str, list[tuple[plans.Plan, int]]]:
    """What is held of each line beside what is on offer, and what is: plans with how many hold them."""
    catalogue = plans.catalogue_or_none(session)
    if catalogue is None:
        return {}
    found = {line.slug: [(plan, 0) for plan in catalogue.of(line.slug)] for line in catalogue.lines}
    offered = {(plan.slug, plan.version) for plan in catalogue.plans}
    for slug, number in sorted(set(holders) - offered, reverse=True):
        plan = plans.version(session, slug, number)
        found.setdefault(plan.line, []).append((plan, 0))
    return {
        line: [(plan, holders.get((plan.slug, plan.version), 0)) for plan, _ in rows]
        for line, rows in found.items()
    }


def _steps(*, apply: bool) -> tuple[Sequence[billing.Step], str]:
    """The steps of a sync, done or only told, or why Stripe would not."""
    try:
        steps = billing.sync_catalogue(site.session(), site.stripe(), apply=apply)
    except (billing.StripeAway, billing.Refused) as refusal:
        return (), refusal.detail
    return steps, ""
