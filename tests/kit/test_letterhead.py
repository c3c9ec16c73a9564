from datetime import UTC, datetime, timedelta, timezone

import pytest
from jinja2 import UndefinedError

from portal.kit.letterhead import Letterhead, day, moment
from portal.kit.settings import Brand

BRAND = Brand(name="Acme & Co", support_mail="help@acme.test")


@pytest.fixture
def letterhead(tmp_path):
    (tmp_path / "garden").mkdir()
    (tmp_path / "_base.txt").write_text("Hello {{ name }},\n\n{{ body }}\n\n{{ brand.name }}\n")
    (tmp_path / "garden" / "watered.txt").write_text(
        "{{ garden }} was\twatered\n\nAt {{ at|moment }} by {{ by }}.\n"
    )
    (tmp_path / "garden" / "watered.html").write_text("<title>{{ subject }}</title><p>{{ by }}</p>")
    return Letterhead(BRAND, "https://acme.test", "a secret", folder=tmp_path)


WATERED = {
    "name": "Ada",
    "garden": "Rose",
    "at": datetime(2026, 12, 1, 14, 5, tzinfo=UTC),
    "by": "<b>Bob</b>",
}


def test_the_first_line_of_the_text_is_the_subject(letterhead):
    rendered = letterhead.render("garden/watered", WATERED)
    assert rendered.subject == "Rose was watered"
    assert rendered.text == "Hello Ada,\n\nAt 1 December 2026, 14:05 UTC by <b>Bob</b>.\n\nAcme & Co\n"


def test_html_is_escaped_and_text_is_not(letterhead):
    rendered = letterhead.render("garden/watered", WATERED)
    assert rendered.html == "<title>Rose was watered</title><p>&lt;b&gt;Bob&lt;/b&gt;</p>\n"


def test_a_name_cannot_break_the_subject_in_two(letterhead):
    rendered = letterhead.render("garden/watered", WATERED | {"garden": "Rose\r\nBcc: all@acme.test\r\n"})
    assert "\n" not in rendered.subject and "\r" not in rendered.subject


def test_a_word_that_is_missing_is_a_bug(letterhead):
    with pytest.raises(UndefinedError):
        letterhead.render("garden/watered", {"name": "Ada"})


def test_only_a_person_and_a_kind_together_make_a_letter_that_can_be_turned_off(letterhead):
    assert letterhead.render("garden/watered", WATERED, person_id="per_1").kind is None
    assert letterhead.render("garden/watered", WATERED, kind="keys").unsubscribe_url is None
    rendered = letterhead.render("garden/watered", WATERED, person_id="per_1", kind="keys")
    token = rendered.unsubscribe_url.removeprefix("https://acme.test/letters/unsubscribe/")
    assert letterhead.read_unsubscribe_token(token) == ("per_1", "keys")


@pytest.mark.parametrize(
    "token", ["", ".", "a", "a.b", "é.è", "=.=", "cGVyXzEga2V5cw.AAAAAAAAAAAAAAAAAAAAAA"]
)
def test_a_token_that_was_not_signed_here_is_nothing(letterhead, token):
    assert letterhead.read_unsubscribe_token(token) is None


def test_a_token_of_another_secret_is_nothing(letterhead):
    other = Letterhead(BRAND, "https://acme.test", "another secret").unsubscribe_token("per_1", "keys")
    assert letterhead.read_unsubscribe_token(other) is None


def test_moments_are_written_in_utc():
    at = datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert (day(at), moment(at)) == ("30 November 2026", "30 November 2026, 23:30 UTC")
