"""Many callers of POST /v1/keys/verify at once, who remember what they were told."""

import json
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException

from deploy.local.process import wait_until
from deploy.local.services import answers

PATIENCE_SECONDS = 90


class Callers:
    """Asks `calls` questions from several threads. `told` counts the answers per key and code.

    A call without an answer, or answered UNAVAILABLE, may have been counted or not: its code is LOST,
    and its caller waits until all is ready again before the next call. Callers take turns at the
    `ports`, which are the portal's own unless told.
    """

    def __init__(self, stack, service_key, keys, *, calls, threads=8, ports=None):
        self.stack = stack
        self.told = Counter()
        self._service_key = service_key
        self._keys = keys
        self._left = iter(range(calls))
        self._lock = threading.Lock()
        self._asked = 0
        ports = ports or [stack.port]
        self._threads = [
            threading.Thread(target=self._work, args=(ports[number % len(ports)],))
            for number in range(threads)
        ]

    @property
    def asked(self):
        return self._asked

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self._threads:
            thread.join()

    def total(self, key, code):
        return self.told[key, code]

    def _work(self, port):
        line = HTTPConnection("127.0.0.1", port, timeout=15)
        health = f"http://127.0.0.1:{port}/healthz"
        while True:
            with self._lock:
                number = next(self._left, None)
                self._asked += number is not None
            if number is None:
                line.close()
                return
            key = self._keys[number % len(self._keys)]
            code = self._ask(line, key)
            with self._lock:
                self.told[key, code] += 1
            if code == "LOST":
                line.close()
                wait_until(lambda: self.stack.ready and answers(health), PATIENCE_SECONDS)

    def _ask(self, line, key):
        headers = {"Authorization": f"Bearer {self._service_key}", "Content-Type": "application/json"}
        try:
            line.request("POST", "/v1/keys/verify", json.dumps({"key": key}), headers)
            reply = line.getresponse()
            told = json.loads(reply.read())
        except (OSError, HTTPException, ValueError):
            return "LOST"
        return told["code"] if reply.status == 200 else "LOST"
