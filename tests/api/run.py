#!/usr/bin/env python3
"""Lets schemathesis try everything that the OpenAPI document of the admin API describes.

    ./tests/api/setup.sh
    MIKA_BIN=target/release/mika target/venv/api/bin/python tests/api/run.py [--examples N] [--seed N] [-- …]

Starts a tracker with some records, and fails if an answer is a server error, is not described, or
is not as described; if the tracker panics; or if it does not answer any more in the end. What
follows `--` is given to schemathesis.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
TOKEN = "schemathesis-0123456789abcdef"
HASH = "0123456789abcdef0123456789abcdef01234567"

# The records of `fill`.
KNOWN = {
    "path.info_hash": HASH,
    "path.user": "alice",
    "path.name": "vip",
    "path.prefix": "-TR",
    "path.id": 1,
}
HERE = Path(__file__).resolve().parent
# Streams do not end by themselves.
EXCLUDED = ["/stream$"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mika:
    """A tracker of its own, in a directory of its own."""

    def __init__(self, binary, directory):
        self.directory = Path(directory)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = self.directory / "log"
        config = self.directory / "mika.toml"
        config.write_text(
            f"""
[http]
listen = ["127.0.0.1:{free_port()}"]
[udp]
listen = []
[admin]
listen = "{self.url.removeprefix("http://")}"
failures_per_minute = 1000000
[data]
dir = "{self.directory / "data"}"
"""
        )
        environment = {**os.environ, "MIKA__ADMIN__TOKEN": TOKEN, "RUST_BACKTRACE": "1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--config", str(config)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read()

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.call("GET", "/ready")
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"mika does not start ({error}):\n{self.log.read_text()}")
                time.sleep(0.1)

    def fill(self):
        """Some records, so that not everything is 404; what is there already stays."""
        for method, path, body in (
            ("POST", "torrents", {"info_hash": HASH, "title": "One"}),
            ("PATCH", f"torrents/{HASH}", {"deleted": False}),
            ("POST", "users", {"name": "alice"}),
            ("POST", "roles", {"name": "vip"}),
            ("POST", "client-rules", {"prefix": "-TR", "name": "Transmission"}),
            ("POST", "events", {"name": "vip", "ends_at": 4_000_000_000}),
            ("POST", "api-tokens", {"name": "reader", "scopes": ["read"]}),
            ("PUT", f"tokens/alice/{HASH}", {}),
        ):
            try:
                self.call(method, f"/api/v1/{path}", body)
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "no end within 60 s"


def schemathesis(url, directory, examples, known, more):
    """Runs it and says whether it is content. `known` are values that parameters always have."""
    values = "".join(f'"{name}" = {json.dumps(value)}\n' for name, value in known.items())
    config = Path(directory) / "schemathesis.toml"
    config.write_text(f"[parameters]\n{values}\n{(HERE / 'schemathesis.toml').read_text()}")
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={config}",
        "run",
        f"{url}/api/v1/openapi.json",
        f"--url={url}",
        f"--header=Authorization: Bearer {TOKEN}",
        f"--max-examples={examples}",
        "--request-timeout=40",
        "--suppress-health-check=all",
        "--continue-on-failure",
        "--generation-database=none",
        *[f"--exclude-path-regex={path}" for path in EXCLUDED],
        *more,
    ]
    return subprocess.run(command, check=False, cwd=directory, env=environment).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=50, help="requests per operation")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the requests; the same seed tries the same"
    )
    parser.add_argument("more", nargs="*", help="for schemathesis")
    arguments = parser.parse_args()
    arguments.more.append(f"--seed={arguments.seed}")
    binary = os.environ.get("MIKA_BIN", str(ROOT / "target/release/mika"))
    with tempfile.TemporaryDirectory(prefix="mika-api-") as directory:
        mika = Mika(binary, directory)
        try:
            mika.wait()
            mika.fill()
            # First with names that are mostly unknown, then with those of records that are there.
            failed = not schemathesis(mika.url, directory, arguments.examples, {}, arguments.more)
            mika.fill()
            # Without chains of requests: a record just made would be looked for under `KNOWN`.
            phases = "--phases=examples,coverage,fuzzing"
            more = ["--exclude-method=DELETE", phases, *arguments.more]
            failed |= not schemathesis(mika.url, directory, arguments.examples, KNOWN, more)
            mika.call("GET", "/health")
        finally:
            ended = mika.stop()
        log = mika.log.read_text()
    if ended != 0:
        failed = True
        print(f"mika ended with {ended}")
    if "panicked" in log:
        failed = True
        print("mika panicked:")
        print("\n".join(log.splitlines()[-50:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
