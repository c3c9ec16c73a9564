"""The operator's home: what it costs, what it earns, how long it lasts, and what to do next."""

from flask import Blueprint, g, render_template
from sqlalchemy.orm import Session

from portal import accounts, billing, costs, plans, scaling, support, sustainability
from portal.kit import clock, mail
from portal.kit.settings import Settings
from portal.web import guards, next_steps, set_up, site
from portal.web.sustainability import CashForm, currency

room = Blueprint("operator", __name__)
LETTERS = ("waiting", "in doubt", "failed", "kept")


@room.get("/operator")
@guards.operator
def show() -> str:
    session, settings, now = site.session(), site.settings(), clock.now()
    steps = set_up.steps(session, settings, g.person, now)
    standing = sustainability.standing(session, settings.payments, currency(), now=now)
    counts = {
        **_counts(session, settings),
        "cost": int(not standing.cost.amount and not standing.apart),
        "cash": int(standing.cash is None),
        "cash_stale": int(
            standing.cash is not None and sustainability.is_stale(standing.cash.counted_at, now)
        ),
        "backup": int(set_up.keeps_backups(settings) and set_up.newest_backup(settings) is None),
        "backup_old": sum(step.title == "Backups" and step.done is False for step in steps),
    }
    return render_template(
        "operator/index.html",
        month=now,
        standing=standing,
        economics=sustainability.economics(session, settings.payments, currency(), now=now),
        currency=currency(),
        cash_form=CashForm(formdata=None),
        deeds=next_steps.to_do(
            counts, {step.matters: f"#{step.anchor}" for step in steps if step.done is False and step.matters}
        ),
        steps=steps,
        people=accounts.search(session, size=5),
        letters={state: mail.count(session, state) for state in LETTERS},
        observing=settings.gate_mode == "observe",
    )


def _counts(session: Session, settings: Settings) -> dict[str, int]:
    """What each room has to say: one line a room."""
    payments, tickets = settings.payments, support.counts(session, clock.now())
    return {
        "tickets_breached": tickets.breached,
        "tickets_unassigned": tickets.unassigned,
        "disputes": billing.disputes_waiting(session, payments) if payments else 0,
        "webhooks": billing.events_failing(session),
        "drift": billing.drifts_open(session),
        "requests": sum(one.ready_at is None for one in billing.requests(session)),
        "spikes": len({one.service for one in costs.spikes(session, currency(), now=clock.now())}),
        "suggestions": scaling.open_count(scaling.suggestions(session, currency(), now=clock.now())),
        "letters_failed": mail.count(session, "failed"),
        "letters_in_doubt": mail.count(session, "in doubt"),
        **_plans_file(session, settings),
    }


def _plans_file(session: Session, settings: Settings) -> dict[str, int]:
    """Whether the operator's file of plans is another than what is on offer, or cannot be read as one."""
    try:
        offered = plans.read(settings.plans_file.read_text(encoding="utf-8"))
    except plans.CatalogueError:
        return {"plans_broken": 1}
    except (OSError, UnicodeDecodeError):
        return {}  # before the first start there is none
    return {"plans": int(not plans.preview(session, offered).nothing)}
