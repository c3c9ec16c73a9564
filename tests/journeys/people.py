"""The people of the journeys: a customer, the operator, and the program that calls with a key."""

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from html import unescape

from deploy.local.process import wait_until

PASSWORD = "correct horse battery staple 9"
LETTER_SECONDS, LOOK_SECONDS = 90, 0.5
LINK = re.compile(r"https?://\S+")


@dataclass
class Customer:
    """Somebody at a browser who signs up, makes keys and looks at pages."""

    page: object
    url: str
    email: str

    def sign_up(self, name, organisation):
        self.page.goto(self.url)
        self.page.get_by_role("link", name="Sign up").first.click()
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_label("Organisation").fill(organisation)
        self.page.get_by_role("button", name="Sign up").click()
        self.page.get_by_text(self.email).first.wait_for()

    def verify(self, link):
        self.page.goto(link)
        self.page.get_by_role("main").get_by_role("button").first.click()
        self.page.wait_for_url("**/dashboard")

    def sign_in(self):
        """Sign in again, as after some hours."""
        self.page.goto(f"{self.url}/login")
        if self.page.url.endswith("/dashboard"):
            return
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/dashboard")

    def create_key(self, name):
        """Create a key on its page; the key, which is shown once."""
        self.page.goto(f"{self.url}/keys")
        form = self.page.get_by_role("button", name="Create key")
        if not self.page.get_by_label("Name").first.is_visible():
            self.page.get_by_role("link", name="Create key").first.click()
        self.page.get_by_label("Name").first.fill(name)
        form.last.click()
        shown = self.page.get_by_text(re.compile(r"^upk_(live|test)_\w{46}$")).first
        return shown.inner_text()

    def words(self, path):
        """What a page says, when all of it is there."""
        self.page.goto(self.url + path)
        return self.page.get_by_role("main").inner_text()


@dataclass
class Operator:
    """Whoever runs the platform, signed in by the link that the command line printed."""

    page: object
    url: str

    def sign_in(self, link):
        self.page.goto(link)
        self.page.get_by_role("main").get_by_role("button").first.click()
        self.page.wait_for_url("**/operator")

    def letter(self, to, subject):
        """The text of the newest letter to somebody whose subject holds these words."""
        self.await_letters(to, subject, lambda count: count > 0)
        self.page.goto(f"{self.url}/operator/letters")
        found = self.page.get_by_role("row").filter(has_text=to).filter(has_text=subject)
        found.first.get_by_role("link").first.click()
        return self.page.get_by_role("main").inner_text()

    def await_letters(self, to, subject, enough, seconds=LETTER_SECONDS):
        """Wait until the number of such letters is enough. Looked for without drawing the page each time."""
        found = wait_until(lambda: enough(self.count_letters(to, subject)), seconds, every=LOOK_SECONDS)
        assert found, f"letters to {to}: {self.count_letters(to, subject)} of {subject}"

    def count_letters(self, to, subject):
        listed = unescape(self.page.request.get(f"{self.url}/operator/letters").text())
        return sum(to in row and subject in row for row in listed.split("<tr")[1:])


@dataclass
class Program:
    """What calls the protected API with a customer's key, and the API that asks Upkeep about it."""

    url: str
    service_key: str
    key: str

    def verify(self, cost=1, endpoint="GET /memories"):
        """Ask `POST /v1/keys/verify`: its answer."""
        body = {"key": self.key, "cost": cost, "endpoint": endpoint}
        status, _, answer = self._ask("/v1/keys/verify", json.dumps(body).encode())
        assert status == 200, (status, answer)
        return json.loads(answer)

    def authorize(self):
        """Ask `GET /v1/authorize` as a proxy does: the status and the headers."""
        status, headers, _ = self._ask("/v1/authorize", None, {"X-API-Key": self.key})
        return status, headers

    def call(self, cost=1, endpoint="GET /memories"):
        """Make one call, again while it comes too fast; the last answer."""
        answers = []

        def answered():
            answers.append(self.verify(cost, endpoint))
            return answers[-1]["code"] != "RATE_LIMITED"

        assert wait_until(answered, 20), answers[-1]
        return answers[-1]

    def _ask(self, path, body, headers=None):
        mine = {"Content-Type": "application/json"}
        mine |= headers or {"Authorization": f"Bearer {self.service_key}"}
        mine |= {"X-Upkeep-Service-Key": self.service_key} if headers else {}
        request = urllib.request.Request(self.url + path, body, mine)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()


def first_link(text):
    """The first address in a letter."""
    return LINK.search(text).group()


def last_line(printed):
    return printed.strip().splitlines()[-1]
