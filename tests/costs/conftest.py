"""AWS, for the tests of costs."""

import pytest

from portal import costs
from tests.costs import clouds


@pytest.fixture(scope="session")
def _aws_server():
    with clouds.server() as url:
        yield url


@pytest.fixture
def aws_url(_aws_server):
    """The address of an AWS in which nothing stands."""
    clouds.forget(_aws_server)
    return _aws_server


@pytest.fixture
def aws(aws_url):
    """AWS, as the product speaks with it."""
    return costs.Aws(clouds.settings(aws_url))


def pytest_collection_modifyitems(items):
    """They share one process, and so one server."""
    for item in items:
        if "_aws_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("aws"))
