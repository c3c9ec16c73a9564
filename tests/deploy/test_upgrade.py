"""An upgrade of a running installation: backed up first, and seen to be well afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.backup import manifest
from deploy.local.ports import free_port
from deploy.local.services import ROOT
from portal.kit.settings import load
from tests.deploy.parts import environ

pytestmark = pytest.mark.stack


@pytest.fixture
def upgrade(stack, tmp_path):
    """Runs deploy/upgrade on the running stack, in a tree whose packages are those of this test."""
    tree = tmp_path / "tree"
    (tree / ".venv" / "bin").mkdir(parents=True)
    for name in ("portal", "worker", "migrations", "templates", "alembic.ini", "deploy"):
        (tree / name).symlink_to(ROOT / name)
    (tree / "deploy").unlink()
    (tree / "deploy").mkdir()
    for path in (ROOT / "deploy").iterdir():
        (tree / "deploy" / path.name).symlink_to(path)
    (tree / "Makefile").write_text(".venv/.ready-to-run:\n\t@echo Installed\n")
    for name, start in (("python", ""), ("alembic", "-m alembic")):
        program = tree / ".venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nPYTHONPATH={tree} exec "{sys.executable}" {start} "$@"\n')
        program.chmod(0o755)

    def run(**more):
        told = environ(
            VAR=str(stack.folder), BACKUPS=str(tmp_path / "backups"), **{"PORT": str(stack.port), **more}
        )
        command = ["sh", tree / "deploy" / "upgrade"]
        return subprocess.run(command, cwd="/", env=told, capture_output=True, text=True)

    return run


def test_a_running_installation_is_backed_up_moved_and_found_well(stack, upgrade, tmp_path):
    done = upgrade(RESTART=f"touch {tmp_path}/restarted")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Upgrade   from the version before to ")
    backup = Path(lines[1].removeprefix("Backup    "))
    assert backup.parent == tmp_path / "backups"
    assert manifest.read(backup).strangers(load(stack.env)) == []
    assert lines[2] == "Installed" and lines[-1] == "Ready"
    assert (tmp_path / "restarted").exists()


def test_without_a_command_the_operator_is_told_to_restart(upgrade):
    done = upgrade()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Now restart the web, the workers and beat")


def test_an_upgrade_that_is_not_well_says_how_to_go_back(upgrade):
    done = upgrade(RESTART="true", PORT=str(free_port()), WAIT="0")
    assert done.returncode == 1
    assert "The upgrade stopped at: the health check." in done.stderr
    assert ".venv/bin/alembic downgrade 00" in done.stderr


def test_without_a_backup_nothing_is_done(upgrade, tmp_path):
    (tmp_path / "backups").write_text("no folder")
    done = upgrade(RESTART="true")
    assert done.returncode == 1 and "Installed" not in done.stdout
    assert "The upgrade stopped at: the backup (nothing has changed yet)." in done.stderr
