"""Shapes: which parameters an endpoint knows, and what their values may be."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from sandbox.stripe.errors import StripeError, absent, malformed


class Kind:
    """What a parameter may be. `clear` says that an empty string unsets it (and reads as None)."""

    def __init__(self, *, clear: bool = False, required: bool = False) -> None:
        self.clear = clear
        self.required = required

    def read(self, value: Any, name: str) -> Any:
        if value == "":
            if self.clear:
                return None
            raise malformed(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request "
                "or supply a non-empty value.",
                name,
                "parameter_invalid_empty",
            )
        return self.value(value, name)

    def value(self, value: Any, name: str) -> Any:
        raise NotImplementedError


Shape: TypeAlias = Mapping[str, Kind]


class Text(Kind):
    """A string of at most `most` characters."""

    def __init__(self, *, most: int = 5000, clear: bool = False, required: bool = False) -> None:
        super().__init__(clear=clear, required=required)
        self.most = most

    def value(self, value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise malformed("Invalid string: {...}", name)
        if len(value) > self.most:
            raise malformed(
                f"Invalid string: {value[:5]}...{value[-5:]}; must be at most {self.most} characters", name
            )
        return value


class Email(Text):
    """An address of the form that Stripe lets pass."""

    def value(self, value: Any, name: str) -> str:
        text = super().value(value, name)
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
            raise malformed(f"Invalid email address: {text}", name, "email_invalid")
        return text


class Url(Text):
    """A web address."""

    def value(self, value: Any, name: str) -> str:
        text = super().value(value, name)
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https"):
            raise malformed("Not a valid URL", name, "url_invalid")
        if not parts.hostname:
            raise malformed("Not a valid URL", name, "url_invalid")
        return text


class Integer(Kind):
    """A whole number between two bounds."""

    def __init__(
        self,
        low: int | None = None,
        high: int | None = None,
        *,
        clear: bool = False,
        required: bool = False,
    ) -> None:
        super().__init__(clear=clear, required=required)
        self.low, self.high = low, high

    def value(self, value: Any, name: str) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"[+-]?\d{1,18}", value):
            shown = value if isinstance(value, str) else "{...}"
            raise malformed(f"Invalid integer: {shown}", name, "parameter_invalid_integer")
        number = int(value)
        if self.low is not None and number < self.low:
            raise malformed(
                f"This value must be greater than or equal to {self.low}.", name, "parameter_invalid_integer"
            )
        if self.high is not None and number > self.high:
            raise malformed(
                f"This value must be less than or equal to {self.high}.", name, "parameter_invalid_integer"
            )
        return number


class Number(Kind):
    """A decimal number."""

    def value(self, value: Any, name: str) -> Decimal:
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError):
            raise malformed(f"Invalid decimal: {value}", name) from None
        if not number.is_finite():
            raise malformed(f"Invalid decimal: {value}", name)
        return number


class Boolean(Kind):
    """`true` or `false`."""

    def value(self, value: Any, name: str) -> bool:
        if value not in ("true", "false"):
            shown = value if isinstance(value, str) else "{...}"
            raise malformed(f"Invalid boolean: {shown}", name)
        return bool(value == "true")


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *choices: str, clear: bool = False, required: bool = False) -> None:
        super().__init__(clear=clear, required=required)
        self.choices = choices

    def value(self, value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise malformed(f"Invalid {name}: must be {_either(self.choices)}", name)
        return value


class Moment(Integer):
    """A moment in whole seconds, or one of a few words."""

    def __init__(self, *words: str, clear: bool = False, required: bool = False) -> None:
        super().__init__(0, 4_102_444_800, clear=clear, required=required)
        self.words = words

    def value(self, value: Any, name: str) -> Any:
        if value in self.words:
            return value
        return super().value(value, name)


class Hash(Kind):
    """A hash of known names."""

    def __init__(self, shape: Shape, *, clear: bool = False, required: bool = False) -> None:
        super().__init__(clear=clear, required=required)
        self.shape = shape

    def value(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise malformed("Invalid object", name)
        return check(self.shape, value, name)


class Many(Kind):
    """A list."""

    def __init__(
        self, kind: Kind, *, most: int | None = None, clear: bool = False, required: bool = False
    ) -> None:
        super().__init__(clear=clear, required=required)
        self.kind, self.most = kind, most

    def value(self, value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise malformed("Invalid array", name)
        if self.most is not None and len(value) > self.most:
            raise malformed(f"Array must have at most {self.most} elements", name)
        return [self.kind.read(item, f"{name}[{index}]") for index, item in enumerate(value)]


class Metadata(Kind):
    """Free names and values: at most 50, of 40 and 500 characters. An empty value removes a name."""

    def __init__(self, *, clear: bool = True, required: bool = False) -> None:
        super().__init__(clear=clear, required=required)

    def value(self, value: Any, name: str) -> dict[str, str]:
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if not isinstance(value, dict):
            raise malformed("Invalid metadata: metadata must be a set of key-value pairs.", name)
        if len(value) > 50:
            raise malformed("You can only have up to 50 metadata keys.", name)
        for key, text in value.items():
            inner = f"{name}[{key}]"
            if not isinstance(text, str):
                raise malformed("Invalid metadata value: values must be strings.", inner)
            if len(key) > 40:
                raise malformed("Metadata keys can have up to 40 characters.", inner)
            if len(text) > 500:
                raise malformed("Metadata values can have up to 500 characters.", inner)
        return dict(value)


class Gone(Kind):
    """What Stripe took away, with the code that it answers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__()
        self.code, self.message = code, message

    def read(self, value: Any, name: str) -> Any:
        raise malformed(self.message, name, self.code)


NO_PAYMENT_METHOD_TYPES = Gone(
    "payment_method_types_no_longer_supported",
    "The `payment_method_types` parameter is no longer supported. Remove it to use dynamic payment "
    "methods, or use "
    "`allowed_payment_method_types` or `excluded_payment_method_types`.",
)


def check(shape: Shape, params: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    """Read every parameter by its kind; StripeError names the first that is unknown or wrong."""

    def named(name: str) -> str:
        return f"{inside}[{name}]" if inside else name

    if unknown := [name for name in params if name not in shape]:
        names = ", ".join(named(name) for name in unknown)
        plural = "s" if len(unknown) > 1 else ""
        raise StripeError(
            f"Received unknown parameter{plural}: {names}",
            code="parameter_unknown",
            param=named(unknown[0]),
            started=False,
        )
    for name, kind in shape.items():
        if kind.required and name not in params:
            raise absent(named(name))
    return {name: shape[name].read(value, named(name)) for name, value in params.items()}


def _either(words: tuple[str, ...]) -> str:
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"one of {words[0]} or {words[1]}"
    return f"one of {', '.join(words[:-1])}, or {words[-1]}"
