"""Text that people write: Markdown, as HTML that is safe to show."""

import nh3
from markdown_it import MarkdownIt

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
REL = "nofollow noopener noreferrer"


def to_html(source: str) -> str:
    """Markdown as HTML of a few harmless elements: no HTML of the writer's own, no pictures, no styles.

    Headings are bold paragraphs, because the page that shows it has headings of its own. A line break
    stays one. Links lead to web pages and addresses alone, and say that nobody vouches for them.
    """
    rendered = _MARKDOWN.render(source)
    return nh3.clean(rendered, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=REL)


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    markdown.enable(["table", "strikethrough", "linkify"]).disable("image")
    markdown.add_render_rule("heading_open", lambda *_: "<p><strong>")
    markdown.add_render_rule("heading_close", lambda *_: "</strong></p>\n")
    return markdown


_MARKDOWN = _markdown()
