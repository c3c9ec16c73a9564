"""The queue, as the page that staff work from: what is due first stands first."""

from collections.abc import Iterable, Mapping

from flask import Blueprint, g, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal import accounts, support
from portal.kit import clock
from portal.web import guards, site

room = Blueprint("queue", __name__, url_prefix="/staff/queue")

SHOWN = 50
TIERS = {"custom": "By contract", "paid": "Paid", "free": "Free"}
STATES = {"open": "Open", "closed": "Closed", "all": "All"}
WAITING = {"us": "For us", "customer": "For the customer"}
KINDS = {"help": "Help", "deployment": "Custom deployment"}


def _choices(words: Mapping[str, str], every: str = "Any") -> list[SelectChoice]:
    return [SelectChoice("", every), *(SelectChoice(key, text) for key, text in words.items())]


class FilterForm(FlaskForm):  # type: ignore[misc]
    """Which tickets to list."""

    class Meta:
        csrf = False

    q = StringField("Subject, account or number")
    state = SelectField("State", choices=_choices(STATES)[1:])
    assignee = SelectField("Assigned to")
    waiting = SelectField("Waiting", choices=_choices(WAITING))
    tier = SelectField("Tier", choices=_choices(TIERS))
    priority = SelectField(
        "Priority", choices=_choices({name: name.capitalize() for name in support.PRIORITIES})
    )
    kind = SelectField("About", choices=_choices(KINDS))
    tag = StringField("Tag")


@room.get("")
@guards.staff
def index() -> str:
    session, now = site.session(), clock.now()
    people = accounts.staff(session)
    form = FilterForm(request.args)
    names = {person.id: person.name or person.email for person in people}
    mine = {"me": "Me", "nobody": "Nobody"}
    form.assignee.choices = _choices(mine | {key: name for key, name in names.items() if key != g.person.id})
    chosen = _chosen(form)
    found = support.queue(
        session, _filters(chosen), now=now, page=request.args.get("page", 1, type=int), size=SHOWN
    )
    return render_template(
        "queue/index.html",
        form=form,
        found=found,
        due=support.due(session, [row.ticket.id for row in found.rows if row.ticket.closed_at is None]),
        brief=lambda due: support.brief(due, now),
        waited=lambda since: support.spell(now - since),
        counts=support.counts(session, now),
        chosen=chosen,
        narrowed=any(key not in ("state", "q") for key in chosen) or bool(chosen.get("q")),
        address=lambda **changes: url_for("queue.index", **{**chosen, **changes}),
    )


def _chosen(form: FilterForm) -> dict[str, str]:
    """What was asked for; a value that no list offers is not."""
    found = {"q": (form.q.data or "").strip()[:254], "tag": (form.tag.data or "").strip().lower()[:40]}
    for name in ("state", "assignee", "waiting", "tier", "priority", "kind"):
        field = form[name]
        found[name] = field.data if field.data in _values(field.choices) else ""
    return {key: value for key, value in found.items() if value}


def _values(choices: Iterable[SelectChoice]) -> set[str]:
    return {choice.value for choice in choices}


def _filters(chosen: Mapping[str, str]) -> support.Filters:
    assignee = chosen.get("assignee")
    return support.Filters(
        state=chosen.get("state", "open"),
        assigned_to=g.person.id if assignee == "me" else assignee,
        tier=chosen.get("tier"),
        priority=chosen.get("priority"),
        kind=chosen.get("kind"),
        tag=chosen.get("tag"),
        waiting=chosen.get("waiting"),
        words=chosen.get("q", ""),
    )
