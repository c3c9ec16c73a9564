"""Paying by the call, as suggested: from the calls of each month, and how long one takes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from portal import metering
from portal.kit.period import add_months, calendar_month
from portal.scaling import calling
from portal.scaling.cases import Alternative, Asked, BreakEven, Case, Evidence, Found, Saving, Step, Worst
from portal.scaling.figures import Calls, Capacity, figures
from portal.scaling.rates import Rate, rates

SUBJECT, CURRENCY = "api", "usd"
MONTHS, GROWN, LEAST_MONTHLY = 12, 10, 1.0
DURATION_METER = "milliseconds"
MONTH = timedelta(days=30)
WORDS = ("fargate", "elastic container", "amazonecs", "load balanc", "lambda", "api gateway")


def look(session: Session, asked: Asked) -> Iterable[Found]:
    """The API, when its servers and its calls are known; prices are in US dollars."""
    known = figures(session)
    if known.capacity is None or asked.currency != CURRENCY:
        return
    months = monthly_calls(session, asked.now)
    each = _each(session, known.calls, asked.now)
    if each is not None and months:
        yield Found(SUBJECT, case(known.capacity, each, months, rates(session), asked.now), asked.now)


def monthly_calls(session: Session, now: datetime) -> dict[datetime, int]:
    """Calls of the whole calendar months of the last year that had any; else of the last 30 days."""
    this = calendar_month(now)[0]
    counted = Counter[datetime]()
    for hour, calls in metering.load(session, add_months(this, -MONTHS), this).items():
        counted[calendar_month(hour.astimezone(UTC))[0]] += calls
    if not counted:
        newest = metering.units(session, "calls", now - MONTH, now)
        return {this: newest} if newest else {}
    return dict(sorted(counted.items()))


def _each(session: Session, typed: Calls | None, now: datetime) -> Calls | None:
    """How long a call takes: as metered, where a meter tells; else as typed."""
    if typed is None:
        return None
    spent = metering.units(session, DURATION_METER, now - MONTH, now)
    calls = metering.units(session, "calls", now - MONTH, now) if spent else 0
    return Calls(max(1, round(spent / calls)), typed.memory_mb) if calls else typed


def case(
    servers: Capacity, each: Calls, months: Mapping[datetime, int], known: Mapping[str, Rate], now: datetime
) -> Case | None:
    """What is said of the API; None when servers are as cheap."""
    values = {name: rate.value for name, rate in known.items()}
    http, rest = (calling.prices(values, gateway) for gateway in ("http", "rest"))
    saving, dearer = (_saving(servers, each, months, at) for at in (http, rest))
    if saving.likely < LEAST_MONTHLY:
        return None
    even, busiest = calling.even(servers.monthly, each, http), max(months.values())
    below = sum(calls < even for calls in months.values())
    lost = max(0.0, calling.cost(GROWN * busiest, each, http) - servers.monthly)
    return Case(
        title="The API by the call",
        what="Answer calls on Lambda behind an HTTP API instead of on servers that always run.",
        why=(
            f"Your busiest month had {_about(busiest)} calls of {each.milliseconds} ms, and servers are "
            f"cheaper only from {_about(even)} calls a month on."
        ),
        saving=saving,
        worst=Worst(
            lost, f"more is paid in a month with {GROWN} times the calls of your busiest", 31 if lost else 0
        ),
        break_even=BreakEven(
            f"{_about(even)} calls a month",
            f"Up to these it saves: {below} of {len(months)} months had fewer.",
        ),
        evidence=Evidence(
            title="Calls by month",
            words=f"Both cost the same at {_about(even)} calls a month.",
            heading="Month",
            unit="calls",
            series=tuple((f"{at:%b %Y}", calls) for at, calls in months.items()),
            line=(even, "Both cost the same") if even < 5 * busiest else None,
        ),
        known_from=f"{len(months)} months of calls" if len(months) > 1 else "a month of calls",
        steps=_steps(each),
        undo=(
            f"Keep the service for two weeks with no task, then start it again: aws ecs update-service "
            f"--cluster CLUSTER --service SERVICE --desired-count {servers.tasks}"
        ),
        alternatives=(
            Alternative(
                "Behind a REST API",
                dearer,
                max(0.0, calling.cost(GROWN * busiest, each, rest) - servers.monthly),
                "It is dearer by the call: servers are cheaper from "
                f"{_about(calling.even(servers.monthly, each, rest))} calls a month on.",
            ),
        ),
        checks=(
            ("Servers now", f"${servers.monthly:,.2f} a month, as typed"),
            ("A call", f"{each.milliseconds} ms with {each.memory_mb:,} MB"),
            ("Price", f"Lambda and API Gateway {known['lambda.gb-second'].words}"),
            ("First call after a pause", "Takes longer: try it with your own code before you move"),
        ),
        data={"services": list(WORDS), "by_calls": True},
    )


def _about(calls: int) -> str:
    """A number of calls to three digits that say something."""
    shown = float(f"{calls:.3g}")
    return f"{shown / 1e6:g} million" if shown >= 1e6 else f"{shown:,.0f}"


def _saving(servers: Capacity, each: Calls, months: Mapping[datetime, int], at: calling.Prices) -> Saving:
    saved = [servers.monthly - calling.cost(calls, each, at) for calls in months.values()]
    low, likely, high = (float(one) for one in np.quantile(saved, (0.1, 0.5, 0.9)))
    return Saving(low, likely, high, f"As each of {len(saved)} months would have been." if saved[1:] else "")


def _steps(each: Calls) -> tuple[Step, ...]:
    return (
        Step(
            "Make the function and its address",
            "aws lambda create-function --function-name api --package-type Image --code ImageUri=IMAGE "
            f"--role ROLE --memory-size {each.memory_mb} --timeout {max(3, 3 * each.milliseconds // 1000)}\n"
            "aws apigatewayv2 create-api --name api --protocol-type HTTP --target FUNCTION_ARN",
        ),
        Step(
            "Terraform",
            'resource "aws_lambda_function" "api" {\n  function_name = "api"\n  package_type  = "Image"\n'
            "  image_uri     = var.image\n  role          = var.role\n"
            f"  memory_size   = {each.memory_mb}\n}}\n\n"
            'resource "aws_apigatewayv2_api" "api" {\n  name          = "api"\n  protocol_type = "HTTP"\n'
            "  target        = aws_lambda_function.api.arn\n}",
        ),
    )
