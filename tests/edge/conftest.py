"""An edge of its own for each test."""

import pytest

from tests.edge.door import make_edge


@pytest.fixture
def edge():
    return make_edge()
