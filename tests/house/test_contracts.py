"""The import contracts: kept, and each one caught when it is broken."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.reading import ROOT

PLANTS = {
    "The house stands in layers": ("portal/kit/planted.py", "import portal.keys\n"),
    "The worker stands beside the skins": ("worker/planted.py", "import flask\n"),
    "The portal does not know the worker": ("portal/plans/planted.py", "import celery\n"),
    "The gate and the edge carry no framework and no ORM": ("portal/gate/planted.py", "import sqlalchemy\n"),
    "Flask lives in the web alone": ("portal/keys/planted.py", "import flask\n"),
    "Stripe is spoken in one place": ("portal/billing/actions/planted.py", "import stripe\n"),
    "The product never imports its stand-ins, nor they the product": (
        "portal/plans/planted.py",
        "import sandbox\n",
    ),
    "The worker never imports a stand-in": ("worker/planted.py", "import sandbox\n"),
    "SMTP is listened to in one place": ("portal/kit/planted.py", "import aiosmtpd\n"),
    "Nothing knows the demo": ("portal/plans/planted.py", "import demo\n"),
    "AWS is spoken in one place": ("portal/scaling/planted.py", "import boto3\n"),
    "Rules and events are pure": ("portal/accounts/rules.py", "import sqlalchemy\n"),
}


def contracts():
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [contract["name"] for contract in written]


def lint(folder):
    """The contracts that import-linter finds broken in a tree."""
    linter = Path(sys.executable).with_name("lint-imports")
    environ = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run([linter, "--no-cache"], cwd=folder, env=environ, capture_output=True, text=True)
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE))
    assert set(verdicts) == set(contracts()), done.stdout + done.stderr
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def test_the_contracts_are_kept():
    assert lint(ROOT) == set()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the tree, to plant things in."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("portal", "worker", "sandbox", "demo"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_has_a_planted_violation():
    assert set(PLANTS) == set(contracts())


@pytest.mark.parametrize("contract", PLANTS)
def test_a_planted_violation_is_caught(copy, contract):
    name, text = PLANTS[contract]
    path = copy / name
    before = path.read_text() if path.exists() else None
    path.write_text((before or '"""Planted."""\n') + text)
    try:
        assert contract in lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
