"""Pages as numbers."""

import pytest

from portal.kit import paging


@pytest.mark.parametrize(
    ("page", "total", "shown"),
    [
        (1, 0, (1, 1)),
        (7, 0, (1, 1)),
        (1, 50, (1, 1)),
        (2, 51, (2, 2)),
        (3, 51, (2, 2)),
        (0, 51, (1, 2)),
        (-9, 51, (1, 2)),
        (10**30, 10**6, (20_000, 20_000)),
    ],
)
def test_the_page_that_there_is_nearest_to_the_one_asked_for_is_shown(page, total, shown):
    assert paging.numbers(page, 50, total) == shown
