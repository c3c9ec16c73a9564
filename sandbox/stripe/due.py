"""What became due: done one by one, each at its own moment, in order."""

from collections.abc import Callable

from sandbox.stripe.store import Obj, Store
from sandbox.stripe.world import World

MOVES: dict[str, Callable[[World, Obj], None]] = {}
"""For each kind that time moves: what to do when its moment has come. It must move the moment on."""


MOST_STEPS = 10
"""At one moment, for one thing. More would be a circle."""


def run(store: Store, now: int, base: str) -> None:
    """Bring everything up to `now`."""
    before: tuple[int, str] = (0, "")
    times = 0
    while (found := store.due(now)) is not None:
        at, kind, id = found
        times = times + 1 if before == (at, id) else 0
        before = (at, id)
        assert times < MOST_STEPS, f"{kind} {id} stays due at {at}"
        row = store.get(id)
        assert row is not None
        MOVES[kind](World(store, at, base), row[1])
