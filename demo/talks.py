"""Talks: what is said in the tickets, word for word. Read as a support inbox, the oldest first."""

from dataclasses import dataclass
from typing import Final

from portal.support import File


@dataclass(frozen=True)
class Turn:
    """What is said next, so many half days after the opening: by the customer, the agent, or as a note.

    `takes` says nothing: the agent takes the ticket. A `quote` offers work for so many `cents`, which
    the customer `accepts` and `pays`. What `closes` may come without words.
    """

    later: int
    who: str
    text: str = ""
    closes: bool = False
    cents: int = 0


@dataclass(frozen=True)
class Talk:
    """A ticket, opened so many days ago by a customer of the story, or by somebody of the crowd."""

    days_ago: int
    slug: str
    subject: str
    body: str
    turns: tuple[Turn, ...] = ()
    agent: int = 0
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    kind: str = "help"
    files: tuple[File, ...] = ()


ANYBODY: Final = ""
TRACE: Final = File(
    "nightly-import.log",
    b"2026-10-02T01:14:07Z import started, 48210 memories\n"
    b"2026-10-02T01:14:31Z POST /memories/batch 200 (500)\n"
    b"2026-10-02T01:14:33Z POST /memories/batch 413 request entity too large\n",
)

TALKS: Final = (
    Talk(
        82,
        ANYBODY,
        "Is there a Go client?",
        "We write everything in Go. Is there a client, or do we talk to the API ourselves?",
        (
            Turn(
                3,
                "agent",
                "There is none of ours yet. The API is plain JSON, and the OpenAPI description at "
                "`/openapi.json` works well with `oapi-codegen`. "
                "One of our users shared a client in the forum.",
                closes=True,
            ),
        ),
        tags=("clients",),
    ),
    Talk(
        76,
        ANYBODY,
        "Delete everything about one person",
        "One of our users asked us to forget them. Which call deletes **all** memories of a profile?",
        (
            Turn(
                2,
                "agent",
                "`DELETE /profiles/{id}?memories=all` deletes the profile with all that belongs to it, and "
                "answers with how many memories that were. It cannot be undone.",
            ),
            Turn(4, "customer", "Worked at once. Thank you!", closes=False),
            Turn(4, "customer", closes=True),
        ),
        agent=1,
        tags=("privacy",),
    ),
    Talk(
        66,
        ANYBODY,
        "429 although I am far below my limit",
        "My script gets 429 after ten calls, but the usage page says 62 of 1,000. Is that a bug?",
        (
            Turn(
                1,
                "agent",
                "Not a bug: two limits hold at once. Your plan includes 1,000 calls a month **and** 5 a "
                "second with a burst of 10. The answer's `RateLimit` header says how long to wait. "
                "A short pause between calls is all it takes.",
                closes=True,
            ),
        ),
        tags=("limits",),
    ),
    Talk(
        61,
        "nordlicht",
        "Which networks do your webhooks come from?",
        "Our firewall lets nothing in that is not on a list. Which addresses do you call us from?",
        (
            Turn(1, "agent", "All calls come from `203.0.113.64/27`. We announce changes 30 days ahead."),
            Turn(3, "customer", "Entered, and it works. You can close this.", closes=False),
            Turn(4, "agent", "Good to hear. Closed, and you can reopen it for 30 days.", closes=True),
        ),
        tags=("network",),
    ),
    Talk(
        56,
        ANYBODY,
        "Umlauts are searched badly",
        "„Grüße“ is not found when I search for „Gruesse“ or „Grusse“. Could the search fold umlauts?",
        (
            Turn(
                3,
                "agent",
                "You are right, and we have a fix in testing: search will fold ä, ö, ü and ß both ways.",
            ),
            Turn(21, "agent", "The fix is live since this morning.", closes=True),
            Turn(25, "customer", "ß still is not folded: „Strasse“ does not find „Straße“."),
            Turn(27, "agent", "Now it does. Thank you for looking twice.", closes=True),
        ),
        agent=1,
        tags=("search", "bug"),
    ),
    Talk(
        54,
        "nordlicht",
        "413 in the nightly import",
        "Since last night the import stops with `413 request entity too large`. The log is attached. "
        "Nothing changed on our side.",
        (
            Turn(
                1,
                "agent",
                "The limit of one batch is 500 memories **or** 4 MiB, whichever comes first. Your "
                "memories have grown: 500 of them are 5.1 MiB now. Please send 300 at a time until we have "
                "raised the limit.",
            ),
            Turn(1, "note", "Raise `client_max_body_size` for batch: ask Mia whether 16 MiB is fine."),
            Turn(2, "customer", "With 300 it runs. Is the higher limit coming? The night is short."),
            Turn(3, "agent", "It is 16 MiB from today on: go back to 500.", closes=True),
        ),
        priority="high",
        tags=("import",),
        files=(TRACE,),
    ),
    Talk(
        49,
        "ahlstroem",
        "Where is our data stored?",
        "Our bar association asks in which country memories are kept, backups included. We need this in "
        "writing.",
        (
            Turn(
                1,
                "agent",
                "In Germany (Falkenstein), backups in Finland (Helsinki), both encrypted. The paper with our "
                "technical measures is on its way to you by post as well.",
            ),
            Turn(6, "customer", "Arrived. Perfect."),
            Turn(6, "customer", closes=True),
        ),
        agent=1,
        tags=("privacy",),
    ),
    Talk(
        43,
        ANYBODY,
        "Student discount?",
        "I am writing my thesis on long-term memory of assistants. Do you have something between Free and "
        "Pro?",
        (
            Turn(
                4,
                "agent",
                "There is no plan in between, but we like theses: write to us from your university's "
                "address with your supervisor in copy, and we give you Pro until you hand in.",
                closes=True,
            ),
        ),
        tags=("billing",),
    ),
    Talk(
        42,
        "orgelbau",
        "Search finds pipes of the wrong organ",
        "We keep one profile for each organ. A search in the profile of St. Jakobi returned stops of the "
        "organ in Lübeck. Screenshot follows.",
        (
            Turn(
                1,
                "agent",
                "Searches without `profile` look through all of them. Your call at 08:51 had none: please "
                "check the code path for the repair form.",
            ),
            Turn(2, "customer", "Confirmed, the repair form forgot it. Could a key be bound to one profile?"),
            Turn(
                3,
                "agent",
                "Yes: give it the scope `profile:st-jakobi`, and every call without it is refused.",
                closes=True,
            ),
        ),
        tags=("search", "scopes"),
    ),
    Talk(
        39,
        "wolken",
        "A MemoryHub in our studio",
        "We would like one on our own two servers, next to the build machines. Nothing special, by the end "
        "of the month, up to $1,000.",
        (
            Turn(3, "quote", "Set up on two servers and handed over, with a day of questions.", cents=90_000),
            Turn(5, "accepts"),
            Turn(7, "pays"),
            Turn(16, "agent", "It runs, and the keys are yours. Thank you for the coffee!", closes=True),
        ),
        agent=1,
        kind="deployment",
    ),
    Talk(
        37,
        "seefeld",
        "Single sign-on for 40 clinicians",
        "Our security office wants sign-in by SAML before we roll this out on the wards. Is it on your list?",
        (
            Turn(0, "agent", "It is, for Enterprise, and Mia would like to hear what you need. A call?"),
            Turn(2, "customer", "Thursday 14:00 suits us. Prof. Laurent joins."),
            Turn(8, "note", "Call held. They need SAML with their own IdP and groups to roles. Q1 is fine."),
            Turn(
                9,
                "agent",
                "Thank you for the call. The list of what we agreed is attached to your contract; we open a "
                "new ticket for it in January.",
                closes=True,
            ),
        ),
        agent=1,
        priority="high",
        tags=("enterprise", "sign-in"),
    ),
    Talk(
        34,
        ANYBODY,
        "Memory export as JSONL",
        "Is there an export of all memories in one file? I would like to sleep better.",
        (
            Turn(
                3,
                "agent",
                "`GET /export` streams JSONL, one memory a line, in the order in which they were made. It "
                "counts as one call.",
                closes=True,
            ),
        ),
        tags=("export",),
    ),
    Talk(
        29,
        "harbour",
        "Our card was declined, are we cut off?",
        "The bank blocked the card by mistake. The tutors have lessons this evening!",
        (
            Turn(
                1,
                "agent",
                "Nothing is cut off: your plan holds for three days while an invoice is unpaid. Add "
                "another card under Billing, and it is charged at once.",
            ),
            Turn(4, "customer", "New card entered, thank you for the calm answer."),
            Turn(4, "customer", closes=True),
        ),
        tags=("billing",),
    ),
    Talk(
        25,
        ANYBODY,
        "Typo in the docs, section Recall",
        "`recal_limit` should be `recall_limit` in the second example.",
        (Turn(1, "agent", "Mended. You have sharp eyes, thank you!", closes=True),),
        agent=1,
        tags=("docs",),
    ),
    Talk(
        22,
        "nordlicht",
        "Latency of recall in the mornings",
        "Between 07:00 and 08:00 UTC recall takes 900 ms instead of 140 ms. The care rounds start then.",
        (
            Turn(
                1,
                "agent",
                "Seen: an index was rebuilt at that hour. We moved it to 02:00. Please look tomorrow.",
            ),
            Turn(3, "customer", "140 ms again. Please leave it open for a few days."),
            Turn(5, "agent", "Gladly. We watch it until Friday."),
            Turn(11, "customer", "Still fine. Closing."),
            Turn(11, "customer", closes=True),
        ),
        priority="high",
        tags=("latency",),
    ),
    Talk(
        18,
        "zeitgeist",
        "Charged, but we use it on weekends only",
        "We pay for a month and use four Saturdays. Could we have half of it back?",
        (
            Turn(
                2,
                "agent",
                "A month is a month, but you are new here and asked kindly: half of it is on its way back "
                "to your card. The free plan may be all you need.",
            ),
            Turn(13, "customer", "It arrived. That is very kind!"),
            Turn(13, "customer", closes=True),
        ),
        agent=1,
        tags=("billing", "refund"),
    ),
    Talk(
        15,
        ANYBODY,
        "Can I rename my organisation?",
        "We founded the company at last. Where do I change „Anna's project“ into its real name?",
        (Turn(3, "agent", "Settings, Organisation. Congratulations!", closes=True),),
    ),
    Talk(
        13,
        "stadtwerke",
        "On premises, or in your data centre?",
        "Before we ask for Hosting Pro: can the instance run in our own data centre in Fürstenfeldbruck?",
        (
            Turn(
                2,
                "agent",
                "Hosting Pro runs with us. On your machines it is a custom deployment: we set it up and "
                "hand it over, from $500 to $2,000 by quote.",
            ),
            Turn(5, "customer", "With you is fine for a start. We will ask for it."),
            Turn(6, "agent", "We look forward to it.", closes=True),
        ),
        tags=("hosting",),
    ),
    Talk(
        10,
        "ahlstroem",
        "Retention of deleted memories",
        "How long can a deleted memory still be found in a backup?",
        (
            Turn(
                1,
                "agent",
                "Backups are kept for 30 days. After that a deleted memory is nowhere any more.",
                closes=True,
            ),
            Turn(
                15,
                "customer",
                "We have to go back to this: can single memories be taken out of a backup earlier, if a "
                "court orders it?",
            ),
        ),
        agent=1,
        tags=("privacy",),
    ),
    Talk(
        8,
        "lindenthal",
        "MemoryHub on our research cluster",
        "We would like our own MemoryHub beside the cluster in Lindenthal, without a line to the outside.\n\n"
        "- **What**: API, vector index, nightly export to our archive\n"
        "- **Where**: 4 machines with Debian, no internet\n"
        "- **By when**: before the winter term ends\n"
        "- **Budget**: up to $2,000",
        (
            Turn(
                2,
                "agent",
                "We have done this twice and like it. Two questions: does the archive speak S3, and may we "
                "bring updates on a stick?",
            ),
            Turn(5, "customer", "S3 yes (MinIO). A stick is fine if it goes through our scanner."),
            Turn(6, "note", "Two days of work with the export. Mia agrees to $1,800."),
            Turn(
                8,
                "quote",
                "We set MemoryHub up on your four machines, with the export to your archive and one update "
                "by stick, and hand it over to two people of yours in an afternoon.",
                cents=180_000,
            ),
        ),
        agent=1,
        priority="high",
        kind="deployment",
    ),
    Talk(
        7,
        ANYBODY,
        "Webhook when a memory is changed",
        "Polling feels wrong. Is there an event when somebody edits a memory?",
        (
            Turn(3, "agent", "Not yet, and you are the fourth to ask: it is next on our list."),
            Turn(6, "customer", "I am happy to test it."),
        ),
        tags=("wish",),
    ),
    Talk(
        6,
        "orgelbau",
        "Two memories, one truth",
        "When two restorers describe the same pipe differently, recall returns both. Is there a way to say "
        "which one holds?",
        (
            Turn(
                2,
                "agent",
                "`PATCH /memories/{id}` with `supersedes` names the older one; recall then returns the "
                "newer alone. Shall we look at an example of yours together?",
            ),
        ),
        tags=("recall",),
    ),
    Talk(
        5,
        "kettle",
        "Why is our account suspended??",
        "All our keys answer SUSPENDED since Monday. We are losing leads by the minute. Please call!",
        (
            Turn(1, "takes"),
            Turn(
                2,
                "agent",
                "One of your keys stands in a public repository, and strangers used it from 40 addresses. "
                "Please revoke the key named *My first key*, tell us here, and we resume you at once.",
            ),
        ),
        priority="urgent",
        tags=("abuse",),
    ),
    Talk(
        4,
        "ahlstroem",
        "Audit trail of a colleague who left",
        "A colleague left us in a dispute. We need a list of everything her keys read in October, signed by "
        "you, for the court. The hearing is next week.",
        (Turn(1, "note", "Legal question. Mia has to decide what we may sign."),),
        priority="urgent",
        tags=("privacy", "legal"),
    ),
    Talk(
        3,
        "brotzeit",
        "Grußkarten merken",
        "Guten Tag, kann der Assistent sich merken, welche Kundin welche Torte zum Geburtstag bestellt? "
        "Meine Enkelin hat das eingerichtet, und ich möchte es erweitern.",
    ),
    Talk(
        3,
        "tidepool",
        "Bulk import from spreadsheets",
        "We have 14 teachers with 14 spreadsheets. Is there an import that does not need a programmer?",
    ),
    Talk(
        2,
        "travel",
        "We opened a dispute by mistake",
        "Our bookkeeper did not recognise MEMORYHUB on the statement. How do we take it back?",
        (
            Turn(
                1,
                "agent",
                "Your bank can withdraw it on its side: tell them it was a mistake. We have sent them your "
                "invoice meanwhile, so that nothing gets lost.",
            ),
        ),
        agent=1,
        tags=("billing",),
    ),
    Talk(
        2,
        "nordlicht",
        "Second region for failover",
        "The wards cannot work without recall any more. Could we have a second region that takes over?",
        (
            Turn(
                1,
                "agent",
                "A read-only copy in Helsinki is possible and takes over within a minute. Would reading "
                "alone be enough for the wards during an outage?",
            ),
        ),
        tags=("hosting",),
    ),
    Talk(
        1,
        ANYBODY,
        "Python 3.13 wheels",
        "`pip install memoryhub` builds for ten minutes on my laptop. Could you publish wheels for 3.13?",
    ),
    Talk(
        1,
        "quellcode",
        "Invoice with our VAT number",
        "Our cooperative needs its VAT number on the invoice of the yearly plan. Can you write it again?",
    ),
)

DUE_SOON: Final = Talk(
    0,
    "orgelbau",
    "Recall is empty since this morning",
    "All searches of the workshop answer with an empty list since about an hour. The index page is green. "
    "Two restorers are standing beside the pipes and wait.",
    priority="high",
)
"""The one whose first answer is due within the hour, whenever the present is."""
