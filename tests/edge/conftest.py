"""An edge of its own for each test."""

import pytest

from tests.edge.door import SPOKEN, make_edge


@pytest.fixture(params=["wsgi", "server"])
def both(request):
    """The same test for both edges: every `make_edge` in it makes this one."""
    SPOKEN["by"] = request.param
    yield request.param
    SPOKEN["by"] = "wsgi"


@pytest.fixture
def edge():
    return make_edge()
