"""A watch on what is said between us and Stripe: each request and object is held to its description."""

import json
from urllib.parse import urlsplit

import stripe

from tests.stripe.data import description
from tests.stripe.openapi import expanded


class Watched(stripe.RequestsClient):
    """The library's own HTTP client; AssertionError when something is not as Stripe describes it.

    `refusable` says that crooked requests are meant: they must then be refused. `.problems` keeps what was
    found, because an AssertionError may be caught on its way. Without Stripe's description it only carries.
    """

    def __init__(self, *, refusable=False, timeout=10):
        super().__init__(timeout=timeout)
        self.refusable = refusable
        self.described = description()
        self.problems = []
        self.seen = 0

    def request(self, method, url, headers, post_data=None, **more):
        crooked = self._request(method, url, post_data or "") if self.described else []
        if crooked and not self.refusable:
            self._report(crooked)
        body, status, answered = super().request(method, url, headers, post_data, **more)
        if self.described:
            if crooked and status < 400:
                self._report(["answered, although", *crooked])
            if not crooked or status >= 400:
                self._report(self._answer(method, url, post_data or "", json.loads(body), status))
        return body, status, answered

    def told(self, raw):
        """Hold a webhook's body to the description."""
        if self.described:
            self._report([*self.described.object_problems(body := json.loads(raw)), *self._within(body)])

    def _request(self, method, url, form):
        parts = urlsplit(url)
        return self.described.request_problems(method.upper(), parts.path, parts.query, form)

    def _answer(self, method, url, form, body, status):
        self.seen += 1
        parts = urlsplit(url)
        paths = expanded(parts.query, form)
        if status >= 400 and self.described.operation(method.upper(), parts.path) is None:
            return []
        found = self.described.answer_problems(method.upper(), parts.path, body, expand=paths, status=status)
        events = body.get("data", []) if body.get("object") == "list" else [body]
        return found + [problem for event in events for problem in self._within(event)]

    def _within(self, body):
        if not isinstance(body, dict) or body.get("object") != "event":
            return []
        return self.described.object_problems(body["data"]["object"])

    def _report(self, problems):
        if problems:
            self.problems.extend(map(str, problems))
            raise AssertionError("Not as Stripe describes it:\n  " + "\n  ".join(map(str, problems)))
