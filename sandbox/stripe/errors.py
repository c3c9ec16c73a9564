"""Errors, in Stripe's envelope."""

from typing import Any


class StripeError(Exception):
    """A refusal as Stripe words it.

    `keep` says that what was done before it stands (a declined attempt is a fact);
    `started` says that the endpoint had begun, so that an idempotency key remembers the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        started: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.keep = keep
        self.started = started
        self.more = more

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON that Stripe would answer."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        error.update(self.more)
        if self.status != 401:  # a stranger has no logs
            error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(noun: str, value: str, param: str, *, status: int = 400) -> StripeError:
    """There is no such thing: 404 when the address named it, 400 when a parameter did."""
    return StripeError(f"No such {noun}: '{value}'", status=status, code="resource_missing", param=param)


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """The request is well formed and still makes no sense."""
    return StripeError(message, param=param, code=code)


def malformed(message: str, param: str, code: str | None = None) -> StripeError:
    """A parameter failed its check, before anything began."""
    return StripeError(message, param=param, code=code, started=False)


def exclusive(*params: str) -> StripeError:
    """Two parameters that shut each other out."""
    return StripeError(
        f"You may only specify one of these parameters: {', '.join(params)}.",
        code="parameters_exclusive" if len(params) else None,
        param=params[0],
        started=False,
    )


def absent(param: str) -> StripeError:
    """A parameter that may not be left out."""
    return StripeError(
        f"Missing required param: {param}.", code="parameter_missing", param=param, started=False
    )


def unrecognized(method: str, path: str) -> StripeError:
    """An address that nobody answers."""
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
        started=False,
    )
