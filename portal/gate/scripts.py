"""The gate's scripts, as Redis knows them."""

from functools import lru_cache
from hashlib import sha1
from pathlib import Path

NAMES = ("verify", "ask", "admit", "seal", "clear", "peek", "finish")
_FOLDER = Path(__file__).parent / "lua"


def text(name: str, run_id: str) -> str:
    """A script for one life of Redis: `run_id` is of its process, so a restarted one does not know it."""
    assert run_id.isalnum()
    return f"local RUN = '{run_id}'\n{_source('common')}\n{_source(name)}"


@lru_cache(maxsize=64)
def digest(name: str, run_id: str) -> str:
    """The name under which Redis keeps a script: hex SHA-1."""
    return sha1(text(name, run_id).encode(), usedforsecurity=False).hexdigest()


@lru_cache
def _source(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text()
