"""Limits: how much the listener takes at once, and from one address."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIZE_MOST = 20 * 1024 * 1024
"""The largest letter in bytes: three files of 5 MiB and their envelope."""

REMEMBERED = 10_000


@dataclass
class Limits:
    """What is taken. `minute` is a clock of seconds that never goes back."""

    clock: Callable[[], float]
    lines: int = 100  # connections at once
    lines_of_one: int = 10
    bodies: int = 16  # letters that are being said at once: each may fill its size in memory
    letters_a_minute: int = 60
    wrong_a_minute: int = 20
    _open: dict[str, int] = field(default_factory=dict)
    _bodies: int = 0
    _letters: "Rate" = field(init=False)
    _wrong: "Rate" = field(init=False)

    def __post_init__(self) -> None:
        self._letters = Rate(self.letters_a_minute, self.clock)
        self._wrong = Rate(self.wrong_a_minute, self.clock)

    def enter(self, peer: str) -> bool:
        """Whether one more line from there may be opened; it counts until `leave`."""
        if sum(self._open.values()) >= self.lines or self._open.get(peer, 0) >= self.lines_of_one:
            return False
        self._open[peer] = self._open.get(peer, 0) + 1
        return True

    def leave(self, peer: str) -> None:
        """A line from there was closed."""
        self._open[peer] = self._open.get(peer, 1) - 1
        if self._open[peer] <= 0:
            del self._open[peer]

    @contextmanager
    def body(self) -> Iterator[bool]:
        """Room for one more letter while it is said; False when there is none."""
        fits = self._bodies < self.bodies
        self._bodies += fits
        try:
            yield fits
        finally:
            self._bodies -= fits

    def may_write(self, peer: str) -> bool:
        """Whether a letter from there may come now; it counts."""
        return self._letters.counted(peer)

    def guessed_wrong(self, peer: str) -> None:
        """Somebody there wrote to an address that is none."""
        self._wrong.counted(peer)

    def may_guess(self, peer: str) -> bool:
        """Whether somebody there may still name addresses."""
        return self._wrong.left(peer)


class Rate:
    """So many in any minute, for each of the peers that were seen last."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def counted(self, peer: str) -> bool:
        """Count one; whether it was within."""
        within = self.left(peer)
        if within:
            self._seen.setdefault(peer, deque()).append(self._clock())
            self._seen.move_to_end(peer)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return within

    def left(self, peer: str) -> bool:
        """Whether one more would be within."""
        seen = self._seen.get(peer, deque())
        while seen and seen[0] <= self._clock() - 60:
            seen.popleft()
        return len(seen) < self._most
