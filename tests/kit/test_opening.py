"""Letters that came in, opened: whatever bytes come, they are read or called unreadable."""

import contextlib
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kit.opening import Opened, Unreadable, open_letter

DOMAIN = "upkeep.test"
ALICE = "alice@example.com"


def opened(message, sender=ALICE):
    raw = message if isinstance(message, bytes) else message.as_bytes()
    return open_letter(raw, sender, domain=DOMAIN)


def letter(**headers):
    message = EmailMessage()
    for name, value in ({"From": f"Alice <{ALICE}>", "Subject": "Re: x"} | headers).items():
        message[name.replace("_", "-")] = value
    message.set_content("It works.\n\nOn Mon, 1 Dec 2026 at 10:00, Sue <s@x.org> wrote:\n> Try this.\n")
    return message


def test_a_letter_of_a_person():
    found = opened(letter(Message_ID="<1@example.com>", Subject="Re: Zwölf"))
    assert found == Opened(ALICE, "Re: Zwölf", "<1@example.com>", "It works.", ())


def test_files_come_along_and_text_is_found_among_alternatives():
    message = letter()
    message.add_alternative("<p>rich</p>", subtype="html")
    message.add_attachment(b"\x89PNG...", maintype="image", subtype="png", filename="Bildschirm ä.png")
    message.add_attachment("a,b\n", subtype="csv", filename="data.csv")
    found = opened(message)
    assert found.text == "It works."
    assert [(file.name, file.content) for file in found.files] == [
        ("Bildschirm ä.png", b"\x89PNG..."),
        ("data.csv", b"a,b\n"),
    ]


def test_a_letter_in_html_alone_has_words_too():
    message = EmailMessage()
    message["From"] = ALICE
    message.set_content("<p>It <b>works</b>.</p><blockquote>old</blockquote>", subtype="html")
    assert opened(message).text == "It works."


def test_a_letter_within_the_letter_is_a_file_and_not_its_words():
    inner = letter(Auto_Submitted="auto-replied")
    message = letter()
    message.add_attachment(inner)
    found = opened(message)
    assert (found.text, found.machine, len(found.files)) == ("It works.", None, 1)


@pytest.mark.parametrize(
    ("author", "address"),
    [
        ("Alice <Alice@Example.COM>", ALICE),
        (ALICE, ALICE),
        ('"bob@example.com" <alice@example.com>', ALICE),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("a@xn--bcher-kva.example", "a@bücher.example"),
        ("alice@example.com, bob@example.com", ""),
        ("nobody", ""),
        ("", ""),
    ],
)
def test_an_author_is_one_address_or_none(author, address):
    raw = f"From: {author}\n\nx\n".encode()
    assert opened(raw).author == address


def test_two_lines_that_say_who_it_is_from_say_nothing():
    assert opened(b"From: alice@example.com\nFrom: bob@example.com\n\nx").author == ""


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto_Submitted": "auto-replied"}, ALICE),
        ({"Auto_Submitted": "auto-generated; owner=x"}, ALICE),
        ({"Precedence": "bulk"}, ALICE),
        ({"Precedence": "auto_reply"}, ALICE),
        ({"List_Id": "<list.example.com>"}, ALICE),
        ({"List_Unsubscribe": "<mailto:x@example.com>"}, ALICE),
        ({"X_Autoreply": "yes"}, ALICE),
        ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, ALICE),
        ({"X_Upkeep_Letter": "ltr_1"}, ALICE),
        ({"Message_ID": f"<ltr_1@{DOMAIN}>"}, ALICE),
        ({"From": "MAILER-DAEMON@example.com"}, ALICE),
        ({}, ""),
        ({}, "<>"),
    ],
)
def test_what_a_machine_wrote_is_known(headers, sender):
    assert opened(letter(**headers), sender).machine


def test_a_report_of_a_mail_server_is_known():
    assert opened(b"From: a@b.c\nContent-Type: multipart/report; boundary=x\n\n--x\n\nx\n--x--\n").machine


@pytest.mark.parametrize("headers", [{"Auto_Submitted": "no"}, {"Precedence": "normal"}])
def test_what_says_that_a_person_wrote_it_is_believed(headers):
    assert opened(letter(**headers)).machine is None


HOSTILE = st.sampled_from(
    [
        b"From: alice@example.com\n",
        b"From: =?utf-8?q?=ff?= <a@b>\n",
        b"From: =?x?b?////?=\n",
        b"Subject: =?utf-8?b?AAAA\n",
        b"Content-Type: multipart/mixed; boundary=x\n",
        b'Content-Type: multipart/mixed; boundary=""\n',
        b"Content-Type: multipart/alternative; boundary=y\n",
        b"Content-Type: text/html; charset=utf-16\n",
        b"Content-Type: text/plain; charset=nonsense\n",
        b'Content-Type: text/plain; charset="\xff"\n',
        b"Content-Type: message/rfc822\n",
        b"Content-Type: text/plain; name*0*=utf-8''%ff; name*1=x\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: x-uuencode\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b'Content-Disposition: attachment; filename="../../\x00.txt"\n',
        b"Content-Disposition: attachment; filename*=utf-8''%E2%82\n",
        b"Message-ID: <\n",
        b"\n",
        b"--x\n",
        b"--x--\n",
        b"--y\n",
        b"begin 644 x\nM\n",
        b"=ZZ=\n",
        b"> x\n",
        b"<blockquote><p>",
        b"\x00\xff\xfe\n",
        b"On x wrote:\n",
    ]
)


@given(st.lists(HOSTILE | st.binary(max_size=20), max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_it(pieces):
    found = opened(b"".join(pieces))
    for words in (found.author, found.subject, found.message_id, found.text):
        words.encode()
        assert "\x00" not in words
    assert all(file.name and "\x00" not in file.name for file in found.files)


def test_what_is_nested_too_deeply_is_unreadable_or_read_and_breaks_nothing():
    raw = b"From: alice@example.com\n"
    for depth in range(1500):
        raw += b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (depth, depth)
    with contextlib.suppress(Unreadable):
        opened(raw)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 3_000, "parts"),
        (b"Content-Type: message/rfc822\r\n" + b"X-A: a\r\n" * 30_000 + b"\r\nhi", "headers"),
    ],
)
def test_a_letter_of_thousands_of_parts_or_headers_is_not_taken_apart(body, why):
    with pytest.raises(Unreadable, match=f"more than [0-9,]+ {why}"):
        opened(b"From: alice@example.com\r\n" + body)


def test_a_header_is_read_no_further_than_anybody_writes_one():
    header = b"Content-Disposition: attachment" + b"; a=b" * 1_000 + b'; filename="late.txt"'
    found = opened(b"From: alice@example.com\r\n" + header + b"\r\n\r\nhi")
    assert [file.name for file in found.files] == ["attachment"]
