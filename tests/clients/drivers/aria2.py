"""aria2c 1.36, watched through its JSON-RPC interface."""

import json
import os
import re
import urllib.request

from drivers.base import Client
from ports import free_port
from processes import Process
from waiting import wait_until

STOP_SECONDS = 30


class Aria2(Client):
    """Tells by RPC what it uploaded, but not what it downloaded: that is in its log only."""

    name = "aria2"

    def __init__(self, **options):
        super().__init__(**options)
        self.final = None
        self.requests = self.directory / "requests.log"
        self.rpc_port = free_port()

    def start(self, torrent, torrent_file, seed):
        self.prepare(torrent, seed)
        arguments = [
            "aria2c",
            "--no-conf",
            "--no-netrc",
            f"--dir={self.downloads}",
            f"--interface={self.bind}",
            f"--listen-port={free_port()}",
            f"--stop-with-process={os.getpid()}",
            f"--max-upload-limit={self.rate_limit or 0}",
            "--allow-overwrite=true",
            "--bt-enable-lpd=false",
            "--bt-hash-check-seed=true",
            # Otherwise the tracker's interval, which no call can shorten.
            "--bt-tracker-interval=2",
            "--check-certificate=false",
            "--check-integrity=true",
            "--console-log-level=notice",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--enable-peer-exchange=false",
            "--enable-rpc=true",
            "--file-allocation=none",
            f"--log={self.requests}",
            "--log-level=info",
            f"--rpc-listen-port={self.rpc_port}",
            "--seed-ratio=0.0",
            "--show-console-readout=false",
            "--summary-interval=0",
        ]
        if ":" not in self.bind:
            arguments.append("--disable-ipv6=true")
        self.process = Process([*arguments, torrent_file], self.log)
        wait_until(self.state, 15, f"{self.name} has its torrent")

    def rpc(self, method, *parameters):
        """One call and its answer."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        url = f"http://127.0.0.1:{self.rpc_port}/jsonrpc"

        def post():
            with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=10) as response:
                return json.load(response)["result"]

        return self.patiently(post)

    def state(self):
        """The download's fields; a seeder's appear once it is checked."""
        active = self.rpc("aria2.tellActive")
        return active[0] if active else None

    def completed_bytes(self):
        state = self.state()
        if state is None or "verifiedLength" in state or "verifyIntegrityPending" in state:
            return 0
        return int(state["completedLength"])

    def reannounce(self):
        """There is no such call; `--bt-tracker-interval` does it."""

    def stop(self):
        self.final = self.state()
        self.rpc("aria2.shutdown")
        assert self.process.wait(STOP_SECONDS), f"{self.name} does not end"

    def reported_totals(self):
        state = self.final or self.state()
        requests = re.findall(r"&downloaded=(\d+)&", self.requests.read_text(errors="replace"))
        return int(state["uploadLength"]), int(requests[-1])
