"""Reply addresses: read as they were sealed, and by nobody else's secret."""

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kit import ids, replies
from portal.kit.replies import LENGTH, ReplyAddress

SECRET = "a secret of the tests, long enough"
ADDRESS = ReplyAddress("reply", "in.example.org")
ids_of = st.text(ids.ALPHABET, min_size=26, max_size=26)


@given(ids_of, ids_of)
@settings(max_examples=50, deadline=None)
def test_what_was_sealed_is_read_whatever_the_case(thread, reader):
    token = replies.seal(SECRET, f"tkt_{thread}", f"per_{reader}")
    assert len(token) == LENGTH and set(token) <= set(ids.ALPHABET)
    for written in (token, token.upper()):
        slip = replies.read(SECRET, written)
        assert (slip.thread, slip.reader) == (thread, replies.mark(f"per_{reader}"))
    assert replies.read("another secret, as long as it must be", token) is None


@given(ids_of, st.integers(0, LENGTH - 1), st.sampled_from(ids.ALPHABET))
@settings(max_examples=100, deadline=None)
def test_no_letter_of_a_token_can_be_changed(thread, place, letter):
    token = replies.seal(SECRET, thread, "per_alice")
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or replies.read(SECRET, changed) is None


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_whatever_an_address_is_it_is_read_or_it_is_nobodys(text):
    assert replies.read(SECRET, text) is None
    assert ADDRESS.token_of(text) is None


def test_a_token_fits_into_an_address_and_is_found_there():
    token = replies.seal(SECRET, ids.new("tkt"), ids.new("per"))
    address = ADDRESS.with_token(token)
    assert len(address.partition("@")[0]) <= 64
    assert ADDRESS.token_of(f" {address.upper()} ") == token
    assert ADDRESS.token_of(address.replace("in.example.org", "example.org")) is None
    assert ADDRESS.token_of(f"x{address}") is None


def test_two_readers_of_one_thread_have_two_tokens():
    thread = ids.new("tkt")
    assert replies.seal(SECRET, thread, ids.new("per")) != replies.seal(SECRET, thread, ids.new("per"))
