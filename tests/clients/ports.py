"""Free ports, without two parallel test workers ever choosing the same one."""

import os
import random
import socket

FIRST_PORT = 11_000
PORTS_PER_WORKER = 1_300
# Below the range from which the kernel takes the local port of an outgoing connection (32768).
LAST_PORT = 32_000

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_first = FIRST_PORT + _worker * PORTS_PER_WORKER
assert _first + PORTS_PER_WORKER <= LAST_PORT, "too many test workers"
_cursor = random.randrange(PORTS_PER_WORKER)


def free_port():
    """A port that is free on 127.0.0.1 and [::1], for TCP and UDP, not given out lately."""
    global _cursor
    for _ in range(PORTS_PER_WORKER):
        port = _first + _cursor
        _cursor = (_cursor + 1) % PORTS_PER_WORKER
        if _is_free(port):
            return port
    raise RuntimeError(f"no free port from {_first} to {_first + PORTS_PER_WORKER}")


def _is_free(port):
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError:
                    return False
    return True
