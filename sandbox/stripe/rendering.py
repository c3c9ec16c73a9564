"""Rendering: how a stored object looks from outside."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.stripe.store import Obj

if TYPE_CHECKING:
    from sandbox.stripe.world import World

HYDRATE: dict[str, "Callable[[World, Obj], None]"] = {}
"""For each kind that shows what others hold: how to fill it in. Changes the copy that it is given."""


def render(world: "World", obj: Obj) -> Obj:
    """A copy without what is ours alone (names that begin with _), with what others hold filled in."""
    shown = _bare(obj)
    assert isinstance(shown, dict)
    if hydrate := HYDRATE.get(str(obj.get("object"))):
        hydrate(world, shown)
    return shown


def listed(data: list[Any], url: str, *, has_more: bool = False, total: int | None = None) -> Obj:
    """A list, as Stripe shows one."""
    shown: Obj = {"object": "list", "data": data, "has_more": has_more, "url": url}
    if total is not None:
        shown["total_count"] = total
    return shown


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(inner) for key, inner in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return value
