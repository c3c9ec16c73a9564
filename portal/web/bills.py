"""Bills, as pages: brought in as files, and what became of their lines."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import MultipleFileField

from portal import costs
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Missing, Refusal
from portal.web import files, guards, site
from portal.web.sustainability import currency

room = Blueprint("bills", __name__, url_prefix="/operator/costs/bills")

MEGABYTE = 1_000_000
UPLOAD_MEGABYTES = 20
UNPACKED_CHARACTERS = 100 * MEGABYTE
ASIDE_SHOWN = 200


class BillsForm(FlaskForm):  # type: ignore[misc]
    """Files of one delivery."""

    files = MultipleFileField("Files")


@room.get("")
@guards.operator
def index() -> str:
    return _page(BillsForm(formdata=None))


@room.post("")
@files.up_to(UPLOAD_MEGABYTES * MEGABYTE)
@guards.operator
def take() -> ResponseReturnValue:
    """Take in what was chosen, all of it or nothing."""
    form, session = BillsForm(), site.session()
    if not form.validate_on_submit():
        return _page(form), 422
    brought = [
        costs.BillFile(one.filename, one.stream) for one in request.files.getlist("files") if one.filename
    ]
    try:
        with unit(session):
            done = costs.take_bills(
                session,
                brought,
                currency=currency(),
                most=UNPACKED_CHARACTERS,
                actor=site.actor(),
                now=clock.now(),
            )
    except Refusal as refusal:
        site.refuse(form, refusal)
        return _page(form), 422
    flash(*_told(done))
    return redirect(url_for("bills.show", import_id=done.id), 303)


@room.get("/<import_id>")
@guards.operator
def show(import_id: str) -> str:
    session = site.session()
    row = costs.brought(session, import_id)
    if row is None:
        raise Missing("There is no such import.")
    aside = costs.set_aside(session, import_id, size=ASIDE_SHOWN)
    return render_template(
        "bills/show.html", brought=row, bills=costs.bills_of(session, import_id), aside=aside
    )


def upload() -> dict[str, Any]:
    """What `bills/_upload.html` needs, on whatever page it stands."""
    return {"upload": BillsForm(formdata=None), "most": UPLOAD_MEGABYTES * MEGABYTE}


def _page(form: BillsForm) -> str:
    return render_template(
        "bills/index.html", **{**upload(), "upload": form}, imports=costs.imports(site.session(), size=50)
    )


def _told(done: costs.Imported) -> tuple[str, str]:
    if done.repeated:
        return "These files were imported before. Nothing was changed.", "info"
    told = f"Imported: {done.lines_kept:,} of {done.lines_read:,} rows."
    if not done.lines_aside:
        return told, "good"
    return f"{told} {done.lines_aside:,} could not be counted and are kept aside, below.", "due"
