"""Pages of a long list, as numbers."""


def numbers(page: int, size: int, total: int) -> tuple[int, int]:
    """The page that there is, nearest to the one asked for, and how many there are: never none."""
    pages = max(1, -(-total // size))
    return min(max(page, 1), pages), pages
