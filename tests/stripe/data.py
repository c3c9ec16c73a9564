"""Stripe's description and the recordings: files that lie beside the checkout, when they are at hand."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from tests.stripe.openapi import Description

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = "STRIPE CHECK NOT RUN"


def folder():
    """Where Stripe's own files are (UPKEEP_DATA, else ../shared/data), or None."""
    named = os.environ.get("UPKEEP_DATA")
    data = Path(named) if named else ROOT.parent / "shared" / "data"
    return data / "stripe" if (data / "stripe" / "spec3.json.gz").is_file() else None


@cache
def description(older=()):
    """Stripe's description, read once; None when it is not at hand."""
    return Description(found / "spec3.json.gz", older=older) if (found := folder()) else None


def recordings():
    """Every recording by name: lists of exchanges, in the order in which they were made."""
    files = sorted((found / "recorded").glob("*.json")) if (found := folder()) else ()
    return {file.stem.removeprefix("test_"): json.loads(file.read_text()) for file in files}


def needed():
    """The folder; a test that needs it is reported as not run when it is not there."""
    if (found := folder()) is None:
        pytest.skip(
            f"{NOT_RUN}: Stripe's description and recordings are not at hand (UPKEEP_DATA names a folder)"
        )
    return found
