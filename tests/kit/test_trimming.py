"""Trimming: what mail programs quote is found, and nothing that a person wrote is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kit.trimming import plain, trimmed

WROTE = "On Mon, 1 Dec 2026 at 10:00, Sue &lt;s@x.org&gt; wrote:"
PIECES = (
    *("> ", ">", "On ", "wrote:", "From: a", "Sent: b", "\n", "\n\n", "word", "-----Original Message-----"),
    *("__" * 20, "<div>", "<blockquote>", "</p>", "<!--", "&", "\x00", "\u2028"),
)
QUOTED = "> Try this.\n> \n> Sue\n"
ANSWERS = {
    "gmail": (
        "It works.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <reply@in.example.org> wrote:\n\n" + QUOTED,
        "It works.",
    ),
    "gmail, two lines": (
        "It works.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue of the platform\n<reply@in.example.org> wrote:\n"
        + QUOTED,
        "It works.",
    ),
    "german": (
        "Es geht.\n\nAm Mo., 1. Dez. 2026 um 10:00 Uhr schrieb Sue <s@example.org>:\n" + QUOTED,
        "Es geht.",
    ),
    "french": ("Merci.\n\nLe lun. 1 déc. 2026 à 10:00, Sue <s@example.org> a écrit :\n" + QUOTED, "Merci."),
    "outlook": (
        "It works.\n\n________________________________\nFrom: Sue <s@example.org>\nSent: Monday\nTo: Alice\n"
        "Subject: x\n\nTry this.\n",
        "It works.",
    ),
    "old outlook": (
        "It works.\n\n-----Original Message-----\nFrom: Sue\nTo: Alice\n\nTry this.\n",
        "It works.",
    ),
    "quotes without a word": ("It works.\n" + QUOTED, "It works."),
    "nothing quoted": ("It works.\n\nAlice", "It works.\n\nAlice"),
    "between the lines": (
        "See below.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> One?\nYes.\n> Two?\nNo.\n> Sue\n",
        "See below.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> One?\nYes.\n> Two?\nNo.",
    ),
    "below": ("On Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> Try this.\n\nIt works.\n", "It works."),
    "nothing new": ("On Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n" + QUOTED, ""),
    "lists and code": (
        "- one\n- two\n\n    if x:\n        y()\n\nAlice",
        "- one\n- two\n\n    if x:\n        y()\n\nAlice",
    ),
    "a long line": (
        "word " * 500 + "\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n" + QUOTED,
        ("word " * 500).strip(),
    ),
    "many empty lines": ("a\n\n\n\n\n\nb\r\n\r\n\r\n", "a\n\nb"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_new_part_of_an_answer_is_found(name):
    text, new = ANSWERS[name]
    assert trimmed(text) == new


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Sue</b>,</p><p>it works.</p>", "Hello Sue,\n\nit works."),
        ("<div>One<br>Two</div>", "One\nTwo"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<head><title>no</title><style>p {}</style></head><script>no()</script>Yes &amp; no", "Yes & no"),
        ("<div>New</div><blockquote><p>Old</p></blockquote>", "New"),
        (f"<div>New</div><div>{WROTE}</div><blockquote>Old</blockquote>", "New"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<p>open <b>and never closed", "open and never closed"),
        ("<!-- " * 3 + "words", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_letter_in_html_becomes_text(html, text):
    assert trimmed(plain(html)) == text


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_without_quotes_every_word_stays(text):
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    assert trimmed(" ".join(words)).split() == words


@given(st.lists(st.sampled_from(PIECES), max_size=60))
@settings(max_examples=150, deadline=None)
def test_nothing_that_looks_like_a_quote_breaks_it(pieces):
    text = "".join(pieces)
    assert isinstance(trimmed(text), str)
    assert isinstance(trimmed(plain(text)), str)
    assert trimmed(trimmed(text)) is not None


@pytest.mark.parametrize(
    "text",
    ["\n" * 100_000, "On " * 33_000, "> " * 50_000, ("On " * 60 + "\n") * 400, "From:\n" * 16_000],
    ids=["empty lines", "one long line", "quotes", "long lines", "headers"],
)
def test_letters_made_to_keep_a_program_busy_do_not(text):
    """Without what stands in `trimming` some of these take minutes."""
    assert isinstance(trimmed(text), str)
