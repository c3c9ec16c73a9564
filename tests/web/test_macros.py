"""Macros, rendered: labels are tied to inputs, tables carry headings, charts carry their numbers."""

from xml.etree import ElementTree

import pytest
from flask import Flask, g, render_template_string
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal.web import words
from tests.house.reading import ROOT

FORMS = '{% from "macros/forms.html" import form_head, error_summary, field, textarea, submit, post_button %}'
PAGE = '{% from "macros/page.html" import header, balance, badge, notice, empty, code_box, facts, pager %}'
TABLE = '{% from "macros/table.html" import table, cell, value %}'
CHART = '{% from "macros/chart.html" import bars, axis %}'


class Form(FlaskForm):
    name = StringField("Name", [InputRequired("Give the key a name.")])
    role = SelectField("Role", choices=[SelectChoice("viewer", "Viewer")], default="viewer")
    kind = RadioField(
        "Environment", choices=[SelectChoice("live", "Live"), SelectChoice("test", "Test")], default="live"
    )
    agreed = BooleanField("I accept the terms")
    note = TextAreaField("Note")


@pytest.fixture
def app():
    app = Flask("macros", template_folder=str(ROOT / "templates"))
    app.secret_key = "a secret of the tests"
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["csrf_token"] = lambda: "the-token"
    words.init(app)
    with app.test_request_context("/", method="POST"):
        yield app


def shown(source, **context):
    return render_template_string(source, **context)


def tree(markup):
    return ElementTree.fromstring(f"<page>{markup}</page>")


def form(**data):
    made = Form(MultiDict(data), meta={"csrf": False})
    made.validate()
    return made


def test_a_form_carries_its_token_and_its_account(app):
    class Account:
        id = "acc_1"

    assert 'name="account"' not in shown(FORMS + "{{ form_head() }}")
    g.account = Account
    markup = shown(FORMS + "{{ form_head() }}")
    assert 'name="csrf_token" value="the-token"' in markup
    assert 'name="account" value="acc_1"' in markup


@pytest.mark.parametrize("name", ["name", "role", "agreed", "note"])
def test_a_label_is_tied_to_its_input(app, name):
    markup = shown(FORMS + "{{ field(form[name]) }}", form=form(), name=name)
    assert f'for="{name}"' in markup
    assert f'id="{name}"' in markup


def test_a_choice_stands_in_a_fieldset_with_a_legend(app):
    markup = shown(FORMS + "{{ field(form.kind) }}", form=form())
    assert "<fieldset" in markup and "<legend" in markup
    assert markup.count("<label") == 2


def test_a_message_is_tied_to_its_input(app):
    markup = shown(FORMS + '{{ field(form.name, hint="As you like.") }}', form=form())
    assert 'aria-describedby="name-hint name-error"' in markup
    assert 'aria-invalid="true"' in markup
    assert 'id="name-error"' in markup and "Give the key a name." in markup


def test_the_summary_leads_to_the_field(app):
    markup = shown(FORMS + "{{ error_summary(form) }}", form=form())
    assert 'role="alert"' in markup
    assert '<a href="#name">Give the key a name.</a>' in markup


def test_the_summary_tells_what_belongs_to_no_field(app):
    refused = form(name="CI")
    refused.form_errors.append("Your plan allows 2 keys.")
    assert "<li>Your plan allows 2 keys.</li>" in shown(FORMS + "{{ error_summary(form) }}", form=refused)


def test_no_summary_when_all_is_well(app):
    assert not shown(
        FORMS + "{{ error_summary(form) }}", form=form(name="CI", role="viewer", kind="live")
    ).strip()


def test_what_people_typed_is_shown_and_not_obeyed(app):
    markup = shown(FORMS + "{{ field(form.name) }}", form=form(name="<b>CI</b>"))
    assert "<b>" not in markup and "&lt;b&gt;" in markup


def test_a_page_has_one_first_heading_and_its_sentence(app):
    markup = shown(PAGE + '{{ header("Keys", "2 of 2 keys used.") }}')
    assert markup.count("<h1>Keys</h1>") == 1
    assert "2 of 2 keys used." in markup


@pytest.mark.parametrize(
    ("used", "look"), [(0, ""), (799, ""), (800, " meter-high"), (1000, " meter-full"), (1200, " meter-full")]
)
def test_a_balance_says_it_in_words_and_bar(app, used, look):
    page = tree(shown(PAGE + '{{ balance(used, 1000, "Calls") }}', used=used))
    bar = page.find(".//progress")
    assert bar.attrib["class"] == "meter" + look
    assert bar.attrib["aria-label"] == "Calls"
    assert int(bar.attrib["value"]) <= int(bar.attrib["max"])
    assert f"{used:,}" in "".join(page.itertext()) and "1,000" in "".join(page.itertext())


def test_a_balance_of_nothing_is_full(app):
    assert "meter-full" in shown(PAGE + '{{ balance(0, 0, "Calls") }}')


@pytest.mark.parametrize("kind", ["good", "due", "danger", "info", "quiet"])
def test_every_kind_has_a_badge_and_a_notice(app, kind):
    assert f"badge-{kind}" in shown(PAGE + '{{ badge("Live", kind) }}', kind=kind)
    assert "<svg" in shown(PAGE + '{{ notice("Saved.", kind) }}', kind=kind)


def test_the_copy_button_waits_for_a_script(app):
    assert 'data-copy="#code-your-key" hidden' in shown(PAGE + '{{ code_box("upk_live_x", "Your key") }}')


def test_a_pager_offers_what_there_is(app):
    assert "Previous" not in shown(PAGE + '{{ pager(1, 3, "?page=") }}')
    assert "Next" not in shown(PAGE + '{{ pager(3, 3, "?page=") }}')
    assert not shown(PAGE + '{{ pager(1, 1, "?page=") }}').strip()


def test_a_cell_repeats_its_heading_for_small_screens(app):
    page = tree(
        shown(
            TABLE + '{% call table("Keys", ["Name", ("Calls", "num")]) %}<tr>'
            '{% call cell("Name", head=True) %}CI{% endcall %}{{ value("Calls", 7, "num") }}'
            "</tr>{% endcall %}"
        )
    )
    assert page.find(".//caption").text == "Keys"
    assert [one.text for one in page.findall(".//thead//th")] == ["Name", "Calls"]
    assert page.find(".//tbody//th").attrib == {"scope": "row", "data-label": "Name"}
    assert page.find(".//td").attrib == {"data-label": "Calls", "class": "num"}


SERIES = [(f"{n} Nov", n * 37 % 91) for n in range(1, 31)]


def test_a_chart_has_title_description_and_the_same_numbers_in_a_table(app):
    page = tree(shown(CHART + '{{ bars(series, "Calls per day", "November 2026.") }}', series=SERIES))
    plot = page.findall(".//svg")[-1]
    assert plot.find("title").text == "Calls per day" and plot.find("desc").text == "November 2026."
    assert {plot.find("title").attrib["id"], plot.find("desc").attrib["id"]} == set(
        plot.attrib["aria-labelledby"].split()
    )
    rows = [(row.find("th").text, int(row.find("td").text)) for row in page.findall(".//tbody/tr")]
    assert rows == SERIES


def test_bars_start_at_zero_and_are_as_high_as_their_numbers(app):
    page = tree(shown(CHART + '{{ bars(series, "Calls", "") }}', series=[("a", 0), ("b", 50), ("c", 100)]))
    heights = [float(bar.attrib["height"].rstrip("%")) for bar in page.findall(".//rect")]
    assert heights == [0, pytest.approx(heights[2] / 2), pytest.approx(84)]


@pytest.mark.parametrize(
    ("peak", "top"),
    [(1, 1), (2, 2), (3, 4), (7, 10), (10, 10), (11, 12), (99, 100), (101, 120), (1_000_000, 1_000_000)],
)
def test_an_axis_ends_at_a_round_number(app, peak, top):
    found, steps = map(int, shown(CHART + "{{ axis(peak) }}", peak=peak).split())
    assert found == top and found % steps == 0


def test_an_axis_holds_its_peak(app):
    peaks = [*range(1, 1200), 12_345, 99_999, 100_000, 7_654_321]
    source = CHART + "{% for peak in peaks %}{{ axis(peak) }},{% endfor %}"
    for peak, axis in zip(peaks, shown(source, peaks=peaks).strip(",").split(","), strict=True):
        found, steps = map(int, axis.split())
        assert peak <= found <= 2 * peak + 1 and found % steps == 0


def test_a_chart_of_nothing_is_drawn_all_the_same(app):
    assert "<rect" not in shown(CHART + '{{ bars([], "Calls", "None yet.") }}')


def test_every_icon_is_drawn(app):
    drawn = shown(
        '{% import "macros/icons.html" as icons %}'
        "{% for name in icons.outlines %}{{ icons.icon(name) }}{% endfor %}"
        "{{ icons.icon('key', label='Key') }}"
    )
    svgs = tree(drawn).findall("svg")
    assert svgs and all(len(svg) for svg in svgs)
    assert svgs[-1].attrib["aria-label"] == "Key"
