"""Headers: what every answer tells the browser to refuse."""

from collections.abc import Sequence

from flask import Flask, Response, g, request

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
YEAR = 365 * 86_400


def init(app: Flask, *, secure: bool, led_to: Sequence[str] = ()) -> None:
    """Set the security headers on every answer; forms may lead to this site and to `led_to` (origins)."""
    policy = POLICY.replace("form-action 'self'", " ".join(("form-action 'self'", *led_to)))

    @app.after_request
    def harden(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if secure:
            headers["Strict-Transport-Security"] = f"max-age={YEAR}"
        if request.endpoint != "static":
            response.vary.update(("Cookie", "HX-Request"))
            if g.get("person") is not None or request.method != "GET":
                headers["Cache-Control"] = "no-store"
        return response
