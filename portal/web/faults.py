"""Faults: how refusals and errors are shown, to people as pages and under /v1 as problems."""

import structlog
from flask import Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from portal import billing
from portal.kit import problems
from portal.kit.errors import Conflict, Exhausted, Forbidden, Invalid, Missing, Refusal
from portal.web import site, typed

STATUSES: dict[type[Refusal], int] = {
    Missing: 404,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 422,
    Exhausted: 429,
    billing.StripeAway: 503,
}
TITLES = {
    400: "That request could not be read",
    401: "Sign in first",
    403: "That is not allowed",
    404: "Not found",
    405: "That cannot be done here",
    409: "Nothing was changed",
    413: "That is too large",
    415: "That kind of content is not taken here",
    422: "Something needs another look",
    429: "Too much, for now",
    500: "Something broke",
    503: "Not available right now",
}
CODES = {  # as the edge calls them
    400: "INVALID_REQUEST",
    404: "NO_SUCH_ROUTE",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
}
SENTENCES = {
    404: "There is no such page, or it is not yours to see.",
    405: "This address does not take that kind of request.",
    413: "What you sent is longer than is taken here. Nothing was kept.",
    429: "You have asked for this very often. Wait a little, then try again.",
    500: "The fault is ours and has been noted. What you sent was not saved; try again in a moment.",
    503: "Upkeep cannot reach what it needs. Try again in a moment.",
}
log = structlog.get_logger(__name__)


def init(app: Flask) -> None:
    """Show every refusal and error in one way."""

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        status = next(STATUSES[kind] for kind in type(refusal).mro() if kind in STATUSES)
        return _answer(status, refusal.sentence, refusal.code)

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        sentence = "This form is too old, or did not come from this site. Open the page again and repeat it."
        return _answer(400, sentence, "form_expired")

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response | HTTPException:
        if error.response is not None:  # a redirect that Werkzeug raised
            return error
        status = error.code or 500
        sentence = SENTENCES.get(status, error.description or "")
        if status == 413:
            sentence = _how_large() or sentence
        answer = _answer(status, sentence, error.name.lower().replace(" ", "_"))
        if isinstance(error, MethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return answer

    @app.errorhandler(DataError)
    def unheard_of(error: DataError) -> Response:
        log.info("no column can hold what was asked for", path=request.path, problem=str(error.orig))
        _begin_anew()
        if request.method in ("GET", "HEAD"):  # nothing of ours has such a number
            return _answer(404, SENTENCES[404], "not_found")
        return _answer(400, "A number in it is too large to be kept. Nothing was changed.", "invalid_request")

    @app.errorhandler(Exception)
    def broke(error: Exception) -> Response:
        log.exception("request broke", path=request.path)
        _begin_anew()
        return _answer(500, SENTENCES[500], "internal_error")


def _how_large() -> str | None:
    """How much is taken, where it was all of the body that is too much; a single text may be too long too."""
    most = request.max_content_length
    if most is None or (request.content_length or 0) <= most:
        return None
    return f"What you sent is larger than the {most / 10**6:.0f} MB that are taken here. Nothing was kept."


def _begin_anew() -> None:
    """Let go of a transaction that may be broken: the page that says so asks the database too."""
    try:
        site.session().rollback()
    except SQLAlchemyError as problem:
        log.warning("the database could not be left either", problem=str(problem))


def _answer(status: int, sentence: str, code: str) -> Response:
    title = TITLES.get(status, "That did not work")
    if request.path.startswith("/v1/"):
        return _problem(status, title, sentence, code)
    written = typed.written()
    page = render_template(
        "errors/error.html", status=status, title=title, sentence=sentence, written=written
    )
    return Response(page, status)


def _problem(status: int, title: str, sentence: str, code: str) -> Response:
    body = problems.document(
        status,
        CODES.get(status, code.upper()),
        title,
        sentence,
        request_id=_request_id(),
        docs_url=f"{site.settings().public_url}/docs",
    )
    return Response(body, status, {"X-Request-Id": _request_id()}, content_type=problems.MEDIA_TYPE)


def _request_id() -> str:
    return str(g.get("request_id", ""))
