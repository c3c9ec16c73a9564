"""Vendored files are what they are said to be, and nothing is fetched from elsewhere."""

import re
from hashlib import sha256

import pytest

from tests.house.reading import ROOT

STATIC = ROOT / "portal" / "web" / "static"
VENDOR = STATIC / "vendor"
SAID = (VENDOR / "VENDORED.md").read_text()
HASHES = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", SAID, re.MULTILINE))
FILES = sorted(
    str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file() and path.suffix != ".md"
)
OURS = [STATIC / "upkeep.css", STATIC / "upkeep.js"]


def test_every_vendored_file_is_listed():
    assert sorted(HASHES) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_vendored_file_is_unchanged(name):
    assert sha256((VENDOR / name).read_bytes()).hexdigest() == HASHES[name]


@pytest.mark.parametrize("folder", sorted({name.split("/")[0] for name in FILES}))
def test_a_vendored_package_brings_its_licence(folder):
    assert (VENDOR / folder / "LICENSE").read_text().strip()


@pytest.mark.parametrize("line", [line for line in SAID.splitlines() if "registry.npmjs.org" in line])
def test_a_vendored_package_names_version_licence_and_source(line):
    name, version, licence, source, digest = (part.strip() for part in line.strip("|").split("|"))
    assert name and licence and version in source and re.fullmatch(r"`[0-9a-f]{64}`", digest)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_own_files_fetch_nothing_from_elsewhere(path):
    assert not re.search(r"(https?:)?//(?!\s)[a-z0-9-]+\.[a-z]", path.read_text())


def test_our_script_asks_the_policy_for_no_exception():
    script = (STATIC / "upkeep.js").read_text()
    assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|setAttribute\(.style", script)


@pytest.mark.parametrize("layout", ["layout.html"])
def test_the_layout_loads_only_files_that_are_here(layout):
    names = re.findall(r'url_for\("static", filename="([^"]+)"\)', (ROOT / "templates" / layout).read_text())
    assert names
    assert all((STATIC / name).is_file() for name in names)


def test_the_style_sheet_loads_only_fonts_that_are_here():
    urls = re.findall(r'url\("([^"]+)"\)', (STATIC / "upkeep.css").read_text())
    assert urls
    assert all((STATIC / url).is_file() for url in urls)
