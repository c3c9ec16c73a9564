"""Ports on this machine's own address."""

import contextlib
import random
import socket

from deploy.local.process import StackError

HOST = "127.0.0.1"
PORTS = range(20000, 32000)  # below the ports that systems hand to outgoing connections


def free_port() -> int:
    """A port on which nobody listens now; drawn at random so that two askers seldom get the same."""
    for _ in range(200):
        port = random.SystemRandom().choice(PORTS)
        if is_free(port):
            return port
    raise StackError(f"No free port was found between {PORTS.start} and {PORTS.stop}.")


def is_free(port: int) -> bool:
    """Whether nobody listens on the port and this process may."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
