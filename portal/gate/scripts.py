"""The gate's scripts, as Redis knows them."""

from functools import lru_cache
from hashlib import sha1
from pathlib import Path

NAMES = ("verify", "ask", "admit", "seal", "clear", "peek", "finish", "report")
_FOLDER = Path(__file__).parent / "lua"


def text(name: str, run_id: str) -> str:
    """A script for one life of Redis: `run_id` is of its process, so a restarted one does not know it."""
    assert run_id.isalnum()
    shared = _source("words") + (_RARELY if name == "verify" else _source("holds") + _source("books"))
    return f"local RUN = '{run_id}'\n{shared}\n{_source(name)}"


@lru_cache(maxsize=64)
def digest(name: str, run_id: str) -> str:
    """The name under which Redis keeps a script: hex SHA-1."""
    return sha1(text(name, run_id).encode(), usedforsecurity=False).hexdigest()


@lru_cache
def _source(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text()


# Redis runs a script from its first line each time: what is seldom needed is not even defined.
_RARELY = f"local function holds_desk()\n{_source('holds')}\nreturn sweep\nend\n"
