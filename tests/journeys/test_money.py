"""The life of a subscription, in a browser on a whole stack: paid, changed, unpaid, paid again, cancelled.

Months pass in it, so that it has a stack of its own.
"""

import re

import pytest

from deploy.local.process import wait_until
from tests.journeys.people import LOOK_SECONDS, Customer, Operator, Program, first_link, last_line
from tests.running import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.stack]

BUSY_SECONDS = 60  # what follows at once may be long in coming on a machine with much to do
DUTY_SECONDS = 180  # reminders are looked for every half minute, and then sent
FAILING_CARD = "4000 0000 0000 0341"  # can be kept, and declines every charge
SIMULATED = re.compile("simulated", re.IGNORECASE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack whose clock nobody else looks at."""
    running = RunningStack(tmp_path_factory.mktemp("paying") / "stack")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def operator(stack, browser):
    context = browser.new_context()
    someone = Operator(context.new_page(), stack.url)
    let_in(stack, someone)
    yield someone
    context.close()


@pytest.fixture(params=[True, False], ids=["scripted", "plain"])
def alice(request, stack, browser, operator):
    """A customer who has a key, with and without JavaScript."""
    context = browser.new_context(java_script_enabled=request.param)
    name = "alice" if request.param else "erika"
    someone = Customer(context.new_page(), stack.url, f"{name}@example.com")
    someone.sign_up(f"{name.title()} Example", f"{name.title()} Ltd")
    someone.verify(first_link(operator.letter(someone.email, "Confirm")))
    yield someone
    context.close()


def test_a_subscription_from_its_first_payment_to_its_end(stack, alice, operator):
    page = alice.page
    service_key = last_line(stack.cli("service-keys", "mint", f"The API of {alice.email}"))
    program = Program(stack.url, service_key, alice.create_key("Production"))
    assert holds(program, "api-free", 1_000)

    # Upgrade: a card that is declined buys nothing, one that works holds within two seconds.
    page.goto(f"{stack.url}/plans")
    page.get_by_role("button", name="Upgrade to API Pro").click()
    page.get_by_text(SIMULATED).first.wait_for()
    page.get_by_label(re.compile("A card that is declined")).check()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("alert").filter(has_text="declined").wait_for()
    assert holds(program, "api-free", 1_000)
    page.get_by_label(re.compile("A card that works \\(")).check()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_text("You have API Pro now").wait_for()
    comes_to_hold(program, "api-pro", 100_000)
    operator.letter(alice.email, "Receipt: $19.00 for API Pro")

    # Change to yearly, at the amount that was shown before.
    page.goto(f"{stack.url}/billing")
    page.get_by_role("link", name="Change to yearly").click()
    shown = page.get_by_role("row").filter(has_text="Charged today").inner_text()
    charged = re.search(r"\$[\d,.]+", shown).group()
    page.get_by_role("button", name="Change to yearly").click()
    page.get_by_text("paid by the year.").wait_for()
    newest = page.get_by_role("table", name="Invoices").get_by_role("row").nth(1).inner_text()
    assert charged in newest and "Paid" in newest
    assert holds(program, "api-pro", 100_000)

    # A year later the card that they changed to is declined: everything works on for three days.
    new_card(page, stack, FAILING_CARD)
    advance(stack, operator, alice, "1 year", "2h")
    operator.letter(alice.email, "A payment for API Pro failed")
    assert "The payment for API Pro failed" in alice.words("/dashboard")
    assert "Everything works until" in alice.words("/billing")
    assert holds(program, "api-pro", 100_000)

    # Then access ends, with a letter on day 3, 5 and 7.
    advance(stack, operator, alice, "3d")
    comes_to_hold(program, "api-free", 1_000)
    told(operator, alice, "API Pro is paused until it is paid", 1)
    told(operator, alice, "API Pro is still unpaid", 1)
    advance(stack, operator, alice, "2d")
    told(operator, alice, "API Pro is still unpaid", 2)
    advance(stack, operator, alice, "2d")
    told(operator, alice, "Last reminder: API Pro is unpaid", 1)
    assert "API Pro is unpaid" in alice.words("/dashboard")

    # A new card pays what is open, and it is back at once.
    new_card(page, stack)
    comes_to_hold(program, "api-pro", 100_000)
    told(operator, alice, "API Pro is back", 1)
    assert "unpaid" not in alice.words("/dashboard")

    # Cancel: kept until the end of what is paid.
    page.goto(f"{stack.url}/billing")
    page.get_by_role("link", name="Cancel API Pro").click()
    assert "Nothing more is charged" in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Cancel API Pro").click()
    page.get_by_text("API Pro is cancelled. You keep it until").wait_for()
    assert holds(program, "api-pro", 100_000)
    advance(stack, operator, alice, "1 year")
    comes_to_hold(program, "api-free", 1_000)
    told(operator, alice, "API Pro has ended", 1)
    assert "You pay for nothing" in alice.words("/billing")

    # Every letter came once, and the operator's revenue is what was paid.
    once = ("A payment for API Pro failed", "Last reminder", "paused until it is paid", "API Pro is back")
    assert {words: operator.count_letters(alice.email, words) for words in once} == dict.fromkeys(once, 1)
    assert operator.count_letters(alice.email, "Receipt") == 3
    operator.page.goto(f"{stack.url}/operator/drift")
    assert "Nothing has differed" in operator.page.get_by_role("main").inner_text()


def holds(program, plan, limit):
    """Whether a call is now answered by this plan."""
    answer = program.call()
    return (answer["plan"], answer["quota"]["limit"]) == (plan, limit)


def comes_to_hold(program, plan, limit):
    """Wait until calls are answered by this plan."""
    assert wait_until(lambda: holds(program, plan, limit), BUSY_SECONDS, every=LOOK_SECONDS), plan


def new_card(page, stack, number=None):
    """Keep another card for all that comes, on the page that cards are kept on."""
    page.goto(f"{stack.url}/billing")
    page.get_by_role("button", name="Change the card").first.click()
    page.get_by_text("Add a card").click()
    if number:
        page.get_by_text("Another of Stripe's test cards").click()
        page.get_by_label("Card number").fill(number)
        page.get_by_label("Expiry date").fill("12 / 44")
        page.get_by_label("CVC").fill("123")
    page.get_by_role("button", name="Save this card").click()
    page.get_by_text("used for payments").wait_for()
    page.get_by_role("link", name="Back to the shop").click()


def advance(stack, operator, alice, *durations):
    """Let time pass, and sign in again."""
    for duration in durations:
        stack.verb("clock", "advance", duration)
    let_in(stack, operator)
    alice.sign_in()


def let_in(stack, operator):
    said = stack.verb("staff", "add", "operator@example.com", "--role", "operator")
    operator.sign_in(re.search(r"https?://\S+", said).group())


def told(operator, alice, subject, times):
    """Wait until so many letters with this subject have come to be."""
    operator.await_letters(alice.email, subject, lambda count: count == times, DUTY_SECONDS)
