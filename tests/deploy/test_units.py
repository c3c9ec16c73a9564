"""The systemd units: what systemd itself says of them, and that they start what one machine starts."""

import shutil
import subprocess

import pytest

from deploy.local import services
from tests.deploy.parts import DEPLOY, tool, unit

UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
EXPOSURE_MOST = 20  # of 100; with less, something that was shut has been opened


def test_systemd_understands_the_units(tmp_path):
    """With the programs in place of those that an installation has."""
    home = tmp_path / "opt"
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / "deploy").mkdir()
    (home / "deploy" / "README.md").touch()
    for name in ("gunicorn", "celery", "python"):
        (home / ".venv" / "bin" / name).symlink_to("/bin/true")
    shutil.copytree(DEPLOY / "systemd", tmp_path / "units")
    units = [path for path in sorted((tmp_path / "units").iterdir()) if path.suffix != ".example"]
    for path in units:
        path.write_text(path.read_text().replace("/opt/upkeep", str(home)))
    done = subprocess.run([tool("systemd-analyze"), "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_can_do_little_to_its_machine(name):
    command = [tool("systemd-analyze"), "security", "--offline=yes", f"--threshold={EXPOSURE_MOST}"]
    done = subprocess.run([*command, DEPLOY / "systemd" / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


@pytest.mark.parametrize("name", UNITS)
def test_units_agree_on_where_things_are(name):
    said = unit(name)
    assert ("User", "upkeep") in said
    assert ("WorkingDirectory", "/opt/upkeep") in said
    assert ("EnvironmentFile", "/etc/upkeep/upkeep.env") in said
    assert ("StateDirectory", "upkeep") in said


def test_the_processes_are_started_as_on_one_machine(tmp_path):
    for name, started in (("worker", services.worker), ("beat", services.beat)):
        command = list(started({}, tmp_path).command)
        options = " ".join(command[command.index("celery") :]).replace("--pidfile  ", "--pidfile= ")
        program = dict(unit(f"upkeep-{name}.service"))["ExecStart"]
        assert program == f"/opt/upkeep/.venv/bin/{options}"


def test_the_listener_for_mail_is_started_as_on_one_machine_once_somebody_enables_it(tmp_path):
    started = services.post({"POST_HOST": "127.0.0.1", "POST_PORT": "2525"}, tmp_path)
    program = dict(unit("upkeep-post.service"))["ExecStart"]
    assert program == f"/opt/upkeep/.venv/bin/python {' '.join(list(started.command)[1:])}"
    assert ("WantedBy", "upkeep.target") in unit("upkeep-post.service")


def test_the_target_starts_all_that_must_run():
    wanted = dict(unit("upkeep.target"))["Wants"]
    lines = [value for key, value in unit("upkeep.target") if key == "Wants"]
    assert wanted and lines[0].split() == [
        "upkeep-web.service",
        "upkeep-gate.service",
        "upkeep-worker.service",
        "upkeep-beat.service",
    ]
