"""The files of a deployment, as the tests about them read them."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from deploy.local.services import ROOT

DEPLOY = ROOT / "deploy"
OURS = ("web", "gate", "worker", "beat", "post", "migrate", "backup")


@cache
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def settings_in(path):
    """NAME=value lines of an environment file, as a mapping."""
    lines = re.findall(r"^([A-Z][A-Z_]*)=(.*)$", path.read_text(), re.MULTILINE)
    return {name: value.strip('"') for name, value in lines}


def unit(name):
    """Every setting of a systemd unit, as [(name, value)]."""
    return re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd" / name).read_text(), re.MULTILINE)


def draw(folder, *hosts):
    """The folder, filled by deploy/draw-secrets."""
    subprocess.run([DEPLOY / "draw-secrets", folder, *hosts], check=True, capture_output=True)
    return folder


def tool(name):
    """A program that comes with the tests' packages, or is on the PATH; without it nothing is claimed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not to be had on this machine")
    return found


def environ(**more):
    """This process's environment without what could lead a child to other servers."""
    known = {
        name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_FILE", "_proxy"))
    }
    return {**known, **more}
