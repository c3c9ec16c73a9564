"""A real mail server in this process, which can refuse, cut the line, and say what it took."""

import asyncio
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class PostOffice:
    """`taken` are the messages accepted. `answers` gives another answer to a command: RCPT, DATA, END...

    An answer None cuts the connection instead.
    """

    taken: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    sign_ins: list = field(default_factory=list)
    port: int = 0

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"


class Clerk:
    """Takes whole messages, unless the post office answers END otherwise."""

    def __init__(self, office):
        self.office = office

    async def handle_DATA(self, server, session, envelope):
        answer = self.office.answers.get("END", "250 taken")
        if answer is None or answer.startswith("250"):
            message = message_from_bytes(envelope.content, policy=default)
            self.office.taken.append((envelope.rcpt_tos, message))
        if answer is None:
            server.transport.abort()
            return "250 never heard"
        return answer


class Counter(SMTP):
    """aiosmtpd's protocol, with the post office's answers in its place."""

    def __init__(self, office, **options):
        super().__init__(Clerk(office), **options)
        self.office = office

    async def _answered(self, command):
        if command not in self.office.answers:
            return False
        if (answer := self.office.answers[command]) is None:
            self.transport.abort()
        else:
            await self.push(answer)
        return True

    async def smtp_EHLO(self, hostname):
        if not await self._answered("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg):
        if not await self._answered("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        if not await self._answered("RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        if self.office.answers.get("BODY", "") is None:
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
        elif not await self._answered("DATA"):
            await super().smtp_DATA(arg)


class Opening:
    """Runs a post office on a thread of its own; use with `with`."""

    def __init__(self, *, tls=None, implicit_tls=False, user=None):
        self.office = PostOffice()
        self._tls, self._implicit, self._user = tls, implicit_tls, user
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self.office

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._counter, "127.0.0.1", 0, ssl=self._tls if self._implicit else None)
        )
        self.office.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    def _counter(self):
        return Counter(
            self.office,
            hostname="post.test",
            enable_SMTPUTF8=True,
            tls_context=None if self._implicit else self._tls,
            require_starttls=bool(self._tls) and not self._implicit,
            auth_required=bool(self._user),
            auth_require_tls=bool(self._tls) and not self._implicit,
            authenticator=self._authenticate if self._user else None,
            loop=self._loop,
        )

    def _authenticate(self, server, session, envelope, mechanism, login):
        self.office.sign_ins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=self.office.sign_ins[-1] == self._user, handled=False)
