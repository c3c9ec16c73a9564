"""A sample API that remembers things, guarded by the SDK: `make run` starts it two ports above the portal.

It reads UPKEEP_URL and UPKEEP_SERVICE_KEY. What it remembers is gone when it ends.
"""

from itertools import count
from typing import Any

from flask import Flask, abort, g, request

from upkeep_sdk.flask import Guard

app = Flask(__name__)
guard = Guard()
memories: dict[str, dict[int, str]] = {}
numbers = count(1)


@app.get("/health")
def health() -> dict[str, Any]:
    """Open to everyone."""
    return {"healthy": True}


@app.get("/")
@guard
def index() -> dict[str, Any]:
    """One call: who is calling, and what there is to call."""
    return {
        "you": {"account": g.upkeep.account_id, "plan": g.upkeep.plan},
        "calls": ["GET /memories", "POST /memories", "GET /memories/{number}"],
    }


@app.get("/memories")
@guard
def remembered() -> dict[str, Any]:
    """One call: all that the caller's account remembers."""
    return {"memories": memories.get(g.upkeep.account_id, {}), "plan": g.upkeep.plan}


@app.post("/memories")
@guard(cost=2, count="successes")
def remember() -> tuple[dict[str, Any], int]:
    """Two calls, counted only when there was something to remember."""
    text = (request.get_json(silent=True) or {}).get("text")
    if not isinstance(text, str) or not text.strip():
        abort(422)
    number = next(numbers)
    memories.setdefault(g.upkeep.account_id, {})[number] = text.strip()
    return {"number": number, "text": text.strip()}, 201


@app.get("/memories/<int:number>")
@guard
def memory(number: int) -> dict[str, Any]:
    """One call: a single memory. A stranger's is not there."""
    mine = memories.get(g.upkeep.account_id, {})
    if number not in mine:
        abort(404)
    return {"number": number, "text": mine[number]}
