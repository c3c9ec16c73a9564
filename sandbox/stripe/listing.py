"""Listing: pages of objects, newest first, with cursors."""

from collections.abc import Callable
from typing import Any

from sandbox.stripe.errors import exclusive, missing
from sandbox.stripe.rendering import listed
from sandbox.stripe.shapes import Hash, Integer, Kind, Moment, Shape, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import NOUNS, World

PAGE: dict[str, Kind] = {"limit": Integer(1, 100), "starting_after": Text(), "ending_before": Text()}


class Span(Kind):
    """A moment, or a hash of gt, gte, lt and lte."""

    def value(self, value: Any, name: str) -> Any:
        bounds = {word: Moment() for word in ("gt", "gte", "lt", "lte")}
        return (Hash(bounds) if isinstance(value, dict) else Moment()).value(value, name)


def shape(**more: Kind) -> Shape:
    """The parameters of a list, with the filters of this one."""
    return {**PAGE, **more}


def page(
    world: World,
    params: Obj,
    kind: str,
    url: str,
    *,
    keep: Callable[[Obj], bool] = lambda obj: True,
    fields: Obj | None = None,
    **more: Any,
) -> Obj:
    """One page of the objects of a kind that have these fields and pass `keep`."""
    if "starting_after" in params and "ending_before" in params:
        raise exclusive("starting_after", "ending_before")
    limit = params.get("limit", 10)
    backwards = "ending_before" in params
    cursor: dict[str, int] = {}
    for name, side in (("starting_after", "before"), ("ending_before", "after")):
        if name in params:
            row = world.store.get(params[name])
            place = world.store.place(params[name])
            if row is None or row[0] != kind or place is None:
                raise missing(NOUNS.get(kind, kind), params[name], name)
            cursor[side] = place
    given = {name: value for name, value in {**(fields or {}), **more}.items() if value is not None}
    found = []
    for _, obj in world.store.walk(kind, oldest_first=backwards, **cursor, **given):
        if "created" in params and not within(obj.get("created", obj.get("date")), params["created"]):
            continue
        if keep(obj):
            found.append(obj)
            if len(found) > limit:
                break
    shown = found[:limit]
    if backwards:
        shown.reverse()
    return listed(shown, url, has_more=len(found) > limit)


def within(moment: Any, span: Any) -> bool:
    """Whether a moment lies in what a `created` filter asks for."""
    if not isinstance(span, dict):
        return bool(moment == span)
    tests = {
        "gt": lambda bound: moment > bound,
        "gte": lambda bound: moment >= bound,
        "lt": lambda bound: moment < bound,
        "lte": lambda bound: moment <= bound,
    }
    return all(tests[word](bound) for word, bound in span.items())
