"""The law of the settings: what may be set is written down where operators look."""

import ast
import re

from deploy.local.supervisor import SHARED
from tests.house.reading import ROOT, tree

SETTINGS = ROOT / "portal" / "kit" / "settings.py"
NAME = re.compile(r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")
DERIVED = {"PORT", "VAR"}  # these two say which stack it is


def names():
    """Every environment variable that the settings read: their names stand there as plain strings."""
    return {
        node.value
        for node in ast.walk(tree(SETTINGS))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.match(node.value)
    }


def table():
    """The names in the first column of the README's table."""
    cells = re.findall(r"^\|([^|]+)\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}


def test_every_variable_stands_in_the_readme():
    assert names() <= table(), f"missing in the README's table: {sorted(names() - table())}"


def test_the_readme_promises_no_other():
    assert table() <= names(), f"not read by the settings: {sorted(table() - names())}"


def test_a_running_stack_tells_the_operators_verbs_of_each():
    assert names() - DERIVED <= set(SHARED)
