"""A caller of the gate as a process of its own: threads that ask until they are refused, or often enough.

`python caller.py PORT SERVICE_KEY THREADS CALLS KEY...` prints how often each code was told, and how
often no answer came, as JSON. It needs nothing but the standard library, so that it starts at once.
"""

import collections
import json
import socket
import sys
import threading

told = collections.Counter()
patience = threading.Event()


def main():
    port, service, threads, calls, *keys = sys.argv[1:]
    people = [
        threading.Thread(target=ask, args=(int(port), service, int(calls), keys[number % len(keys)]))
        for number in range(int(threads))
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    print(json.dumps(told))


def ask(port, service, calls, key):
    body = json.dumps({"key": key, "endpoint": "GET /x"})
    request = (
        f"POST /v1/keys/verify HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {service}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    mine, line = collections.Counter(), None
    for _ in range(calls):
        try:
            line = line or socket.create_connection(("127.0.0.1", port), timeout=30)
            line.sendall(request)
            code = read(line)
        except OSError:
            code, line = "UNANSWERED", None
        mine[code] += 1
        if code == "QUOTA_EXCEEDED":
            break
        if code in ("UNANSWERED", "UNAVAILABLE"):
            patience.wait(0.05)
    told.update(mine)


def read(line):
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := line.recv(65536)):
            raise OSError("closed")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        if not (piece := line.recv(65536)):
            raise OSError("closed")
        body += piece
    return json.loads(body)["code"]


main()
