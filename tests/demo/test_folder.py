"""The demo's folder: only a demo's own is ever emptied, and nothing that the environment names is filled."""

import pytest

from demo import folder
from demo.__main__ import forget_names
from deploy.local.process import StackError
from deploy.local.state import State

DAY_US = 86_400 * 1_000_000


def of(path):
    path.mkdir(exist_ok=True)
    return State(path)


def test_in_an_empty_folder_the_clock_begins_ninety_days_behind(tmp_path):
    state = of(tmp_path)
    folder.make_ready(state, 90, anew=False)
    assert int((tmp_path / "clock").read_text()) == -90 * DAY_US
    assert not folder.is_told(state)


def test_a_folder_in_which_something_else_lives_is_left_alone(tmp_path):
    (tmp_path / "secrets.json").write_text("{}")
    with pytest.raises(StackError, match="is not a demo's"):
        folder.make_ready(of(tmp_path), 90, anew=True)
    assert (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize(
    ("told", "anew", "stays"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_what_was_told_stays_unless_it_broke_off_or_is_wanted_anew(tmp_path, told, anew, stays):
    state = of(tmp_path)
    folder.make_ready(state, 90, anew=False)
    if told:
        folder.mark_told(state)
    (tmp_path / "clock").write_text("0")
    (tmp_path / "pg18").mkdir()
    (tmp_path / "log").mkdir()
    folder.make_ready(state, 90, anew=anew)
    assert (tmp_path / "pg18").exists() == stays
    assert folder.is_told(state) == stays
    assert (tmp_path / "log").exists()
    assert int((tmp_path / "clock").read_text()) == (0 if stays else -90 * DAY_US)


def test_nothing_that_the_environment_names_is_filled():
    named = ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "SMTP_URL", "SMTP_URL_FILE", "BRAND_NAME")
    environ = {**dict.fromkeys(named, "real"), "PORT": "8001", "PATH": "/bin"}
    forget_names(environ)
    assert environ == {"PORT": "8001", "PATH": "/bin"}
