"""Forms: Stripe's bracketed bodies, as nested values."""

from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import malformed


def parse(body: str) -> dict[str, Any]:
    """Turn `items[0][price]=x&expand[]=y` into nested dicts and lists of strings."""
    tree: dict[str, Any] = {}
    try:
        pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError:
        raise malformed("Invalid request: unable to parse the form-encoded body.", "") from None
    for name, value in pairs:
        _put(tree, _path(name), value, name)
    return {key: _settle(value, key) for key, value in tree.items()}


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [name]
    if not rest.endswith("]") or not head:
        raise malformed(f"Invalid parameter name: {name}", name)
    return [head, *rest[:-1].split("][")]


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for step in path[:-1]:
        if not isinstance(tree, dict):
            raise malformed(f"Invalid object: {name}", name)
        inner = tree.setdefault(step if step else _next(tree), {})
        if not isinstance(inner, dict):
            raise malformed(f"Invalid object: {name}", name)
        tree = inner
    last = path[-1] if path[-1] else _next(tree)
    if isinstance(tree.get(last), dict):
        raise malformed(f"Invalid object: {name}", name)
    tree[last] = value


def _next(tree: dict[str, Any]) -> str:
    return str(sum(1 for key in tree if key.isdecimal()))


def _settle(value: Any, name: str) -> Any:
    """Hashes whose names are all numbers are lists."""
    if not isinstance(value, dict):
        return value
    settled = {key: _settle(inner, f"{name}[{key}]") for key, inner in value.items()}
    if settled and all(key.isdecimal() for key in settled):
        return [settled[key] for key in sorted(settled, key=int)]
    return settled
