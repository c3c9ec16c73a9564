"""Refusals: the ways in which the product says no.

Each carries a sentence that a customer may read. The web maps them to statuses, the worker to
"do not retry", the command line to exit 1. A bug is asserted, never refused.
"""


class Refusal(Exception):
    """The base of every refusal; `str()` of it is the sentence, `code` a stable word for machines."""

    code = "refused"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class Missing(Refusal):
    """It does not exist, or not for whom is asking."""

    code = "missing"


class Forbidden(Refusal):
    """It exists, and this person may not do that with it."""

    code = "forbidden"


class Conflict(Refusal):
    """The present state does not allow it: taken, ended, drawn for another account."""

    code = "conflict"


class Exhausted(Refusal):
    """A limit is reached: of the plan, or of how often something may be asked."""

    code = "exhausted"


class Invalid(Refusal):
    """What was given cannot be used; `field` names the form field, when there is one."""

    code = "invalid"

    def __init__(self, sentence: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.field = field
