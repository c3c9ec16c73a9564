"""Upkeep before any WSGI application: Django, Bottle, Pyramid, or your own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from upkeep_sdk import answers
from upkeep_sdk.client import Client
from upkeep_sdk.errors import UpkeepError
from upkeep_sdk.passing import Counted, Passage, Templates, Terms, enter, exempts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

VERDICT = "upkeep.verdict"


class Guard:
    """Lets only calls with a key that may pass through to `application`.

    `endpoints` are the templates that calls are counted by, `exempt` paths that need no key (`/health`,
    `/static/*`). The application finds the verdict in `environ["upkeep.verdict"]`.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        client: Client | None = None,
        *,
        endpoints: Sequence[str] = (),
        exempt: Sequence[str] = (),
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        count: Counted = "every",
    ) -> None:
        self._application, self._client = application, client or Client()
        self._templates, self._exempt = Templates(endpoints), tuple(exempt)
        self._terms = Terms(cost, meter, tuple(scopes), count)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if exempts(self._exempt, path):
            return self._application(environ, start_response)
        try:
            passage = enter(
                self._client,
                self._terms,
                authorization=environ.get("HTTP_AUTHORIZATION"),
                api_key=environ.get("HTTP_X_API_KEY"),
                endpoint=self._templates.find(environ["REQUEST_METHOD"], path),
                ip=environ.get("REMOTE_ADDR"),
            )
        except UpkeepError as problem:
            reply = answers.reply(problem, self._client.url)
            start_response(reply.line, reply.headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]
        environ[VERDICT] = passage.verdict
        return _Guarded(self._application, environ, start_response, passage)


class _Guarded:
    """The application's answer on its way out, with the limit headers; left when it is over."""

    def __init__(
        self,
        application: "WSGIApplication",
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        passage: Passage,
    ) -> None:
        self._passage, self._start_response = passage, start_response
        self._status: int | None = None
        try:
            self._body = application(environ, self._start)
        except BaseException:
            passage.leave(None)
            raise

    def _start(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
        self._status = int(status[:3])
        return self._start_response(status, [*headers, *self._passage.headers], *error)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except BaseException:
            self._passage.leave(None)
            raise

    def close(self) -> None:
        try:
            if (close := getattr(self._body, "close", None)) is not None:
                close()
        finally:
            self._passage.leave(self._status)
