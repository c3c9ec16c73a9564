"""What can be wrong with a call, as exceptions. Each refusal has its own, because callers act differently."""

from upkeep_sdk.verdicts import Verdict


class UpkeepError(Exception):
    """Anything that this package raises. `status` and `code` are what the caller of your API is told."""

    status = 500
    code = "INTERNAL_ERROR"
    title = "Something broke"


class Refused(UpkeepError):
    """The key may not make this call. `verdict` says all that is known, `retryable` whether waiting helps."""

    retryable = False

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.code)
        self.verdict, self.code = verdict, verdict.code

    @property
    def retry_after(self) -> int | None:
        """Seconds until the call may pass; None when no moment is known."""
        return None


class KeyRefused(Refused):
    """The key is unknown, revoked or expired, or none was shown."""

    status = 401


class Forbidden(Refused):
    """The account is suspended, or the key may not be used from here or for this."""

    status = 403


class RateLimited(Refused):
    """Too many calls at once: the same call may pass after `retry_after` seconds."""

    status, retryable = 429, True

    @property
    def retry_after(self) -> int:
        """Seconds until one more call may pass, at least 1."""
        return self.verdict.wait_seconds


class QuotaExceeded(Refused):
    """The month's units are used up: no retry helps before `resets_at`, or before the plan changes."""

    status = 429

    @property
    def retry_after(self) -> int:
        """Seconds until the billing month ends, at least 1: for a header, not for a loop."""
        return self.verdict.wait_seconds


class Unavailable(UpkeepError):
    """Upkeep is away, or cannot know right now, and the call may not pass without it."""

    status, code, title = 503, "UNAVAILABLE", "The key cannot be checked right now"
    doubtful = False
    """Whether the question was sent, so that Upkeep may have counted it all the same."""


class BadCall(UpkeepError):
    """The call itself cannot be asked about: it shows two different keys, for example."""

    status, code, title = 400, "INVALID_REQUEST", "The request is not well formed"


class Misconfigured(UpkeepError):
    """Upkeep does not take the service key, or the question: for the developer, not for the caller."""


class Ended(UpkeepError):
    """There is no such open reservation: it was ended before, it ended by itself, or it never was."""


_KINDS: dict[str, type[Refused]] = {
    "NOT_FOUND": KeyRefused,
    "REVOKED": KeyRefused,
    "EXPIRED": KeyRefused,
    "SUSPENDED": Forbidden,
    "IP_DENIED": Forbidden,
    "INSUFFICIENT_SCOPE": Forbidden,
    "RATE_LIMITED": RateLimited,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "SPEND_CAP": QuotaExceeded,
}


def refusal(verdict: Verdict) -> Refused:
    """The exception of a verdict that is not valid. A code of a newer Upkeep is Forbidden."""
    return _KINDS.get(verdict.code, Forbidden)(verdict)
