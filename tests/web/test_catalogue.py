"""The catalogue as the operator publishes it: previewed, published as it was seen, brought to Stripe."""

from dataclasses import replace

import pytest

from portal import accounts, plans
from tests.plans.people import shipped
from tests.web.till import read, till_of

DEARER = ("price_month = 1900", "price_month = 2400")
HOME = "/operator/plans"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "plans.toml"
    path.write_text(shipped())
    return path


@pytest.fixture
def oscar(desk, file):
    return desk.browser("oscar", plans_file=file)


def on_offer(database):
    with database() as session:
        return plans.catalogue(session)


def test_what_is_on_offer_is_shown_with_who_holds_it(desk, oscar):
    desk.give("api-pro")
    words = oscar.words(HOME)
    assert "What is on offer is what your file says" in words and "Publish" not in words.partition("File")[0]
    assert "API Free api-free 1 Free 5 calls a second, 10 at once; 2 keys; 1,000 calls 1" in words
    assert "API Pro api-pro 1 $19 a month, $190 a year" in words and "100,000 calls 1" in words


def test_a_changed_file_is_previewed_and_published_as_it_was_seen(desk, oscar, file):
    desk.give("api-pro")
    file.write_text(shipped([DEARER]))
    words = oscar.words(HOME)
    assert "api-pro: API Pro, $24 a month" in words and "Changed version 2" in words
    assert "Price a month: $19 → becomes $24" in words
    answer = oscar.press(HOME, "Publish")
    assert answer.status_code == 303 and on_offer(desk.database).plan("api-pro").version == 2
    words = oscar.words(HOME)
    assert "Published: api-pro version 2." in words
    assert "API Pro api-pro 2 $24 a month" in words and "API Pro Earlier api-pro 1 $19 a month" in words
    assert holds(desk) == 1
    with desk.database() as session:
        noted = session.query(accounts.AuditEntry).filter_by(action="plans.published").one()
    assert (noted.actor, noted.data) == ("oscar@example.com", {"plans": ["api-pro version 2"]})


@pytest.mark.parametrize("what", ["the file", "what is on offer", "no digest"])
def test_what_changed_since_the_preview_was_drawn_is_not_published(desk, oscar, file, what):
    file.write_text(shipped([DEARER]))
    action, fields = oscar.form(HOME, "Publish")
    if what == "the file":
        file.write_text(shipped([("price_month = 1900", "price_month = 1")]))
    elif what == "what is on offer":
        with desk.database() as session, session.begin():
            plans.sync(session, plans.read(shipped([("keys = 2", "keys = 3")])), desk.now)
    else:
        fields.pop("digest")
    before = on_offer(desk.database)
    answer = oscar.client.post(action, data=fields)
    assert answer.status_code == 409 and "Nothing was published" in read(answer.text).words
    assert on_offer(desk.database) == before


def test_a_broken_file_is_shown_with_its_line_and_cannot_be_published(desk, oscar, file):
    text = shipped([("keys = 2", "keys = 0")])
    file.write_text(text)
    line = text.splitlines().index("keys = 0") + 1
    words = oscar.words(HOME)
    assert f"Line {line}: the plan api-free: keys must be a whole number" in words
    assert f"> {line} keys = 0" in words and "Your file cannot" not in words
    assert "api-pro 1 $19 a month" in words  # what is on offer stays
    assert oscar.post(f"{HOME}/editions", digest="").status_code == 409


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_told(oscar, file, content, said):
    file.unlink() if content is None else file.write_bytes(content)
    assert said in oscar.words(HOME)


def test_the_first_publication_makes_the_operators_own_file(desk, tmp_path):
    var = tmp_path / "state"
    oscar = desk.browser("oscar", var=var, plans_file=var / "catalogue.toml")
    with desk.database() as session, session.begin():
        plans.sync(session, plans.read(shipped([DEARER])), desk.now)
    assert "You have no file yet" in oscar.words(HOME) and not var.exists()
    assert oscar.press(HOME, "Publish").status_code == 303
    assert (var / "catalogue.toml").read_text() == shipped()
    assert on_offer(desk.database).plan("api-pro").month.amount == 1900


def test_what_stripe_lacks_is_shown_and_made_once(settings, database, redis, tmp_path, file):
    with till_of(replace(settings, plans_file=file), database, tmp_path / "stripe") as till:
        bring(till, till.browser("oscar"), file)


def bring(till, oscar, file):
    assert "Stripe has all of it." in oscar.words(f"{HOME}/stripe")
    file.write_text(shipped([DEARER]))
    oscar.press(HOME, "Publish")
    words = oscar.words(f"{HOME}/stripe")
    assert "to be made at Stripe" in words and "API Pro version 2, $24.00 a month To be made" in words
    assert oscar.press(f"{HOME}/stripe", "Make them at Stripe").status_code == 303
    words = oscar.words(f"{HOME}/stripe")
    assert "Stripe has all of it." in words and "made at Stripe." in words

    till.without_stripe()
    assert "Stripe could not be asked just now" in oscar.words(f"{HOME}/stripe")
    assert oscar.post(f"{HOME}/stripe").status_code == 409
    assert "API Pro" in oscar.words(HOME)


def test_without_payments_there_is_nothing_to_bring_to_stripe(oscar):
    assert "Compare with Stripe" not in oscar.words(HOME)


@pytest.mark.parametrize("name", ["alice", "charlie", "sue"])
def test_the_catalogue_is_the_operators_alone(desk, name):
    browser = desk.browser(name)
    assert [browser.get(path).status_code for path in (HOME, f"{HOME}/stripe")] == [404, 404]


def holds(desk):
    """The version of the API plan that Alice's account holds."""
    with desk.database() as session:
        return plans.current(session, desk.ids["alice"], now=desk.now).version
