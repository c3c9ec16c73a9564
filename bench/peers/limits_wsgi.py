"""limits, without a framework: a key looked up in Redis, a limit a second and one a month, fixed windows."""

import hashlib
import json
import os

import redis
from limits import RateLimitItemPerMonth, RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

pool = redis.Redis.from_url(os.environ["REDIS_URL"])
limiter = FixedWindowRateLimiter(RedisStorage(os.environ["REDIS_URL"]))
SECOND, MONTH = RateLimitItemPerSecond(100_000), RateLimitItemPerMonth(1_000_000_000)
HEADERS = [("Content-Type", "application/json")]


def app(environ, start_response):
    key = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["key"]
    account = pool.get("peer:" + hashlib.sha256(key.encode()).hexdigest())
    if account is None:
        start_response("401 Unauthorized", HEADERS)
        return [b"{}"]
    name = account.decode()
    if not (limiter.hit(SECOND, name) and limiter.hit(MONTH, name)):
        start_response("429 Too Many Requests", HEADERS)
        return [b"{}"]
    start_response("200 OK", HEADERS)
    return [json.dumps({"valid": True, "code": "VALID", "account_id": name}).encode()]
