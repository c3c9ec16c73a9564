"""Text that people write: Markdown, as HTML that is safe to show."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import escape

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
REL = "nofollow noopener noreferrer"
MARKS_MOST, CELLS_MOST = 1_500, 4_000
"""Beyond these what parses Markdown takes seconds: nobody means so many links, or such a table."""


@lru_cache(maxsize=128)  # a conversation is shown far more often than it is written
def to_html(source: str) -> str:
    """Markdown as HTML of a few harmless elements: no HTML of the writer's own, no pictures, no styles.

    Headings are bold paragraphs, because the page that shows it has headings of its own. A line break
    stays one. Links lead to web pages and addresses alone, and say that nobody vouches for them. What is
    crowded with marks, as a log is, is shown as it was typed.
    """
    if _is_crowded(source):
        return f"<p>{'<br>'.join(str(escape(line)) for line in source.splitlines())}</p>\n"
    rendered = _MARKDOWN.render(source)
    return nh3.clean(rendered, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=REL)


def _is_crowded(source: str) -> bool:
    lines = source.split("\n")
    cells = len(lines) * max(line.count("|") for line in lines)
    return source.count("[") + 5 * source.count("://") > MARKS_MOST or cells > CELLS_MOST


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    markdown.enable(["table", "strikethrough", "linkify"]).disable("image")
    markdown.add_render_rule("heading_open", lambda *_: "<p><strong>")
    markdown.add_render_rule("heading_close", lambda *_: "</strong></p>\n")
    return markdown


_MARKDOWN = _markdown()
