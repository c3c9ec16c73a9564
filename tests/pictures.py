"""Pictures of the pages: `pytest tests/pictures.py` takes those of the README into docs/pictures.

With PICTURES=<folder> it takes every page instead, at three widths, in both themes and as printed, to be
looked at. LIKE=/operator narrows them to addresses with that in them.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house.reading import ROOT
from tests.web import money
from tests.web.sites import site_of
from tests.web.town import PAGES, changed_catalogue, town_of

pytestmark = pytest.mark.browser

README = {
    "landing": ("nobody", "/", "light"),
    "dashboard": ("alice", "/dashboard", "light"),
    "dashboard-dark": ("alice", "/dashboard", "dark"),
    "keys": ("alice", "/keys", "light"),
    "usage": ("alice", "/usage", "light"),
    "operator": ("oscar", "/operator", "light"),
}
WIDTHS = {390: 844, 768: 1024, 1440: 900}
PAPER = {672: 1000}  # A4 less its margins


@pytest.fixture
def town(settings, database, redis, tmp_path):
    face = replace(settings.brand, name="MemoryHub", api_url="https://api.memoryhub.example")
    shown = replace(settings, brand=face, payments=money.SANDBOX, plans_file=changed_catalogue(tmp_path))
    app = site_of(shown, stripe=money.QuotingStripe(database))
    with town_of(app, database, shown) as standing:
        yield standing


@pytest.mark.skipif("PICTURES" in os.environ, reason="every page was asked for")
def test_pictures_of_the_readme(town, browser):
    for name, (who, path, theme) in README.items():
        page = town.enter(
            browser, who, viewport={"width": 1280, "height": 800}, color_scheme=theme
        ).new_page()
        page.goto(town.address(path), wait_until="networkidle")
        page.screenshot(path=ROOT / "docs" / "pictures" / f"{name}.png")
        page.context.close()


@pytest.mark.skipif("PICTURES" not in os.environ, reason="only the README's pictures are taken")
@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize("who", PAGES)
def test_pictures_of_every_page(town, browser, who, theme):
    folder = Path(os.environ["PICTURES"])
    paths = [path for path in PAGES[who].split() if os.environ.get("LIKE", "") in path]
    for width, height in (PAPER if theme == "paper" else WIDTHS).items():
        size, scheme = {"width": width, "height": height}, "dark" if theme == "dark" else "light"
        page = town.enter(browser, who, viewport=size, color_scheme=scheme).new_page()
        page.emulate_media(media="print" if theme == "paper" else "screen")
        for path in paths:
            page.goto(town.address(path), wait_until="networkidle")
            name = re.sub(r"[^a-z]+", "-", path).strip("-") or "landing"
            page.screenshot(path=folder / f"{who}-{name}-{width}-{theme}.png", full_page=True)
        page.context.close()
