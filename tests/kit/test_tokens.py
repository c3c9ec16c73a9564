"""Tokens: their form, their checksum, and what is kept of them."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portal.kit import tokens
from portal.kit.tokens import Pepper

PEPPER, OTHER = Pepper("p1", b"1" * 32), Pepper("p2", b"2" * 32)


def test_a_minted_key_is_read_back():
    tag = tokens.new_tag()
    token = tokens.mint("upk", "test", tag)
    assert tokens.parse(token, ["upk"]) == tokens.Parsed("test", tag, token)
    assert len(token) == len("upk_test_") + 8 + 32 + 6


def test_a_service_key_is_told_from_a_key():
    assert tokens.parse(tokens.mint_service("upk"), ["upk"]).kind == "svc"


def test_another_prefix_is_not_read():
    assert tokens.parse(tokens.mint("mem", "live", tokens.new_tag()), ["upk"]) is None


@given(st.integers(0, 45), st.sampled_from(tokens.BASE62))
def test_one_changed_character_is_noticed(position, letter):
    token = tokens.mint("upk", "live", "abcdefgh")
    at = len("upk_live_") + position
    changed = token[:at] + letter + token[at + 1 :]
    assert (tokens.parse(changed, ["upk"]) is None) == (changed != token)


@given(st.text(max_size=80))
def test_any_other_text_is_dismissed(text):
    assert tokens.parse(text, ["upk"]) is None
    assert tokens.parse("upk_live_" + text, ["upk"]) is None


def test_a_digest_depends_on_the_pepper():
    token = tokens.mint("upk", "live", tokens.new_tag())
    assert tokens.digest(token, PEPPER) == tokens.digest(token, PEPPER) != tokens.digest(token, OTHER)
    assert len(tokens.digest(token, PEPPER)) == 64


def test_what_is_shown_for_ever_leaves_the_secret_secret():
    token = tokens.mint("upk", "live", tokens.new_tag())
    shown = tokens.start(token)
    assert token.startswith(shown) and len(token) - len(shown) == 28 + 6


def test_the_documented_expression_and_checksum_hold():
    """docs/secret-scanning.md is what scanners are given."""
    page = (Path(__file__).resolve().parents[2] / "docs/secret-scanning.md").read_text()
    expression = re.search(r"^(\\b.*\\b)$", page, re.MULTILINE)[1]
    made = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], made)
    minted = [tokens.mint("upk", kind, tokens.new_tag()) for kind in tokens.KINDS for _ in range(50)]
    minted.append(tokens.mint_service("upk"))
    for key in minted:
        assert re.search(expression, f'KEY="{key}";')[0] == key and made["is_well_formed"](key)
        wrong = key[:-1] + ("x" if key[-1] != "x" else "y")
        assert not made["is_well_formed"](wrong)
    assert not re.search(expression, minted[0] + "x")
