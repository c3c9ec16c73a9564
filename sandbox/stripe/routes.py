"""Routes: which endpoint answers an address, and which parameters it knows."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.stripe.errors import unrecognized
from sandbox.stripe.shapes import Kind, Many, Shape, Text

Endpoint = Callable[..., dict[str, Any]]
E = TypeVar("E", bound=Endpoint)


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    path: str
    shape: Shape
    endpoint: Endpoint


ROUTES: list[Route] = []


def route(method: str, path: str, shape: Shape | None = None) -> Callable[[E], E]:
    """Let a function answer `method path`: it is given the world, the parameters and the path's names."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    known: dict[str, Kind] = {**(shape or {}), "expand": Many(Text())}

    def register(endpoint: E) -> E:
        ROUTES.append(Route(method, pattern, path, known, endpoint))
        return endpoint

    return register


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route for an address; StripeError 404 when nobody answers it."""
    for candidate in ROUTES:
        if candidate.method == method and (match := candidate.pattern.fullmatch(path)):
            return candidate, match.groupdict()
    raise unrecognized(method, path)
