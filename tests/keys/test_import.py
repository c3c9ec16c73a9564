"""Imported keys: what the platform gave out before goes on working."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal import accounts, keys
from portal.keys.models import Key
from portal.kit.errors import Invalid
from portal.kit.outbox import ToldFact
from tests.keys.test_minting import mint
from tests.keys.test_rotation import rotate
from tests.plans.people import NOON, OPERATOR, account_of, publish

TOKEN = "sk-old-0123456789abcdef"


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def digest(algorithm="sha256", token=TOKEN):
    return hashlib.new(algorithm, token.encode()).hexdigest()


def csv(*rows, heading="digest,algorithm,external_id,account_id,name"):
    return "\n".join([heading, *rows])


def bring_in(session, text):
    return keys.import_keys(session, keys.read_rows(text), actor=OPERATOR, now=NOON)


def count(session):
    return session.scalar(select(func.count()).select_from(Key))


@pytest.mark.parametrize("algorithm", keys.ALGORITHMS)
def test_an_imported_key_is_found_by_its_digest_whatever_the_algorithm(session, alice, algorithm):
    assert bring_in(session, csv(f"{digest(algorithm)},{algorithm},u1,{alice},Old")).kept == 1
    candidates = keys.digests_of(TOKEN)
    assert keys.tag_of_digests(session, candidates) == accounts.tag(session, alice)
    (grant,) = keys.grants(session, alice, candidates, now=NOON)
    assert (grant.digest in candidates, grant.external_id, grant.environment) == (True, "u1", "live")


def test_nothing_else_is_found_by_digests(session, alice):
    minted = mint(session, alice)
    assert keys.tag_of_digests(session, keys.digests_of("unknown")) is None
    assert keys.tag_of_digests(session, [session.get(Key, minted.key_id).digest]) is None


def test_json_lines_do_as_well(session, alice):
    lines = [
        json.dumps(
            {"digest": digest(token=f"t{n}"), "algorithm": "SHA-256", "account_id": alice, "name": f"K{n}"}
        )
        for n in range(3)
    ]
    assert bring_in(session, "\n".join([*lines, ""])).kept == 3
    assert {key.name for key in keys.of_account(session, alice, now=NOON)} == {"K0", "K1", "K2"}


def test_all_columns_are_kept(session, alice):
    text = csv(
        f"{digest()},sha256,{alice},sk-old,test,read write,2027-01-31T00:00:00Z",
        heading="digest,algorithm,account_id,start,environment,scopes,expires_at",
    )
    bring_in(session, text)
    (key,) = keys.of_account(session, alice, now=NOON)
    assert (key.start, key.environment, key.scopes) == ("sk-old", "test", ["read", "write"])
    assert key.expires_at.isoformat() == "2027-01-31T00:00:00+00:00"
    assert (key.name, key.pepper_id, key.algorithm) == ("Imported key", None, "sha256")


def test_importing_a_file_again_changes_nothing(session, alice):
    text = csv(f"{digest()},sha256,u1,{alice},Old")
    bring_in(session, text)
    again = bring_in(session, text)
    assert (again.kept, again.standing, count(session)) == (0, 1, 1)
    assert len(session.scalars(select(ToldFact).where(ToldFact.name == "keys.KeysImported")).all()) == 1


def test_an_import_may_exceed_the_plan_and_fills_it(session, alice):
    bring_in(session, csv(*(f"{digest(token=str(n))},sha256,u{n},{alice},K{n}" for n in range(5))))
    assert keys.count_live(session, alice, now=NOON) == 5


def test_an_imported_key_can_be_rotated_into_one_of_ours(session, alice):
    bring_in(session, csv(f"{digest()},sha256,u1,{alice},Old"))
    (key,) = keys.of_account(session, alice, now=NOON)
    new = session.get(Key, rotate(session, alice, key.id).key_id)
    assert (new.external_id, new.pepper_id) == ("u1", "p2")


def test_a_digest_of_another_account_is_refused_and_nothing_is_kept(session, alice):
    charlie = account_of(session, "Charlie")
    bring_in(session, csv(f"{digest()},sha256,u1,{alice},Old"))
    text = csv(f"{digest(token='x')},sha256,u2,{charlie},New", f"{digest()},sha256,u1,{charlie},Old")
    with (
        pytest.raises(Invalid, match="Line 3: this digest belongs to another account"),
        session.begin_nested(),
    ):
        bring_in(session, text)
    assert count(session) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{sha256},sha256,u1,acc_none,Old", "there is no account acc_none"),
        ("{sha256},rot13,u1,{alice},Old", "the algorithm must be one of"),
        ("{sha256},md5,u1,{alice},Old", "a md5 digest has 32"),
        ("zz,sha256,u1,{alice},Old", "a sha256 digest has 64"),
        (",sha256,u1,{alice},Old", "digest is missing"),
        ("{sha256},,u1,{alice},Old", "algorithm is missing"),
        ("{sha256},sha256,u1,,Old", "account_id is missing"),
        ("{sha256},sha256,u1,{alice}," + "x" * 81, "at most 80 characters"),
        ("{sha256},sha256," + "u" * 201 + ",{alice},Old", "external_id has at most"),
        ("{sha256},sha256,u1", "not as many values"),
        ("{sha256},sha256,u1,{alice},Old,more", "not as many values"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(session, alice, row, reason):
    good = f"{digest(token='good')},sha256,u0,{alice},Good"
    text = csv(good, row.format(sha256=digest(), alice=alice))
    with pytest.raises(Invalid, match=f"^Line 3: .*{reason}"):
        bring_in(session, text)
    assert count(session) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("digest,colour\nx,red", "Line 2: there is no column called colour"),
        ('{"digest": 1}', "Line 1: digest must be a text"),
        ('{"digest"', "Line 1: this is not JSON"),
        ('{"digest": "x"}\n[1]', "Line 1: algorithm is missing"),
    ],
)
def test_a_file_that_is_neither_is_refused(text, reason):
    with pytest.raises(Invalid, match=reason):
        keys.read_rows(text)


def test_a_digest_twice_in_one_file_is_refused():
    row = f"{digest()},sha256,u1,acc_x,Old"
    with pytest.raises(Invalid, match="Line 3: this digest stood in line 2 before"):
        keys.read_rows(csv(row, row))


@given(st.text())
def test_no_text_whatever_breaks_the_reader(text):
    try:
        keys.read_rows(text)
    except Invalid as refused:
        assert refused.sentence


def test_an_empty_file_brings_in_nothing(session, alice):
    assert bring_in(session, csv()).kept == 0
    assert bring_in(session, "").kept == 0
