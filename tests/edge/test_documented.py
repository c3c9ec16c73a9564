"""What a problem's `type` leads to: an entry on the docs page for every code."""

import pytest

from portal.edge import problems
from portal.web import events

CODES = {**problems.TITLES, **dict(events.TITLES.values())}


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained_where_its_type_leads(client, code):
    assert f'id="{code.lower().replace("_", "-")}"' in client.get("/docs").text


def test_every_code_of_the_edge_has_a_status():
    assert problems.TITLES.keys() == problems.STATUSES.keys()


def test_codes_that_both_ways_in_tell_mean_the_same_status():
    for status, (code, _) in events.TITLES.items():
        assert problems.STATUSES.get(code, status) == status
