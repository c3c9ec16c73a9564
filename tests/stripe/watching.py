"""A watch on what is said between us and Stripe: each request and object is held to its description."""

import json
from urllib.parse import urlsplit

import requests

from tests.stripe.data import description
from tests.stripe.openapi import expanded


class Watched(requests.Session):
    """The transport of the library's HTTP client; AssertionError when something is not as described.

    Give it to `gateway.Stripe(payments, transport=...)` or `stripe.RequestsClient(session=...)`. The library
    turns the error into a connection error that quotes it, so `.problems` keeps what was found and the
    fixture looks there at the end. `refusable` says that crooked requests are meant: they must then be
    refused. `gently` only keeps what it finds. Without Stripe's description it only carries.
    """

    def __init__(self, *, refusable=False, gently=False):
        super().__init__()
        self.trust_env = False
        self.refusable, self.gently = refusable, gently
        self.described = description()
        self.problems = []
        self.watched = 0
        self.answered = []

    def send(self, request, **more):
        if self.described is None:
            return super().send(request, **more)
        parts, form = urlsplit(request.url), _text(request.body)
        crooked = self.described.request_problems(request.method, parts.path, parts.query, form)
        if crooked and not self.refusable:
            self._report(crooked)
        reply = super().send(request, **more)
        if reply.status_code < 400:
            self.answered.append((request.method, parts.path))
        if crooked and reply.status_code < 400:
            self._report([f"{reply.status_code} was answered, although", *crooked])
        if self.described.operation(request.method, parts.path):
            self.watched += 1
            self._report(self._answer(request.method, parts, form, reply))
        return reply

    def told(self, raw):
        """Hold the body of a webhook to the description."""
        if self.described:
            self.watched += 1
            event = json.loads(raw)
            self._report([*self.described.object_problems(event), *self._within(event)])

    def _answer(self, method, parts, form, reply):
        body, paths = reply.json(), expanded(parts.query, form)
        found = self.described.answer_problems(
            method, parts.path, body, expand=paths, status=reply.status_code
        )
        events = body.get("data", []) if body.get("object") == "list" else [body]
        return found + [problem for event in events for problem in self._within(event)]

    def _within(self, body):
        """What is crooked in the object that an event carries."""
        if body.get("object") != "event":
            return []
        return self.described.object_problems(body["data"]["object"])

    def _report(self, problems):
        if problems:
            self.problems.append("; ".join(map(str, problems)))
            if not self.gently:
                raise AssertionError("Not as Stripe describes it: " + self.problems[-1])


def _text(body):
    return body.decode() if isinstance(body, bytes) else body or ""
