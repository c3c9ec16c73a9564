"""The gate's caller: one round trip to Redis, and the book where Redis does not know."""

from collections.abc import Callable, Sequence

from redis import Redis

from portal.gate.grant import Book, Question, Settlement, Verdict
from portal.kit.tokens import Pepper


class Gate:
    """Whether keys may pass. Thread-safe; one per process is meant.

    `book` is asked when Redis does not know a tag; `tag_of` leads a token that has not our form (an
    imported key) to its account's tag. Raises `Unavailable` when it cannot know.
    """

    def __init__(
        self,
        redis: Redis,
        book: Book,
        *,
        peppers: Sequence[Pepper] = (),
        prefixes: Sequence[str] = (),
        tag_of: Callable[[str], str | None] = lambda token: None,
        observe_all: bool = False,
        offset_us: Callable[[], int] = lambda: 0,
    ) -> None:
        raise NotImplementedError

    def verify(self, question: Question) -> Verdict:
        """Answer a question, and count the call if it may pass.

        Raises `Invalid` for a question that cannot be asked (unknown meter, cost out of range, bad
        address) and `Unavailable`.
        """
        raise NotImplementedError

    def confirm(self, reservation_id: str, cost: int) -> Settlement:
        """End a reservation with its final cost, at most what was reserved; `Missing` when it has ended."""
        raise NotImplementedError

    def release(self, reservation_id: str) -> Settlement:
        """End a reservation and give all of it back; `Missing` when it has ended."""
        raise NotImplementedError

    def push(self, tag: str) -> None:
        """Tell Redis what the database says of a tag now; nothing when Redis does not hold the tag."""
        raise NotImplementedError
