"""The wire: commands go to Redis, replies come back, each sent once."""

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from portal.gate import scripts
from portal.gate.door import Command
from portal.gate.grant import Unavailable
from portal.gate.packing import packed

PIPELINED: Final = 100
_log = logging.getLogger(__name__)


def connect(url: str, *, timeout_seconds: float = 2.0) -> Redis:
    """A client for the gate: it waits for an answer no longer than `timeout_seconds`."""
    client: Redis = Redis.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )
    return client


class Wire:
    """Runs scripts on one Redis. `redis` is its own client: retrying is switched off on it."""

    def __init__(self, redis: Redis) -> None:
        # A question that was sent and not answered may have been counted: it is never sent again.
        redis.set_retry(Retry(NoBackoff(), 0))
        self._redis = redis
        self._run_id = ""
        self._lock = threading.Lock()

    def send(self, command: Command) -> Any:
        """The reply to one command. Raises Unavailable when there is none."""
        return self.send_all([command])[0]

    def send_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands, which are sent together. Raises Unavailable when one is missing."""
        replies: list[Any] = []
        try:
            for at in range(0, len(commands), PIPELINED):
                replies += self._send_some(commands[at : at + PIPELINED])
        except RedisError as problem:
            if isinstance(problem, ResponseError):
                _log.error("Redis refused a script of the gate: %s", problem)
            blind = Unavailable("Redis does not answer.")
            # A script that was refused did nothing, and of a connection only its beginning can fail so.
            blind.in_doubt = not isinstance(problem, ResponseError) and "connecting to" not in str(problem)
            raise blind from problem
        return replies

    def run_id(self) -> str:
        """Have Redis know the scripts; the run id that names them. Raises Unavailable."""
        try:
            self._load(self._run_id)
        except RedisError as problem:
            raise Unavailable("Redis does not answer.") from problem
        return self._run_id

    def tags(self) -> Iterator[str]:
        """The tags that have anything to settle, in no order; each at least once."""
        seen = set()
        try:
            for name in self._redis.scan_iter(match="{*}:[bh]*", count=1000):
                tag = _text(name).partition("}")[0][1:]
                if tag not in seen:
                    seen.add(tag)
                    yield tag
        except RedisError as problem:
            raise Unavailable("Redis does not answer.") from problem

    def _send_some(self, commands: Sequence[Command]) -> list[Any]:
        # NOSCRIPT means that nothing was done, so those commands, and only those, are sent again.
        replies: list[Any] = [None] * len(commands)
        waiting = list(range(len(commands)))
        for _ in range(3):
            run_id = self._run_id
            answers = self._evalsha([commands[at] for at in waiting], run_id) if run_id else None
            unknown = []
            for at, answer in zip(waiting, answers or [NoScriptError()] * len(waiting), strict=True):
                if isinstance(answer, NoScriptError):
                    unknown.append(at)
                elif isinstance(answer, Exception):
                    raise answer
                replies[at] = answer
            if not unknown:
                return replies
            waiting = unknown
            self._load(run_id)
        raise Unavailable("Redis does not keep the gate's scripts.")

    def _evalsha(self, commands: Sequence[Command], run_id: str) -> list[Any]:
        if len(commands) == 1:
            return [self._send_one(packed(commands[0], run_id))]
        with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*_evalsha(command, run_id))  # type: ignore[no-untyped-call]
            return pipe.execute(raise_on_error=False)

    def _send_one(self, data: bytes) -> Any:
        """The reply, or what Redis refused with: by the connection itself, at half of the client's cost."""
        pool = self._redis.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command([data])  # type: ignore[no-untyped-call]
            return connection.read_response()
        except ResponseError as problem:
            return problem
        except BaseException:
            # Or the next caller would be given this reply.
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            pool.release(connection)

    def _load(self, before: str) -> None:
        with self._lock:
            if self._run_id != before:  # another thread was here
                return
            run_id = self._ask_run_id()
            for name in scripts.NAMES:
                self._redis.script_load(scripts.text(name, run_id))
            # Had another Redis taken over in between, its scripts would carry the wrong name.
            if self._ask_run_id() != run_id:
                raise Unavailable("Redis is being replaced.")
            self._run_id = run_id

    def _ask_run_id(self) -> str:
        return str(self._redis.info("server")["run_id"])


def _evalsha(command: Command, run_id: str) -> tuple[str | int, ...]:
    digest = scripts.digest(command.script, run_id)
    return ("EVALSHA", digest, len(command.keys), *command.keys, *command.args)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
