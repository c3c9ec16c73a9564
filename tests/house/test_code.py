"""Laws of the code, read from its syntax."""

import ast

import pytest

from tests.house.reading import CAPABILITIES, PRODUCT, ROOT, calls, files, imports, place, tree

COMPOSERS = ("portal/schema.py",)  # may look behind every front door: it gathers the tables


def test_a_transaction_is_committed_in_one_place():
    found = [place(path, node) for path in files(*PRODUCT) for node, name in calls(path) if name == "commit"]
    assert {line.split(":")[0] for line in found} == {"portal/kit/db.py"} and len(found) == 1, found


def test_no_import_hides_in_a_function():
    hidden = [
        place(path, inner)
        for path in files(*PRODUCT, "tests", "migrations")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not hidden, hidden


def test_tests_patch_nothing():
    patched = [
        place(p, n) for p in files("tests") for n, name in calls(p) if name in ("patch", "MagicMock", "Mock")
    ]
    borrowed = [
        place(p, n) for p in files("tests") for n, name in imports(p) if name.startswith("unittest.mock")
    ]
    assert not patched + borrowed, patched + borrowed


def test_tests_do_not_sleep():
    found = [place(path, node) for path in files("tests") for node, name in calls(path) if name == "sleep"]
    assert not found, f"poll with a deadline, or wait for an event: {found}"


def test_only_the_clock_asks_for_the_time():
    """`kit/clock.py` decides what time it is; deploy/ times processes and is let alone."""
    found = [
        place(path, node)
        for path in files("portal", "worker")
        if path.name != "clock.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    ]
    assert not found, found


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_capability_is_entered_by_its_front_door(capability):
    behind = [
        f"{place(path, node)} imports {name}"
        for path in files("portal", "worker", "wsgi.py")
        if not path.is_relative_to(ROOT / "portal" / capability) and place(path) not in COMPOSERS
        for node, name in imports(path)
        if name.startswith(f"portal.{capability}.") and (ROOT / _file(name)).exists()
    ]
    behind += [
        f"{place(path, node)} imports {node.module}"
        for path in files("portal", "worker", "wsgi.py")
        if not path.is_relative_to(ROOT / "portal" / capability) and place(path) not in COMPOSERS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"portal.{capability}.")
    ]
    assert not behind, behind


def _file(module):
    """The file of a module, when the name is one's: `portal.keys.mint` is a verb and has none."""
    return module.replace(".", "/") + ".py"


def test_every_module_says_what_it_is():
    silent = [
        place(path)
        for path in files(*PRODUCT)
        if path.read_text().strip() and not ast.get_docstring(tree(path))
    ]
    assert not silent, silent


def test_no_file_is_longer_than_can_be_read():
    """Most fit one screen; none may pass 450 lines."""
    lengths = {place(path): len(path.read_text().splitlines()) for path in files(*PRODUCT)}
    assert not {name: length for name, length in lengths.items() if length > 450}
