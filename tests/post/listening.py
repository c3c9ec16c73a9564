"""The listener in this process, on a free port, and people who write to it."""

import asyncio
import smtplib
import threading
from dataclasses import replace
from email.message import EmailMessage

from portal.kit import replies
from portal.kit.replies import ReplyAddress
from portal.kit.settings import Post
from portal.post.limits import Limits
from portal.post.listener import listen

ADDRESS = ReplyAddress("reply", "in.example.org")
TICKET, ALICE = "tkt_" + "0" * 26, "per_" + "1" * 26


class Listening:
    """Runs the listener on a thread of its own; use with `with`. `.limits` are those it goes by."""

    def __init__(self, settings, sessions, *, certificate=None, key=None, **limits):
        self.settings = replace(settings, post=Post(ADDRESS, certificate=certificate, certificate_key=key))
        self.sessions = sessions
        self.seconds = 0.0
        self.limits = Limits(lambda: self.seconds, **limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(listen(self.settings, self.sessions, self.limits, port=0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    def line(self, host="127.0.0.1"):
        """A conversation that has begun."""
        line = smtplib.SMTP(host, self.port, timeout=20)
        line.ehlo("client.example.com")
        return line

    def address(self, thread_id=TICKET, reader_id=ALICE, secret=None):
        """The address with which somebody may answer in a thread."""
        return ADDRESS.with_token(replies.seal(secret or self.settings.secret_key, thread_id, reader_id))

    def send(self, message, to=None, sender="alice@example.com"):
        """Send a letter, as a mail server does; refusals are smtplib's."""
        raw = message if isinstance(message, bytes) else message.as_bytes()
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as line:
            return line.sendmail(sender, [to or self.address()], raw)


def letter(text="It works now.", *, author="Alice <alice@example.com>", **headers):
    """A letter as a person's program writes it."""
    message = EmailMessage()
    message["From"] = author
    message["To"] = "reply@in.example.org"
    message["Subject"] = "Re: It does not work"
    message["Message-ID"] = "<1@client.example.com>"
    for name, value in headers.items():
        del message[name.replace("_", "-")]
        if value is not None:
            message[name.replace("_", "-")] = value
    message.set_content(text)
    return message
