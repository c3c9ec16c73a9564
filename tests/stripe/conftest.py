"""A watched sandbox for each test."""

import pytest

from tests.sandboxed import StripeSandbox


@pytest.fixture
def stripe_sandbox(tmp_path):
    with StripeSandbox(tmp_path / "stripe", over_http=True) as running:
        yield running
