"""AWS watches over the bill: shown first, made when it is meant, and never twice."""

import pytest
from sqlalchemy import select

from portal import costs
from portal.accounts.models import AuditEntry
from portal.cli.cloud import costs_group
from portal.costs import gateway, guarding
from portal.kit.errors import Invalid
from tests.costs import clouds
from tests.costs.verbs import upkeep

__all__ = ["upkeep"]

MAIL = "oscar@example.com"


def there(aws):
    return gateway.guarded(aws, clouds.ACCOUNT, guarding.NAME)


def made(aws, dollars=(10, 50, 100), mails=(MAIL,)):
    """The sentences of the steps that were taken."""
    steps = costs.guard(aws, dollars, mails)
    for step in steps:
        step.take(aws)
    return [step.sentence for step in steps]


def test_a_budget_and_alarms_are_made_at_every_amount_and_not_again(aws):
    assert len(made(aws)) == 6
    found = there(aws)
    assert found.budget == gateway.Budget(
        100, frozenset((kind, amount) for kind in ("ACTUAL", "FORECASTED") for amount in (10, 50, 100))
    )
    assert [alarm.dollars for alarm in found.alarms] == [10, 50, 100]
    assert found.readers == {MAIL} and all(alarm.topics for alarm in found.alarms)
    assert made(aws) == [] and there(aws) == found


def test_nothing_is_made_before_a_step_is_taken(aws):
    costs.guard(aws, (10,), (MAIL,))
    assert there(aws) == gateway.Guarded(None, (), None)


def test_what_is_no_alert_any_more_is_taken_away_and_what_is_new_added(aws):
    made(aws, (10, 50))
    told = made(aws, (50, 75), (MAIL, "ann@example.com"))
    assert [sentence.split(" ")[0] for sentence in told] == [
        "Add",
        "Add",
        "Take",
        "Take",
        "Let",
        "Set",
        "Take",
    ]
    found = there(aws)
    assert {amount for _, amount in found.budget.notes} == {50, 75}
    assert [alarm.dollars for alarm in found.alarms] == [50, 75] and len(found.readers) == 2


def test_budgets_and_alarms_of_other_names_are_let_alone(aws):
    other = gateway.Alarm("upkeep-costsheet", 5, ())
    gateway.set_alarm(aws, other)
    made(aws, (10,))
    made(aws, (20,))
    names = clouds.client(aws.settings.endpoint, "cloudwatch", "us-east-1").describe_alarms()["MetricAlarms"]
    assert {one["AlarmName"] for one in names} == {"upkeep-costsheet", "upkeep-costs-20-usd"}


@pytest.mark.parametrize(("dollars", "mails"), [((), (MAIL,)), ((10,), ()), ((1, 2, 3, 4, 5, 6), (MAIL,))])
def test_what_aws_takes_not_is_refused(aws, dollars, mails):
    with pytest.raises(Invalid):
        costs.guard(aws, dollars, mails)


def test_what_is_begun_stands_in_the_audit_also_when_it_breaks_off(upkeep, aws_url, database):
    with clouds.lets(aws_url, 6):
        broken = upkeep(costs_group, "guard", "--mail", MAIL, "--apply", **clouds.environ(aws_url))
    assert broken.exit_code == 1 and "Make the budget" in broken.output
    with database() as session:
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.action == "bill.guarded")).all()
    assert len(entry.data["steps"]) == 6


def test_the_command_shows_what_it_will_do_and_does_it_with_apply_alone(upkeep, aws_url):
    words, environ = ("guard", "--mail", MAIL), clouds.environ(aws_url)
    shown = upkeep(costs_group, *words, **environ)
    assert shown.exit_code == 0 and shown.output.endswith("Nothing was done. With --apply it is.\n")
    assert upkeep(costs_group, *words, **environ).output == shown.output
    applied = upkeep(costs_group, *words, "--apply", **environ).output
    assert applied.splitlines()[:-1] == shown.output.splitlines()[:-1] and applied.endswith("Done.\n")
    assert upkeep(costs_group, *words, "--apply", **environ).output == "All of it stands already.\n"
    assert upkeep(costs_group, "guard", **environ).exit_code == 1
