"""The project's own files, as the laws of the house read them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("portal", "worker", "deploy", "sdk", "wsgi.py")
CAPABILITIES = ("accounts", "plans", "keys", "metering", "billing", "support", "costs", "sustainability")


def files(*places):
    """Python files in folders of the project, or single ones."""
    found = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


@cache
def tree(path):
    return ast.parse(path.read_text(), str(path))


def place(path, node=None):
    """`portal/keys/rules.py:12`, for sentences."""
    name = str(path.relative_to(ROOT))
    return f"{name}:{node.lineno}" if node is not None else name


def calls(path):
    """Every call in a file, with the last part of what is called: `a.b.commit()` is commit."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id


def imports(path):
    """Every module that a file imports, absolute, with the node: `from portal import keys` is portal.keys."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"
