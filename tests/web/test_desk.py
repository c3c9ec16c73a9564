"""The desk of the staff: the queue, and one ticket with its customer beside it."""

import io
import re
from datetime import timedelta

import pytest

from portal import accounts, keys, support
from portal.kit.db import unit
from tests.plans.people import OPERATOR

QUEUE = "/staff/queue"


class Talk:
    """What happens at the desk without a browser."""

    def __init__(self, desk):
        self.desk = desk

    def actor(self, name):
        with self.desk.database() as session:
            return accounts.actor(accounts.person(session, self.desk.people[name]))

    def open(self, subject="It is slow", name="alice", ago=timedelta(0), **more):
        """A ticket; its id."""
        with self.desk.database() as session, unit(session):
            return support.open_ticket(
                session, self.desk.ids[name], subject, "Why?", nonce=f"{subject}-{ago}-{name}",
                actor=self.actor(name), now=self.desk.now - ago, **more,
            ).id  # fmt: skip

    def row(self, ticket_id):
        with self.desk.database() as session:
            return support.staff_ticket(session, ticket_id)

    def said(self, ticket_id):
        with self.desk.database() as session:
            found = support.conversation(session, ticket_id, notes=True)
            return [(one.author.name, one.message.kind, one.message.body) for one in found]


@pytest.fixture
def talk(desk):
    return Talk(desk)


@pytest.fixture
def sue(desk):
    return desk.browser("sue")


def test_an_empty_queue_says_so(sue):
    words = sue.words(QUEUE)
    assert "Queue Nothing is open." in words and "what is due first on top" in words


def test_what_is_due_first_stands_first(desk, talk, sue):
    talk.open("Unclocked", "charlie", ago=timedelta(days=30))
    desk.give("support-priority")
    talk.open("Fresh")
    talk.open("Late", ago=timedelta(days=20))
    words = sue.words(QUEUE)
    assert "3 open, 1 overdue, 3 waiting for us, 3 that nobody has." in words
    assert re.search(
        r"overdue by .* Late Example Ltd #2 .* Fresh Example Ltd #1 .* No clock Unclocked", words
    )


def test_one_ticket_is_one_row(talk, sue):
    talk.open()
    words = sue.words(QUEUE)
    assert "1 open, 0 overdue" in words and "One ticket." in words


FILTERS = {
    "state=closed": "Closed",
    "assignee=me": "Mine",
    "assignee=nobody": "Nobodys",
    "tier=paid": "Mine Nobodys Urgent Deployed",
    "tier=free": "Strangers",
    "priority=urgent": "Urgent",
    "tag=keys": "Urgent",
    "kind=deployment": "Deployed",
    "waiting=customer": "Mine",
    "q=charlie": "Strangers",
    "q=urg": "Urgent",
    "q=%231&tier=free": "Strangers",
    "state=nonsense": "Mine Nobodys Urgent Deployed Strangers",
    "state=all": "Mine Nobodys Urgent Deployed Strangers Closed",
}


def test_the_queue_is_narrowed_and_searched(desk, talk, sue):
    talk.open("Strangers", "charlie")
    desk.give("support-priority")
    ids = {name: talk.open(name) for name in ("Mine", "Nobodys", "Urgent", "Closed")}
    talk.open("Deployed", kind="deployment")
    with desk.database() as session, unit(session):
        more = {"actor": talk.actor("sue"), "now": desk.now}
        support.take(session, ids["Mine"], **more)
        support.reply(session, ids["Mine"], "So.", nonce="so", **more)
        for name in ("Urgent", "Closed"):
            support.assign(session, ids[name], desk.people["sam"], expected=None, **more)
        support.prioritise(session, ids["Urgent"], "urgent", **more)
        support.tag(session, ids["Urgent"], ["keys"], **more)
        support.close(session, ids["Closed"], side="staff", **more)
    names = {*ids, "Strangers", "Deployed"}
    found = {}
    for asked in FILTERS:
        page = sue.get(f"{QUEUE}?{asked}").text.partition("<tbody")[2].partition("</tbody")[0]
        found[asked] = {name for name in names if f">{name}</a>" in page}
    expected = {asked: set(shown.split()) for asked, shown in FILTERS.items()}
    expected["assignee=nobody"] = {"Nobodys", "Deployed", "Strangers"}
    assert found == expected
    assert "No ticket is like that" in sue.words(f"{QUEUE}?q=nothing")


def test_five_hundred_tickets_go_on_for_pages(desk, talk, sue):
    with desk.database() as session, unit(session):
        alice = talk.actor("alice")
        for n in range(500):
            session.add(
                support.Ticket(
                    id=f"tkt_{n:04}", account_id=desk.ids["alice"], number=n + 1, kind="help",
                    subject=f"Number {n}", opened_by=alice.person_id, tier="free", plan="Support Community",
                    priority="normal", tags=[], opened_at=desk.now + timedelta(seconds=n),
                    spoken_at=desk.now, unanswered_since=desk.now + timedelta(seconds=n),
                )
            )  # fmt: skip
    words = sue.words(QUEUE)
    assert "500 tickets, 50 on this page." in words and "Page 1 of 10" in words and "Number 0 " in words
    assert "Number 499 " in sue.words(f"{QUEUE}?page=10")
    assert "page=2" in sue.get(f"{QUEUE}?tier=free").text.replace("&amp;", "&")


def test_a_ticket_is_shown_with_its_customer(desk, talk, sue, settings):
    desk.give("support-priority")
    talk.open("Earlier", ago=timedelta(days=3))
    ticket = talk.open()
    stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with desk.database() as session, unit(session):
        more = {"stamp": stamp, "actor": OPERATOR, "now": desk.now}
        account = desk.ids["alice"]
        keys.mint(session, account, "Ingest", expires_at=desk.now + timedelta(days=3), **more)
    words = sue.words(f"/staff/tickets/{ticket}")
    for said in (
        "Example Ltd , since",
        "Support Support Priority",
        "API API Free",
        "One key works, of 1.",
        "Ingest stops working on",
        "Nothing has been counted" if "Nothing has been counted" in words else "0 of 1,000",
        "#1 Earlier",
        "by Alice, owner",
        "Has it Nobody",
    ):
        assert said in words
    assert ("sue", "ticket.looked_at") in desk.noted()


def test_staff_answer_note_and_answer_and_close(desk, talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    assert sue.press(path, "Reply", body="Try *again*.", say="reply").status_code == 303
    assert sue.press(path, "Add internal note", body="Odd.", say="note").status_code == 303
    assert talk.row(ticket).closed_at is None
    assert sue.press(path, "Reply and close", body="Done.", say="close").status_code == 303
    assert talk.row(ticket).closed_at is not None
    assert talk.said(ticket) == [
        ("Alice", "message", "Why?"),
        ("Sue", "message", "Try *again*."),
        ("Sue", "note", "Odd."),
        ("Sue", "message", "Done."),
    ]
    page = sue.get(path).text
    assert "Internal note: staff alone see it" in page and 'class="message message-note"' in page
    assert "Odd." not in desk.browser("alice").words("/tickets/1")


def test_a_double_click_says_once(talk, sue):
    ticket = talk.open()
    action, fields = sue.form(f"/staff/tickets/{ticket}", "Reply")
    for _ in range(2):
        answer = sue.client.post(action, data={**fields, "body": "Once.", "say": "reply"})
        assert answer.status_code == 303
    assert [body for _, _, body in talk.said(ticket)] == ["Why?", "Once."]


def test_an_answer_that_will_not_do_comes_back_and_nothing_is_said(talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    bad = {"files": [(io.BytesIO(b"<svg/>"), "x.svg")], "say": "reply"}
    answer = sue.press(path, "Reply", body="Look at this.", **bad)
    assert (
        answer.status_code == 422 and "cannot be attached" in answer.text and "Look at this." in answer.text
    )
    assert sue.press(path, "Reply", body=" ", say="note").status_code == 422
    assert len(talk.said(ticket)) == 1


def test_files_of_notes_are_the_staffs(talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    sue.press(path, "Add internal note", body="See.", say="note", files=[(io.BytesIO(b"secret"), "s.txt")])
    [link] = re.findall(r'href="(/staff/tickets/\w+/files/\w+)"', sue.get(path).text)
    assert sue.get(link).data == b"secret"
    other = talk.open("Another", "charlie")
    assert sue.get(link.replace(ticket, other)).status_code == 404


def test_of_two_who_take_a_ticket_one_has_it_and_the_other_reads_who(desk, talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    sam = desk.browser("sam")
    stale = sam.form(path, "Take")
    assert sue.press(path, "Take").status_code == 303
    assert "Has it You, since" in sue.words(path) and "Take" not in sue.words(path).partition("Answer")[0]
    answer = sam.client.post(stale[0], data=stale[1])
    assert answer.status_code == 409 and re.search(r"Sue took this ticket at \d\d:\d\d UTC", answer.text)
    assert talk.row(ticket).assigned_to == desk.people["sue"]
    assert "Mine</a> <strong>1" in sue.get(QUEUE).text


def test_a_ticket_is_given_to_a_colleague_and_let_go(desk, talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    oscar = desk.browser("oscar")
    stale = oscar.form(path, "Assign")
    assert sue.press(path, "Assign", person_id=desk.people["sam"]).status_code == 303
    assert talk.row(ticket).assigned_to == desk.people["sam"] and "Has it Sam" in sue.words(path)
    sent = {**stale[1], "person_id": desk.people["sue"]}
    assert oscar.client.post(stale[0], data=sent).status_code == 409
    assert sue.press(path, "Release").status_code == 303 and talk.row(ticket).assigned_to is None
    bad = sue.press(path, "Assign", person_id=desk.people["alice"])
    assert bad.status_code == 422 and "Choose somebody of the staff." in bad.text
    assert sue.post(f"{path}/assignment", do="assign", person_id="nobody").status_code == 422


def test_priority_and_tags_are_kept(talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    assert sue.press(path, "Save priority", priority="urgent").status_code == 303
    assert sue.press(path, "Save tags", tags=" Keys, billing ,keys").status_code == 303
    row = talk.row(ticket)
    assert (row.priority, row.tags) == ("urgent", ["billing", "keys"])
    words = sue.words(QUEUE)
    assert "Urgent billing keys Example Ltd #1" in words
    assert sue.press(path, "Save priority", priority="whatever").status_code == 422
    many = ",".join(f"tag{n}" for n in range(11))
    answer = sue.press(path, "Save tags", tags=many)
    assert answer.status_code == 422 and "at most 10 tags" in answer.text and many in answer.text


def test_staff_close_and_reopen(talk, sue):
    ticket = talk.open()
    path = f"/staff/tickets/{ticket}"
    assert sue.press(path, "Close").status_code == 303 and "Closed. The customer is told." in sue.words(path)
    assert sue.post(f"{path}/closure").status_code == 409
    assert sue.press(path, "Reopen").status_code == 303 and talk.row(ticket).closed_at is None


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_customers_have_no_desk(desk, talk, name):
    ticket = talk.open()
    browser = desk.browser(name)
    path = f"/staff/tickets/{ticket}"
    assert [browser.get(one).status_code for one in (QUEUE, path)] == [404, 404]
    for deed in ("messages", "assignment", "priority", "tags", "closure", "reopening"):
        assert browser.post(f"{path}/{deed}", body="x", nonce="x").status_code == 404


def test_a_ticket_that_is_not_there_is_404(sue):
    path = "/staff/tickets/tkt_nonsense"
    assert sue.get(path).status_code == 404
    for deed in ("messages", "assignment", "priority", "tags", "closure", "reopening"):
        sent = {"body": "x", "nonce": "x", "do": "take", "priority": "low", "tags": ""}
        assert sue.post(f"{path}/{deed}", **sent).status_code == 404


def test_the_dashboard_names_what_is_open_and_due(desk, talk):
    alice = desk.browser("alice")
    assert "Tickets" not in alice.words("/dashboard").partition("Settings")[2]
    desk.give("support-priority")
    talk.open()
    words = alice.words("/dashboard")
    assert "One ticket is open." in words and re.search("It is slow First answer due", words)


def test_other_words_from_a_page_that_was_sent_come_back_and_can_be_sent_again(talk, sue):
    ticket = talk.open()
    action, fields = sue.form(f"/staff/tickets/{ticket}", "Reply")
    assert sue.client.post(action, data={**fields, "body": "Once.", "say": "reply"}).status_code == 303
    for changed in ({"body": "Other words.", "say": "reply"}, {"body": "Once.", "say": "note"}):
        refused = sue.client.post(action, data={**fields, **changed})
        assert refused.status_code == 422 and "Something else was sent from this page" in refused.text
        assert f"{changed['body']}</textarea>" in refused.text and fields["nonce"] not in refused.text
    assert [body for _, _, body in talk.said(ticket)] == ["Why?", "Once."]
