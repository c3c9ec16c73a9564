"""What a visitor reads: landing, pricing, help, docs, contact, and the theme."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal import accounts, plans
from portal.edge.problems import STATUSES
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.mail import Letter
from tests.web.sites import site_of

PAGES = ["/", "/pricing", "/help", "/docs", "/contact"]


@pytest.fixture
def on_offer(client, database):
    """The shipped catalogue, published."""
    with database() as session, unit(session):
        plans.sync(session, plans.read(plans.SHIPPED.read_text()), now=clock.now())


@pytest.fixture
def operator(client, database):
    """Somebody who runs the platform."""
    with database() as session, unit(session):
        cli = accounts.Actor(None, "cli")
        accounts.add_staff(session, "olga@example.org", "operator", actor=cli, now=clock.now())
    return "olga@example.org"


def token(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))[1]


def post(client, path, seen_at="/contact", **fields):
    return client.post(path, data={"csrf_token": token(client.get(seen_at)), **fields})


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_reads_it_without_signing_in(client, on_offer, path):
    page = client.get(path)
    assert page.status_code == 200
    assert page.get_data(as_text=True).count("<h1") == 1


@pytest.mark.parametrize("path", PAGES)
def test_it_is_there_before_any_plan_was_published(client, path):
    assert client.get(path).status_code == 200


def test_the_pricing_page_shows_every_plan_and_its_price(client, on_offer, session):
    text = client.get("/pricing").get_data(as_text=True)
    for words in ("API Free", "API Pro", "Hosting Pro", "Support Priority", "$19", "$190", "$500 to $2,000"):
        assert words in text
    for words in ("1,000 calls a month", "100,000 calls a month", "5 calls a second, 10 at once", "20 keys"):
        assert words in text


@pytest.mark.parametrize("path", ["/", "/pricing"])
def test_prices_are_shown_for_a_month_or_a_year_without_a_script(client, on_offer, path):
    monthly, yearly = client.get(path).text, client.get(f"{path}?interval=year").text
    assert "<strong>$19</strong> a month" in monthly and "<strong>$190</strong>" not in monthly
    assert "<strong>$190</strong> a year" in yearly and "$38 less than 12 months at $19" in yearly
    assert "<strong>$19</strong> a month" in client.get(f"{path}?interval=week").text


def test_the_landing_page_shows_every_line_and_leads_on(client, on_offer):
    text = client.get("/").text
    for words in (
        "API Pro",
        "Hosting Pro",
        "Support Priority",
        "What happens at the limit?",
        'href="/signup"',
    ):
        assert words in text


def test_customers_see_the_platform_and_not_the_program_behind_it(client, web_app):
    assert web_app.extensions["upkeep.settings"].brand.name in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize("code", sorted(STATUSES))
def test_the_docs_explain_every_code_where_problems_point(client, code):
    text = client.get("/docs").get_data(as_text=True)
    row = text.split(f'id="{code.lower().replace("_", "-")}"')[1].split("</tr>")[0]
    assert code in row and str(STATUSES[code]) in row


def message(**changes):
    return {
        "name": "Charlie",
        "email": "charlie@example.org",
        "about": "api-enterprise",
        "message": "We need two million calls a month.",
        **changes,
    }


def test_a_message_becomes_a_letter_to_those_who_run_the_platform(client, on_offer, operator, database):
    answer = post(client, "/contact", **message())
    assert answer.status_code == 303
    with database() as session:
        letter = session.scalar(select(Letter).where(Letter.template == "home/message"))
    assert letter.to == operator
    assert "API Enterprise" in letter.subject
    assert "We need two million calls a month." in letter.text and "charlie@example.org" in letter.text


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"email": "charlie"}, {"message": "Hi"}, {"message": "x" * 4001}, {"about": "api-gold"}],
)
def test_a_wrong_message_is_shown_again_with_what_was_typed(client, on_offer, operator, database, wrong):
    answer = post(client, "/contact", **message(**wrong))
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "There is a problem" in text
    assert "charlie" in text
    with database() as session:
        assert session.scalar(select(Letter).where(Letter.template == "home/message")) is None


def test_a_message_that_nobody_would_read_is_refused(client, on_offer):
    assert "Nobody can be reached here yet" in client.get("/contact").get_data(as_text=True)
    assert post(client, "/contact", seen_at="/pricing", **message()).status_code == 409


def test_a_message_is_shown_and_not_obeyed(client, on_offer, operator, database):
    post(client, "/contact", **message(message="<script>alert(1)</script> and more"))
    with database() as session:
        letter = session.scalar(select(Letter).where(Letter.template == "home/message"))
    assert "<script>" not in letter.html


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_kept(client, theme):
    answer = post(client, "/theme", seen_at="/", theme=theme, next="/docs")
    assert (answer.status_code, answer.location) == (303, "/docs")
    assert f'data-bs-theme="{theme}"' in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize("theme", ["system", "pink", ""])
def test_any_other_theme_follows_the_system(client, theme):
    post(client, "/theme", seen_at="/", theme="dark", next="/")
    post(client, "/theme", seen_at="/", theme=theme, next="/")
    assert "data-bs-theme=" not in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_the_theme_leads_to_no_other_site(client, next_page):
    assert post(client, "/theme", seen_at="/", theme="dark", next=next_page).location == "/"


def test_the_logo_is_the_file_that_is_named(settings, client, tmp_path):
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    (tmp_path / "logo.svg").write_text(drawing)
    brand = replace(settings.brand, logo=str(tmp_path / "logo.svg"))
    visitor = site_of(replace(settings, brand=brand)).test_client()
    assert 'src="/logo"' in visitor.get("/").get_data(as_text=True)
    answer = visitor.get("/logo")
    assert (answer.text, answer.mimetype) == (drawing, "image/svg+xml")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_there_is_no_logo_until_one_is_named(client):
    assert client.get("/logo").status_code == 404


def test_an_unknown_page_says_so_and_leads_on(client):
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert "There is no such page" in page.get_data(as_text=True)
