"""A sample API that remembers things: what `make run` starts behind Upkeep, to be called with a key.

    .venv/bin/python -m flask --app examples/api/api.py run --port 9000

with UPKEEP_URL and UPKEEP_SERVICE_KEY set. See docs/protect.md.
"""

from itertools import count
from typing import Any

from flask import Flask, abort, g, request

from upkeep_sdk.flask import Guard

app = Flask(__name__)
guard = Guard()
memories: dict[str, dict[int, str]] = {}
numbers = count(1)


@app.get("/")
def index() -> dict[str, Any]:
    """Open to everyone: what there is."""
    return {"name": "A sample API", "try": ["GET /memories", "POST /memories", "GET /memories/{number}"]}


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
