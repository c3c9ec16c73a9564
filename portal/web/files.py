"""Files, as they come in with a form and go out again: never shown in place, always downloaded."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from flask_login import current_user
from werkzeug.http import dump_options_header

from portal import support

View = TypeVar("View", bound=Callable[..., Any])
FORM_BYTES = 1 << 20  # what a form may take beside its files
LIMIT = support.FILES * support.FILE_BYTES + FORM_BYTES
SANDBOX = "default-src 'none'; sandbox"
TAKEN = {
    "accept": ",".join(f".{ending}" for ending in support.KNOWN_FILES.replace(" and ", ", ").split(", ")),
    "data_most_files": support.FILES,
    "data_most_bytes": support.FILE_BYTES,
}
"""What a field for files is told, so that the browser says what the server would refuse."""


def taken(view: View) -> View:
    """A view whose form may bring files, and so may be larger than others; from people signed in alone."""
    return up_to(LIMIT)(view)


def up_to(limit: int) -> Callable[[View], View]:
    """The same, with a limit of its own for all that the form brings, in bytes."""

    def widen(view: View) -> View:
        view.takes_bytes = limit  # type: ignore[attr-defined]
        return view

    return widen


def init(app: Flask) -> None:
    """Widen the limit of a request before anything reads its body."""

    @app.before_request
    def widen() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        limit: int | None = getattr(view, "takes_bytes", None)
        if request.method == "POST" and limit is not None and current_user.is_authenticated:
            request.max_content_length = limit


def sent(name: str = "files") -> list[support.File]:
    """The files that a form brought; a field that was left empty brings none."""
    return [
        support.File(one.filename, one.stream.read(support.FILE_BYTES + 1))
        for one in request.files.getlist(name)[: support.FILES + 1]
        if one.filename
    ]


def answer(file: support.Attachment) -> Response:
    """A file as a download: the browser keeps it, and shows nothing of it here."""
    named = dump_options_header("attachment", {"filename": file.name})
    response = Response(file.content, content_type=file.content_type)
    response.headers["Content-Disposition"] = named
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
