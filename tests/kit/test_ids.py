"""Identifiers: 26 characters that sort by time and are never drawn twice."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from portal.kit import ids


def test_an_id_says_when_it_was_made():
    before = int(time.time() * 1000)
    prefix, _, body = ids.new("acc").partition("_")
    after = int(time.time() * 1000)
    made = 0
    for letter in body[:10]:
        made = made * 32 + ids.ALPHABET.index(letter)
    assert prefix == "acc" and len(body) == 26 and set(body) <= set(ids.ALPHABET)
    assert before <= made <= after


def test_no_id_is_drawn_twice_whichever_thread_draws():
    with ThreadPoolExecutor(4) as pool:
        made = [
            one for many in pool.map(lambda _: [ids.new("x") for _ in range(2_000)], range(8)) for one in many
        ]
    assert len(set(made)) == 16_000


def test_a_forked_child_draws_others():
    ids.new("x")  # many more are kept now
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, "".join(ids.new("x")[12:] for _ in range(5)).encode())
        os._exit(0)
    os.close(write)
    theirs = os.read(read, 1_000).decode()
    os.close(read)
    os.waitpid(child, 0)
    assert len(theirs) == 80 and not any(ids.new("x")[12:] in theirs for _ in range(300))
