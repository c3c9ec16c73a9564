"""Laws of the templates: every page stands in a layout, and nothing inline asks for an exception."""

import re

import pytest

from tests.house.reading import ROOT

TEMPLATES = ROOT / "templates"
LAYOUTS = {"layout.html", "base.html", "app.html"}
SHARED = ("macros", "parts", "letters")
PAGES = sorted(
    path
    for path in TEMPLATES.rglob("*.html")
    if path.name not in LAYOUTS
    and path.relative_to(TEMPLATES).parts[0] not in SHARED
    and not path.name.startswith("_")
)
SHOWN = sorted(
    path for path in TEMPLATES.rglob("*.html") if "letters" not in path.relative_to(TEMPLATES).parts[:1]
)
LETTERS = sorted(path for path in (TEMPLATES / "letters").rglob("*.*") if not path.name.startswith("_"))
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
LOGIC = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def name(path):
    return str(path.relative_to(TEMPLATES))


def markup(path):
    return COMMENT.sub("", path.read_text())


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_stands_in_a_layout(path):
    parents = re.findall(r'\{%-?\s*extends\s+"([^"]+)"', markup(path))
    assert parents, f"{name(path)} extends nothing"
    assert parents[0] in LAYOUTS or (TEMPLATES / parents[0]) in PAGES


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_has_a_title(path):
    assert re.search(r"\{%-?\s*block title", markup(path)) or "layout" not in path.read_text()


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_nothing_inline(path):
    text = LOGIC.sub("{}", markup(path))
    assert not re.search(r"\son[a-z]+\s*=", text), "an inline handler"
    assert not re.search(r"\sstyle\s*=", text), "an inline style"
    assert not re.search(r"<style\b", text), "an inline style sheet"
    assert not [tag for tag in re.findall(r"<script\b[^>]*>", text) if " src=" not in tag], "an inline script"
    assert not re.search(r"javascript:", text)


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_nothing_comes_from_elsewhere(path):
    assert not re.search(r"<(script|link|img)\b[^>]*(src|href)=[\"'](https?:)?//", markup(path))


@pytest.mark.parametrize("path", SHOWN, ids=name)
def test_every_form_that_posts_carries_its_token(path):
    forms = re.findall(r"<form\b[^>]*method=[\"']post.*?</form>", markup(path), re.DOTALL | re.IGNORECASE)
    assert all("form_head(" in form or 'name="csrf_token"' in form for form in forms)


@pytest.mark.parametrize("path", LETTERS, ids=name)
def test_a_letter_has_words_for_both_readers(path):
    assert path.suffix in (".txt", ".html")
    assert path.with_suffix(".html").exists() and path.with_suffix(".txt").exists()


@pytest.mark.parametrize("path", [path for path in LETTERS if path.suffix == ".txt"], ids=name)
def test_a_letter_begins_with_its_subject(path):
    lines = COMMENT.sub("", path.read_text()).lstrip().splitlines()
    assert lines[0].strip() and not lines[1].strip()
