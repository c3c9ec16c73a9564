"""What to do next: an ordered list out of what is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.next_steps import ERRANDS, to_do

NAMES = [errand.name for errand in ERRANDS]
COUNTS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 5000))
STEPS = st.dictionaries(st.text(min_size=1), st.just("#step"), max_size=4)


def test_nothing_counted_is_nothing_to_do():
    assert to_do({}) == [] and to_do(dict.fromkeys(NAMES, 0)) == []


@given(COUNTS, STEPS)
def test_each_matter_is_on_the_list_once(counts, steps):
    deeds = to_do(counts, steps)
    assert len(deeds) == len(steps) + sum(count > 0 for count in counts.values())


@given(COUNTS, STEPS)
def test_what_harms_customers_now_comes_before_everything_else(counts, steps):
    urgencies = [deed.urgency for deed in to_do(counts, steps)]
    assert urgencies == sorted(urgencies)  # "danger" sorts before "due"


@given(COUNTS)
def test_the_order_does_not_hang_on_the_counts(counts):
    words = [deed.words for deed in to_do(counts)]
    once = [deed.words for deed in to_do({name: min(count, 1) for name, count in counts.items()})]
    assert len(words) == len(once)
    hrefs = [deed.href for deed in to_do(counts)]
    assert hrefs == [errand.href for errand in ERRANDS if counts.get(errand.name)]


@pytest.mark.parametrize(
    ("count", "words"), [(1, "One dispute waits"), (2, "2 disputes wait"), (1200, "1,200 disputes wait")]
)
def test_one_and_many_have_words_of_their_own(count, words):
    assert to_do({"disputes": count})[0].words.startswith(words)


def test_set_up_comes_after_what_is_urgent_and_before_what_can_wait():
    deeds = to_do({"webhooks": 1, "cash": 1}, {"Name a mail server.": "#step-mail"})
    assert [deed.href for deed in deeds] == [
        "/operator/webhooks?state=failing",
        "#step-mail",
        "/operator/sustainability",
    ]
