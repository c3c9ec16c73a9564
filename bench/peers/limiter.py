"""flask-limiter: a key looked up in Redis, a limit a second and one a month in fixed windows, headers."""

import hashlib
import os

import redis
from flask import Flask, abort, g, jsonify, request
from flask_limiter import Limiter

pool = redis.Redis.from_url(os.environ["REDIS_URL"])
app = Flask(__name__)
app.json.compact = True
limiter = Limiter(
    lambda: g.account,
    storage_uri=os.environ["REDIS_URL"],
    strategy="fixed-window",
    headers_enabled=True,
    default_limits=["100000 per second", "1000000000 per month"],
)


@app.before_request
def find_account():
    key = request.get_json(force=True)["key"]
    account = pool.get("peer:" + hashlib.sha256(key.encode()).hexdigest())
    if account is None:
        abort(401)
    g.account = account.decode()


limiter.init_app(app)


@app.post("/v1/keys/verify")
def verify():
    return jsonify(valid=True, code="VALID", account_id=g.account)
