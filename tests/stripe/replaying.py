"""Real traffic, replayed: what Stripe answered once, asked of the sandbox again, and what differs.

`python -m tests.stripe.replaying` writes docs/sandbox-replay.md: facts about it, nothing recorded.
"""

import io
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from sandbox.stripe.app import Sandbox, application
from sandbox.stripe.clock import Clock
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier
from tests.stripe.data import ROOT, description, recordings
from tests.stripe.openapi import expanded
from tests.stripe.reasons import REASONS

KEY = "sk_sandbox_of_the_replay"
PAGE = ROOT / "docs" / "sandbox-replay.md"
NAME = re.compile(r"[a-z]+(_[a-z]+)*_(?=[A-Za-z]*\d)[A-Za-z0-9]{10,}(_secret_\w+)?")
OPAQUE = re.compile(
    r"(client_secret|fingerprint|invoice_prefix|number|\w*_url|invoice_pdf|pdf|network_transaction_id|"
    r"authorization_code|message|request_log_url|doc_url|url|risk_score)$"
)
"""Values that are random or point at an address: only whether there is one is compared."""
SLACK_SECONDS = 10


@dataclass(frozen=True)
class Finding:
    """One difference: `kind` is refused, error, left out, new, moment or value."""

    request: str
    kind: str
    path: str
    recorded: str
    answered: str

    @property
    def known(self):
        """The reason why this is as it should be, or None."""
        return next((reason for reason in REASONS if reason.explains(self)), None)

    def __str__(self):
        return f"{self.request}: {self.kind} {self.path}: {self.recorded} -> {self.answered}"


@dataclass
class Replay:
    """One recording, replayed: counts, every difference, and every answer that is not as described."""

    name: str
    exchanges: int = 0
    compared: int = 0
    waiting: int = 0
    values: int = 0
    findings: list[Finding] = field(default_factory=list)
    crooked: list[str] = field(default_factory=list)

    @property
    def unexplained(self):
        return [finding for finding in self.findings if finding.known is None]


class Standing(Clock):
    """A clock that stands where it is put."""

    moment = 0

    def now(self):
        return self.moment


class Stand:
    """A sandbox in this process, reached without a socket."""

    def __init__(self):
        self.clock, self.problems = Standing(), []
        store = Store()
        sandbox = Sandbox(store, self.clock, KEY, Courier(store, self.clock), "http://127.0.0.1")
        self._answer = application(sandbox)

    def ask(self, method, path, query="", form="", *, key=KEY, idempotency_key=None):
        """Status and body."""
        body, said = form.encode(), {}
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {key}",
            "HTTP_HOST": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
        }
        if idempotency_key:
            environ["HTTP_IDEMPOTENCY_KEY"] = idempotency_key
        answered = b"".join(self._answer(environ, lambda status, headers: said.update(status=status)))
        status, found = int(said["status"].split()[0]), json.loads(answered)
        if description().operation(method, path):
            paths = expanded(query, form)
            self.problems += description().answer_problems(method, path, found, expand=paths, status=status)
        return status, found


def replay(name, recording, everything):
    """Ask the sandbox what Stripe was asked, in the same order and at the same moments."""
    done, stand = Replay(name), Stand()
    stand.clock.moment = min(_moments(everything))
    names = _stock(stand, everything)
    stand.clock.moment = min(_moments(recording), default=stand.clock.moment)
    given = set()
    for one in recording:
        done.exchanges += 1
        stand.clock.moment = _moment(one, stand.clock.moment)
        request = f"{one['method']} {_general(one['path'])}"
        pairs = parse_qsl(one["form"] or one["query"], keep_blank_values=True)
        asked = {*one["path"].split("/"), *(value for _, value in pairs)}
        if missing := (asked & given) - names.keys():
            done.waiting += 1
        given |= _ids(one["body"])
        if missing:
            continue
        path = "/".join(names.get(step, step) for step in one["path"].split("/"))
        sent = urlencode([(key, names.get(value, value)) for key, value in pairs])
        query, form = (sent, "") if one["method"] in ("GET", "DELETE") else ("", sent)
        key = "sk_sandbox_of_somebody_else" if one["status"] == 401 else KEY
        status, body = stand.ask(
            one["method"], path, query, form, key=key, idempotency_key=one["idempotency_key"]
        )
        done.compared += 1
        if (status == 200) != (one["status"] == 200):
            told = body.get("error", {}).get("message", body.get("object"))
            done.findings.append(
                Finding(_detailed(one, request), "refused", "", str(one["status"]), f"{status} {told}")
            )
            continue
        if status != one["status"]:
            done.findings.append(Finding(request, "error", "status", str(one["status"]), str(status)))
        comparison = Comparison(_detailed(one, request), names)
        comparison.compare(one["body"], body, "")
        done.values += comparison.values
        done.findings += comparison.findings
    done.crooked = list(dict.fromkeys(map(str, stand.problems)))
    return done


def _stock(stand, everything):
    """Make the prices and coupons that the recordings take for granted; recorded name -> the sandbox's."""
    names, products = {}, {}
    titles = dict(_titles(everything))
    for kind in ("price", "coupon"):
        for made in _find(everything, kind):
            if made["id"] in names:
                continue
            if kind == "coupon":
                params = {field: made[field] for field in ("id", "name", "percent_off", "duration")}
            else:
                product = made["product"]
                if product not in products:
                    products[product] = names[product] = _made(stand, "/v1/products", titles[product])
                params = {
                    "product": products[product],
                    "unit_amount": made["unit_amount"],
                    "currency": made["currency"],
                    "recurring[interval]": made["recurring"]["interval"],
                    "tax_behavior": made["tax_behavior"],
                    **({"nickname": made["nickname"]} if made["nickname"] else {}),
                }
            names[made["id"]] = _made(stand, f"/v1/{kind}s", params)
    return names


def _made(stand, path, params):
    status, body = stand.ask("POST", path, form=urlencode(params))
    assert status == 200, (path, body)
    return body["id"]


class Comparison:
    """Two answers, side by side. Learns which of the sandbox's names stands for which recorded one."""

    def __init__(self, request, names):
        self.request, self.names = request, names
        self.values, self.findings = 0, []

    def compare(self, recorded, answered, path):
        if isinstance(recorded, dict) and isinstance(answered, dict):
            for name in recorded.keys() - answered.keys():
                self._find("left out", f"{path}.{name}", recorded[name], "nothing")
            for name in answered.keys() - recorded.keys():
                self._find("new", f"{path}.{name}", "nothing", answered[name])
            for name in recorded:
                if name in answered:
                    self.compare(recorded[name], answered[name], f"{path}.{name}")
        elif isinstance(recorded, list) and isinstance(answered, list):
            if len(recorded) != len(answered):
                self._find("value", f"{path}.length", len(recorded), len(answered))
            for mine, theirs in zip(recorded, answered, strict=False):
                self.compare(mine, theirs, path)
        else:
            self.values += 1
            self._leaf(recorded, answered, path)

    def _leaf(self, recorded, answered, path):
        if path.endswith(".id") and isinstance(recorded, str):
            self.names.setdefault(recorded, answered)
        if recorded == answered and type(recorded) is type(answered):
            return
        if OPAQUE.search(path) and recorded is not None and answered is not None:
            return
        if isinstance(recorded, str) and isinstance(answered, str):
            if self.names.get(recorded) == answered:
                return
            if recorded not in self.names and NAME.fullmatch(recorded):
                self.names[recorded] = answered
            else:
                self._find("value", path, recorded, answered)
        elif _is_moment(recorded) and _is_moment(answered):
            if abs(recorded - answered) > SLACK_SECONDS:
                self._find("moment", path, recorded, answered)
        else:
            self._find("value", path, recorded, answered)

    def _find(self, kind, path, recorded, answered):
        found = Finding(self.request, kind, path.lstrip("."), _short(recorded), _short(answered))
        if found not in self.findings:
            self.findings.append(found)


def _detailed(one, request):
    """The request, with the kind of payment method that it makes."""
    kind = re.match(r"type=(\w+)", one["form"] or "")
    return f"{request} ({kind.group(1)})" if kind else request


def _short(value):
    return json.dumps(value, sort_keys=True)[:60]


def _is_moment(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 1_000_000_000


def _general(path):
    return re.sub(r"/(?:[a-z]+_\w*\d\w*|pm_card_\w+|abcd)(?=/|$)", "/{id}", path)


def _moment(one, before):
    """When a request was made, as near as its answer tells."""
    if one["method"] == "GET" or one["status"] != 200:
        return before
    made = [one["body"].get("created"), one["body"].get("canceled_at")]
    if isinstance(invoice := one["body"].get("latest_invoice"), dict):
        made.append(invoice.get("created"))
    return max([moment for moment in made if _is_moment(moment)] + [before])


def _moments(recording):
    """The moments at which things were made, stock aside."""
    for one in recording:
        for kind in ("customer", "subscription", "invoice"):
            if one["body"].get("object") == kind:
                yield one["body"]["created"]


def _ids(body):
    """Every name of an object in an answer."""
    return {made["id"] for made in _walk(body) if isinstance(made.get("id"), str)}


def _find(body, kind):
    return (made for made in _walk(body) if made.get("object") == kind)


def _titles(body):
    """What the products are called, told by the lines of invoices: "2 seats × It (at $1.00 / month)"."""
    for line in _find(body, "line_item"):
        told = re.match(r"\d+ (?:(\w+) )?× (.*) \(at ", line["description"] or "")
        details = ((line.get("pricing") or {}).get("price_details") or {}).get("product")
        if told and details:
            label = {"unit_label": told.group(1)} if told.group(1) else {}
            yield details, {"name": told.group(2), **label}


def _walk(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def replay_all():
    """Every recording, replayed."""
    known = recordings()
    everything = [one for recording in known.values() for one in recording]
    return [replay(name, recording, everything) for name, recording in known.items()]


def page(replays):
    """docs/sandbox-replay.md."""
    counts = [
        (one.exchanges, one.compared, one.waiting, one.values, len(one.findings), len(one.unexplained))
        for one in replays
    ]
    totals = [sum(column) for column in zip(*counts, strict=True)]
    findings = [finding for one in replays for finding in one.findings]
    return "\n".join(
        [
            _HEAD,
            *(_row(one.name, *row) for one, row in zip(replays, counts, strict=True)),
            _row("**all**", *(f"**{total}**" for total in totals)),
            "",
            "*Not reached*: the request names something that an earlier, refused request would have made.",
            "",
            "## Differences, explained",
            "",
            "| difference | where | times | why |",
            "|---|---|---|---|",
            *(
                _row(
                    known.kind, f"`{known.shown}`", sum(one.known is known for one in findings), known.reason
                )
                for known in REASONS
            ),
            "",
        ]
    )


_HEAD = """# The sandbox beside recorded traffic

Written by `.venv/bin/python -m tests.stripe.replaying`; never edited. Real test-mode traffic of Stripe (API
2025-10-29.clover and earlier) is asked of the sandbox again, in the same order and at the same moments, and
every value of every answer is compared: status, object, fields, amounts, words, moments, error codes.
Random values (names, secrets, fingerprints, addresses) are compared only by whether there is one. The
recordings themselves are not part of this project.

| recording | requests | compared | not reached | values | differences | unexplained |
|---|---|---|---|---|---|---|"""


def _row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    done = replay_all()
    if not done:
        sys.exit("The recordings are not at hand: UPKEEP_DATA names their folder.")
    left = [f"{one.name}: {finding}" for one in done for finding in one.unexplained]
    left += [f"{one.name}: {problem}" for one in done for problem in one.crooked]
    print("\n".join(left))
    print(f"{len(left)} differences are not explained.")
    Path(PAGE).write_text(page(done))
