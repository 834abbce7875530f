"""libtorrent (the one by Arvid Norberg) through its Python binding, in a process of its own."""

import json
import select
import subprocess
from pathlib import Path

from drivers.base import Client
from ports import free_port
from processes import Process, clean_environment

ROOT = Path(__file__).resolve().parents[3]
ANSWER_SECONDS = 30


class Libtorrent(Client):
    """`stopped_announces` is how many `stopped` the torrent's end causes: one per listen interface
    that reaches a tracker, per info hash and per tracker."""

    def __init__(self, version, interfaces=None, stopped_announces=1, hosts_file=None, **options):
        super().__init__(**options)
        self.version = version
        self.name = f"libtorrent-{version}"
        self.interfaces = interfaces or [self.bind]
        self.stopped_announces = stopped_announces
        self.hosts_file = hosts_file
        self.final = None

    def start(self, torrent, torrent_file, seed):
        self.prepare(torrent, seed)
        port = free_port()
        options = {
            "listen_interfaces": ",".join(f"{wrap(a)}:{port}" for a in self.interfaces),
            "torrent_file": str(torrent_file),
            "save_path": str(self.downloads),
            "rate_limit": self.rate_limit,
        }
        script = Path(__file__).with_name("libtorrent_client.py")
        python = ROOT / "target/venv" / self.name / "bin/python"
        arguments = [python, "-u", script, json.dumps(options)]
        if self.hosts_file:
            arguments = with_hosts(self.hosts_file, arguments)
        self.process = Process(
            arguments,
            self.log,
            environment=clean_environment(PYTHONDONTWRITEBYTECODE="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.answer()["version"].startswith(self.version)

    def answer(self):
        """The next line that the process writes."""
        output = self.process.child.stdout
        ready, _, _ = select.select([output], [], [], ANSWER_SECONDS)
        line = output.readline() if ready else ""
        if not line:
            raise RuntimeError(f"{self.name} gives no answer: {self.log_tail()}")
        return json.loads(line)

    def ask(self, command, **arguments):
        """Sends a command and returns its answer."""
        self.process.check_running()
        self.process.child.stdin.write(json.dumps({"command": command} | arguments) + "\n")
        self.process.child.stdin.flush()
        return self.answer()

    def completed_bytes(self):
        status = self.ask("status")
        checking = "checking" in status["state"]
        return 0 if checking else status["completed"]

    def reannounce(self):
        self.ask("reannounce")

    def stop(self):
        self.final = self.ask("stop", announces=self.stopped_announces)
        assert self.final["answered"], f"{self.name}: no answer to stopped"
        assert self.process.wait(10), f"{self.name} does not end"

    def reported_totals(self):
        status = self.final or self.ask("status")
        return status["uploaded"], status["downloaded"]


def wrap(address):
    """An address as it stands before a colon and a port."""
    return f"[{address}]" if ":" in address else address


def with_hosts(hosts_file, arguments):
    """The command, run in a mount namespace in which /etc/hosts is `hosts_file`."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ["unshare", "-r", "-m", "sh", "-c", script, hosts_file, *arguments]
