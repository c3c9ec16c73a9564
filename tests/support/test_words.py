"""What people read of deadlines, and what they may write and send along."""

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal import support
from portal.kit import text
from portal.kit.errors import Invalid, Missing
from portal.support import rules
from portal.support.models import Attachment
from tests.support.desk import MONDAY, set_up

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """A clock that runs, unless something else is said."""

    kind: str = "first_response"
    due_at: datetime | None = NOW + timedelta(hours=2, minutes=10)
    met_at: datetime | None = None
    breached_at: datetime | None = None
    dropped_at: datetime | None = None
    stands_still: str | None = None
    zone: str = "Europe/Berlin"


def minutes(count):
    return NOW + timedelta(minutes=count)


SENTENCES = {
    "First answer due today 16:40 CET, in 2 h 10 min": Clock(),
    "First answer due today 14:31 CET, in 1 min": Clock(due_at=minutes(1)),
    "First answer due today 14:30 CET, in less than a minute": Clock(due_at=NOW + timedelta(seconds=30)),
    "Next answer due tomorrow 09:00 CET, in 18 h 30 min": Clock("next_response", minutes(1110)),
    "Resolution due Wed 25 Nov 17:00 CET, in 2 d 2 h": Clock("resolution", minutes(3030)),
    "Resolution due Mon 4 Jan 2027 09:00 CET, in 41 d 18 h": Clock("resolution", minutes(60150)),
    "First answer overdue since today 14:30 CET, by less than a minute": Clock(due_at=NOW),
    "First answer overdue since today 13:25 CET, by 1 h 5 min": Clock(due_at=minutes(-65)),
    "Next answer overdue since yesterday 14:30 CET, by 1 d": Clock("next_response", minutes(-1440)),
    "Resolution stands still while we wait for your answer": Clock(
        "resolution", None, stands_still="customer"
    ),
    "Resolution stands still while the ticket is closed": Clock("resolution", None, stands_still="closed"),
    "Answered 35 min before it was due": Clock(due_at=minutes(-5), met_at=minutes(-40)),
    "Answered 2 h after it was due": Clock(due_at=minutes(-150), met_at=minutes(-30)),
    "Resolved 1 d before it was due": Clock("resolution", minutes(1440), NOW),
    "Resolved": Clock("resolution", None, NOW),
    "Resolved 10 min after it was due": Clock("resolution", None, NOW, breached_at=minutes(-10)),
    "First answer no longer needed": Clock(dropped_at=NOW),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_deadline_reads_as_a_sentence(sentence):
    assert support.sentence(SENTENCES[sentence], NOW, BERLIN) == sentence


def test_staff_read_of_the_customer_in_the_third_person():
    clock = Clock("resolution", None, stands_still="customer")
    still = support.sentence(clock, NOW, BERLIN, side="staff")
    assert still == "Resolution stands still while we wait for the customer's answer"


def test_a_letter_says_the_moment_alone():
    assert support.promise(Clock()) == "First answer by Mon 23 Nov 2026, 16:40 CET"
    assert support.promise(Clock("resolution", None)) is None


# ---- Files ---------------------------------------------------------------------------------------


def archive():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("a.txt", "a")
    return held.getvalue()


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf500f0003870180d6ee1b5c0000000049454e44ae426082"
)
JPG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + b"\x08" * 64 + b"\xff\xd9"
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
GIF += b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
ELF, SVG = b"\x7fELF\x02\x01\x01" + bytes(60), b'<svg xmlns="http://www.w3.org/2000/svg"/>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("a.png", PNG, "image/png"),
        ("a.PNG", PNG, "image/png"),
        ("a.jpg", JPG, "image/jpeg"),
        ("a.jpeg", JPG, "image/jpeg"),
        ("a.gif", GIF, "image/gif"),
        ("a.webp", WEBP, "image/webp"),
        ("a.pdf", PDF, "application/pdf"),
        ("a.zip", archive(), "application/zip"),
        ("a.txt", "grüße".encode(), "text/plain"),
        ("a.md", b"# Hi", "text/markdown"),
        ("a.log", b"it broke", "text/plain"),
        ("a.csv", b"a,b\n1,2", "text/csv"),
        ("a.json", b"{}", "application/json"),
    ],
)
def test_what_may_come_along(name, content, kept):
    assert rules.check_files([support.File(name, content)]) == [(name, kept)]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.svg", SVG, "of a kind that cannot be attached"),
        ("a.html", HTML, "of a kind that cannot be attached"),
        ("a.exe", b"MZ" + bytes(60), "of a kind that cannot be attached"),
        ("a", b"text", "of a kind that cannot be attached"),
        ("a.tar.gz", b"\x1f\x8b", "of a kind that cannot be attached"),
        ("a.png", SVG, "is not what its name says"),
        ("a.png", HTML, "is not what its name says"),
        ("a.png", JPG, "is not what its name says"),
        ("a.jpg", ELF, "is not what its name says"),
        ("a.pdf", PNG, "is not what its name says"),
        ("a.zip", b"not packed", "is not what its name says"),
        ("a.png", b"x", "is not what its name says"),
        ("a.txt", PNG, "is not plain text in UTF-8"),
        ("a.csv", "grüße".encode("latin-1"), "is not plain text in UTF-8"),
        ("a.log", b"a\x00b", "is not plain text in UTF-8"),
        ("a.txt", b"", "is empty"),
        ("a.txt", b"x" * (support.FILE_BYTES + 1), "is larger than 5 MiB"),
    ],
)
def test_what_may_not_come_along_is_refused_with_a_sentence(name, content, why):
    with pytest.raises(Invalid, match=why) as refused:
        rules.check_files([support.File(name, content)])
    assert refused.value.field == "files" and refused.value.sentence.endswith(".")


def test_five_files_are_enough():
    file = support.File("a.txt", b"a")
    assert len(rules.check_files([file] * 5)) == 5
    with pytest.raises(Invalid, match="at most 5 files"):
        rules.check_files([file] * 6)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\Users\\alice\\shot.png", "shot.png"),
        ("../../etc/shot.png", "shot.png"),
        ("a\r\nSet-Cookie: b.png", "aSet-Cookie: b.png"),
        ("\u202egnp.png", "gnp.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)
def test_a_name_is_kept_without_what_could_harm(name, kept):
    content = PNG if kept.endswith(".png") else b"a"
    assert rules.check_files([support.File(name, content)])[0][0] == kept


def test_a_file_comes_back_as_it_was_sent_to_its_account_and_to_nobody_else(session):
    desk = set_up(session)
    ticket = desk.open(session, MONDAY, files=[support.File("a.png", PNG), support.File("b.txt", b"b")])
    [said] = support.conversation(session, ticket.id, notes=False)
    assert [(file.name, file.size) for file in said.files] == [("a.png", len(PNG)), ("b.txt", 1)]
    session.expire_all()
    found = support.attachment(session, said.files[0].id, desk.account)
    assert (found.content, found.content_type) == (PNG, "image/png")
    with pytest.raises(Missing):
        support.attachment(session, said.files[0].id, desk.charlies)


def test_with_a_file_that_will_not_do_nothing_is_said(session):
    desk = set_up(session)
    with pytest.raises(Invalid), session.begin_nested():
        desk.open(session, files=[support.File("a.txt", b"a"), support.File("a.exe", b"MZ")])
    assert support.open_of(session, desk.account) == 0


# ---- Markdown ------------------------------------------------------------------------------------

LINK = ' rel="nofollow noopener noreferrer"'


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("It *fails* **hard**", "<p>It <em>fails</em> <strong>hard</strong></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("# Big", "<p><strong>Big</strong></p>"),
        ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
        ("```html\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
        ("[a](https://example.com)", f'<p><a href="https://example.com"{LINK}>a</a></p>'),
        ("https://example.com/a", f'<p><a href="https://example.com/a"{LINK}>https://example.com/a</a></p>'),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>"),
    ],
)
def test_markdown_is_shown(source, shown):
    assert text.to_html(source).strip() == shown


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.com/pixel.png)",
        "[x](https://example.com 'a\" onclick=\"alert(1)')",
        "<a href=javascript:alert(1)>x</a>",
        "[x](vbscript:x) [y](JaVaScRiPt:alert(1)) [z](file:///etc/passwd)",
        '<style>*{display:none}</style><p style="position:fixed">x</p>',
        "| a |\n|:-:|\n| b |",
        "<svg><script>1</script></svg><math><mi xlink:href='javascript:1'>",
    ],
)
def test_nothing_that_is_written_harms_whoever_reads_it(source):
    tags = re.findall(r"<[a-zA-Z][^>]*>", text.to_html(source))
    harmless = re.compile(
        rf'<(p|br|strong|em|table|thead|tbody|tr|th|td|a href="https://[^"<>]*"( title="[^"]*")?{LINK})>'
    )
    assert [tag for tag in tags if not harmless.fullmatch(tag)] == []


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("[" * 2_000, f"<p>{'[' * 2_000}</p>"),
        ("http://a " * 400, f"<p>{'http://a ' * 400}</p>"),
        ("a|b\n-|-\n" + "x|\n" * 5_000, f"<p>a|b<br>-|-<br>{'<br>'.join(['x|'] * 5_000)}</p>"),
        ("*a*\n<b>&" + "[" * 2_000, f"<p>*a*<br>&lt;b&gt;&amp;{'[' * 2_000}</p>"),
    ],
)
def test_what_is_crowded_with_marks_is_shown_as_it_was_typed(source, shown):
    assert text.to_html(source).strip() == shown


# ---- Room for files -----------------------------------------------------------------------------


def test_an_account_attaches_so_much_within_a_day_and_more_the_next(session):
    desk = set_up(session)
    ticket, other = desk.open(session), desk.open(session, account=desk.charlies, actor=desk.charlie)
    desk.answer(session, ticket, MONDAY, files=[support.File("a.txt", b"a")])
    session.scalars(select(Attachment)).one().size = rules.FILE_BYTES_A_DAY - 3
    session.flush()
    files = [support.File("b.txt", b"four")]
    with pytest.raises(Invalid, match="attached 200 MiB within a day") as refused:
        desk.answer(session, desk.open(session), MONDAY + timedelta(hours=23), files=files, actor=desk.bob)
    assert refused.value.field == "files"
    assert desk.answer(session, ticket, MONDAY, files=[support.File("b.txt", b"333")])
    assert desk.answer(session, ticket, MONDAY), "words need no room"
    assert desk.answer(session, other, MONDAY, files=files, actor=desk.charlie), "others have their own"
    assert desk.reply(session, ticket, MONDAY, files=files), "staff are not counted"
    assert desk.answer(session, ticket, MONDAY + timedelta(days=1), files=files)
