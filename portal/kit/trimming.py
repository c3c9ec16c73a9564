"""Trimming: what is new in an answer, without what it quotes. When in doubt, words stay."""

import re
from html.parser import HTMLParser

import nh3
from mailparser_reply.constants import MAIL_LANGUAGES
from mailparser_reply.parser import EmailMessage

HTML_MOST = 60_000  # what parses it takes ever longer over what stands deep in each other
LINE_MOST, LINES_MOST = 200, 200
BLOCKS = frozenset({"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "tr", "ul", "ol", "hr"})
KEPT_TAGS = BLOCKS | {"br", "li", "blockquote"}
SILENT = {"script", "style", "head", "title", "template", "noscript"}
RULE = re.compile(r"\s*[_-]{5,}\s*")


def trimmed(text: str) -> str:
    """The new part of an answer. What stands between quoted lines is kept together with them.

    What is looked for are the lines with which mail programs introduce a quote, in any language that
    mail-parser-reply knows. It is only asked where the quote begins: the words are ours as they came.
    """
    lines = _calm(text).split("\n")
    until = _quote_begins(lines)
    new, old = lines[:until], lines[until:]
    answers = _after_quotes(old)
    if answers and any(line.strip() for line in new):
        return _tidy([*new, *old])  # answers between the lines: without these they make no sense
    return _tidy(answers if answers else new)


def plain(html: str) -> str:
    """The words of an HTML letter as text; what it quotes is marked as mail programs mark it."""
    # First made well-formed by a real parser of HTML: the standard library's is slow on what is not.
    html = _without(_without(html, "<!--", "-->"), "<style", "</style>")
    clean = nh3.clean(html[:HTML_MOST], tags=KEPT_TAGS, clean_content_tags=SILENT, attributes={})
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    return reader.text


def _calm(text: str) -> str:
    """Without what says nothing: odd line ends, controls, more than one empty line in a row."""
    text = re.sub(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    text = "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)
    lines = [line.rstrip() for line in text.split("\n")]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip("\n")


def _without(html: str, begin: str, end: str) -> str:
    """Without all that stands between these marks: half of many a letter is its style."""
    kept, at, low = [], 0, html.lower()
    while (start := low.find(begin, at)) >= 0 and (stop := low.find(end, start)) >= 0:
        kept.append(html[at:start])
        at = stop + len(end)
    return "".join([*kept, html[at:]])


def _quote_begins(lines: list[str]) -> int:
    """The number of the line at which the newest answer ends.

    Long lines introduce no quote, and the expressions that look for one take ever longer over them.
    """
    shown = [
        "x" if len(line) > LINE_MOST or RULE.fullmatch(line) else line.strip() for line in lines[:LINES_MOST]
    ]
    text = "\n".join(shown)
    found = EmailMessage(text=text, languages=list(MAIL_LANGUAGES), keep_hyphen_lists=True).read()
    first = found.replies[0]
    if not first.headers and first.content and text.startswith(first.content):
        until = int(first.content.count("\n")) + 1
        until = until if len(found.replies) > 1 else len(lines)
    else:
        until = 0 if first.headers else len(lines)
    outlook = next((at for at, line in enumerate(lines) if "-Original Message-" in line), len(lines))
    return min(until, outlook)


def _after_quotes(old: list[str]) -> list[str]:
    """What was written below the first quoted line, itself not quoted."""
    first = next((at for at, line in enumerate(old) if line.startswith(">")), None)
    if first is None:
        return []
    answers = [line for line in old[first:] if not line.startswith(">")]
    return answers if any(line.strip() for line in answers) else []


def _tidy(lines: list[str]) -> str:
    """Without the quotes, rules and empty lines that nothing follows."""
    end = len(lines)
    while end and (
        not lines[end - 1].strip() or lines[end - 1].startswith(">") or RULE.fullmatch(lines[end - 1])
    ):
        end -= 1
    return "\n".join(lines[:end]).strip("\n")


class _Reader(HTMLParser):
    """Words out of well-formed HTML, line by line, with `> ` for each quote they stand in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        self._as_typed = 0

    @property
    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._end_line(empty=True)
            return
        if tag in BLOCKS or tag in ("li", "blockquote"):
            self._end_line()
        if tag == "li":
            self._line.append("- ")
        elif tag == "pre":
            self._as_typed += 1
        elif tag == "blockquote":
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS or tag in ("li", "blockquote"):
            self._end_line()
            if tag in ("p", "h1", "h2", "h3", "ul", "ol", "pre"):
                self._lines.append(">" * min(self._depth, 9))
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
        elif tag == "pre":
            self._as_typed = max(0, self._as_typed - 1)

    def handle_data(self, data: str) -> None:
        if not self._as_typed:
            words = re.sub(r"[ \t\r\n\xa0]+", " ", data)
            self._line.append(words if self._line else words.lstrip())
            return
        first, *more = data.split("\n")
        self._line.append(first)
        for line in more:
            self._end_line(empty=True)
            self._line.append(line)

    def _end_line(self, *, empty: bool = False) -> None:
        line = "".join(self._line).rstrip()
        self._line = []
        if line or empty:
            self._lines.append(f"{'>' * min(self._depth, 9)} {line}".rstrip() if self._depth else line)
