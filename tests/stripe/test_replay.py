"""Real traffic, asked of the sandbox: whatever differs has a reason that is written down."""

import pytest

from tests.stripe import data, replaying
from tests.stripe.reasons import REASONS


@pytest.fixture(scope="module")
def replays():
    data.needed()
    return replaying.replay_all()


def test_every_difference_from_real_traffic_is_explained(replays):
    assert sum(one.values for one in replays) > 1000
    left = [f"{one.name}: {finding}" for one in replays for finding in one.unexplained]
    assert not left, "\n".join(left)


def test_every_answer_is_as_stripe_describes_it(replays):
    assert not [f"{one.name}: {problem}" for one in replays for problem in one.crooked]


def test_every_explanation_is_needed(replays):
    used = {id(finding.known) for one in replays for finding in one.findings}
    assert not [reason.shown for reason in REASONS if id(reason) not in used]


def test_the_page_says_what_the_replay_says(replays):
    """`python -m tests.stripe.replaying` writes it."""
    assert replaying.PAGE.read_text() == replaying.page(replays)
