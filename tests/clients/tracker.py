"""The tracker under test: mika as a process, or the fake one, behind the same few calls."""

import json
import os
import secrets
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import fake_tracker
from ports import free_port
from processes import Process, clean_environment
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
# The shortest that mika takes. The clients are told to announce more often.
INTERVAL_SECONDS = 60
PEER_TIMEOUT_SECONDS = 600
FLUSH_MILLISECONDS = 100
START_SECONDS = 20
STOP_SECONDS = 20
HOSTS = ("127.0.0.1", "[::1]")


@dataclass(frozen=True)
class User:
    """A user of the tracker."""

    name: str
    passkey: str


class Tracker(ABC):
    """Listens on both loopback addresses: HTTP, HTTPS and UDP on one port each."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = {scheme: free_port() for scheme in ("http", "https", "udp")}
        self.certificate, self.key = make_certificate(self.directory)

    def announce_url(self, user, scheme="http", host="127.0.0.1", shape="/announce/{passkey}"):
        """The announce URL of a user; `shape` is where the passkey stands in it."""
        return f"{scheme}://{host}:{self.ports[scheme]}" + shape.format(passkey=user.passkey)

    def final_totals(self, users):
        """(uploaded, downloaded) of each user, when all sessions have ended."""
        self.flush()
        return [self.totals(user) for user in users]

    def wait_swarm(self, torrent, seeders, leechers, timeout_seconds=15):
        """Waits until the swarm has as many seeders and leechers."""
        wait_until(
            lambda: self.swarm(torrent)[:2] == (seeders, leechers),
            timeout_seconds,
            f"{seeders} seeders and {leechers} leechers",
        )

    @abstractmethod
    def start(self):
        """Starts to listen; on the same ports and with the same data if it did before."""

    @abstractmethod
    def kill(self):
        """Ends it as a power failure would."""

    @abstractmethod
    def stop(self):
        """Ends it in the orderly way."""

    @abstractmethod
    def add_user(self, name):
        """Creates a user."""

    @abstractmethod
    def add_torrent(self, torrent):
        """Registers a torrent."""

    @abstractmethod
    def flush(self):
        """Makes `totals` show all that was announced."""

    @abstractmethod
    def totals(self, user):
        """(uploaded, downloaded): the bytes credited to a user."""

    @abstractmethod
    def swarm(self, torrent):
        """(seeders, leechers, snatches) of a torrent."""

    def check_announced(self, user, reported):
        """Asserts that the user's client announced what it reports, if that can be known.

        So a run against the fake tracker shows that the drivers read the right counters.
        """

    def log_tail(self):
        """What it has to say about a failure."""
        return ""


class Mika(Tracker):
    """`mika serve`, managed through `mika client`."""

    def __init__(self, directory):
        super().__init__(directory)
        self.binary = mika_binary()
        self.data = self.directory / "data"
        self.data.mkdir()
        self.admin_port = free_port()
        self.log = self.directory / "mika.log"
        self.configuration = self.directory / "mika.toml"
        self.configuration.write_text(self.toml())
        self.process = None

    def toml(self):
        """The configuration: everything on loopback, short intervals."""

        def listen(scheme):
            return json.dumps([f"{host}:{self.ports[scheme]}" for host in HOSTS])

        return f"""
[tracker]
interval_seconds = {INTERVAL_SECONDS}
min_interval_seconds = 1
peer_timeout_seconds = {PEER_TIMEOUT_SECONDS}

[http]
listen = {listen("http")}

[https]
listen = {listen("https")}
certificate_file = {json.dumps(str(self.certificate))}
key_file = {json.dumps(str(self.key))}

[udp]
listen = {listen("udp")}

[admin]
listen = "127.0.0.1:{self.admin_port}"

[data]
dir = {json.dumps(str(self.data))}

[flush]
interval_milliseconds = {FLUSH_MILLISECONDS}
"""

    def start(self):
        arguments = [self.binary, "serve", "--config", self.configuration]
        environment = clean_environment(RUST_BACKTRACE="1")
        self.process = Process(arguments, self.log, environment=environment)
        wait_until(self.answers, START_SECONDS, "mika answers")

    def answers(self):
        """Whether the admin API and the tracker accept requests."""
        self.process.check_running()
        for port, path in ((self.ports["http"], "/announce"), (self.admin_port, "/")):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
            except urllib.error.HTTPError:
                continue
            except OSError:
                return False
        return True

    def kill(self):
        self.process.signal(signal.SIGKILL)
        assert self.process.wait(STOP_SECONDS)

    def stop(self):
        self.process.signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS), f"mika does not end: {self.log_tail()}"
        code = self.process.child.returncode
        assert code == 0, f"mika ended with {code}: {self.log_tail()}"

    def client(self, *arguments):
        """Runs `mika client … --json` and returns what it prints."""
        command = [str(self.binary), "client", "--data-dir", str(self.data)]
        command += ["--url", f"http://127.0.0.1:{self.admin_port}", *map(str, arguments), "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, env=clean_environment()
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def add_user(self, name):
        answer = self.client("user", "add", name)
        return User(answer["name"], answer["passkey"])

    def add_torrent(self, torrent):
        path = torrent.write(
            self.directory / f"{torrent.name}.torrent", ["http://127.0.0.1/announce"]
        )
        assert self.client("torrent", "add", path)["info_hash"] == torrent.info_hash

    def flush(self):
        self.client("flush")

    def totals(self, user):
        answer = self.client("user", "get", user.name)
        raw = (answer["uploaded_raw"], answer["downloaded_raw"])
        credited = (answer["uploaded"], answer["downloaded"])
        assert raw == credited, "without multipliers every byte is credited once"
        return credited

    def swarm(self, torrent):
        answer = self.client("torrent", "get", torrent.info_hash)
        return answer["seeders"], answer["leechers"], answer["snatches"]

    def log_tail(self):
        return self.process.log_tail() if self.process else ""

    def discard(self):
        """Ends what may be left of it."""
        if self.process:
            self.process.kill()


class Fake(Tracker):
    """`fake_tracker` in threads of this process."""

    def __init__(self, directory):
        super().__init__(directory)
        self.swarms = fake_tracker.Swarms()
        self.servers = []

    def start(self):
        tls = fake_tracker.tls_context(self.certificate, self.key)
        for host in ("127.0.0.1", "::1"):
            http, https = self.ports["http"], self.ports["https"]
            self.servers += [
                fake_tracker.HttpServer(host, http, self.swarms),
                fake_tracker.HttpServer(host, https, self.swarms, tls),
                fake_tracker.UdpServer(host, self.ports["udp"], self.swarms),
            ]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def kill(self):
        for server in self.servers:
            server.shutdown()
            if hasattr(server, "server_close"):
                server.server_close()
        self.servers = []

    stop = discard = kill

    def add_user(self, name):
        user = User(name, secrets.token_hex(16))
        self.swarms.totals[user.passkey] = [0, 0]
        return user

    def add_torrent(self, torrent):
        for wire_hash in torrent.wire_hashes:
            self.swarms.torrents[wire_hash] = torrent.info_hash

    def flush(self):
        """Totals are counted at once."""

    def totals(self, user):
        return tuple(self.swarms.totals[user.passkey])

    def swarm(self, torrent):
        with self.swarms.lock:
            left = [
                s["left"] for k, s in self.swarms.sessions.items() if k[0] == torrent.info_hash
            ]
            snatches = self.swarms.snatches.get(torrent.info_hash, 0)
        seeders = left.count(0)
        return seeders, len(left) - seeders, snatches

    def check_announced(self, user, reported):
        last = [a for a in self.swarms.announces if a["passkey"] == user.passkey][-1]
        assert last["event"] == "stopped", f"{user.name}: stopped is not the last announce"
        assert (last["uploaded"], last["downloaded"]) == reported

    def log_tail(self):
        return "\n".join(
            f"{a['at']:.3f} {bytes.fromhex(a['peer_id'])[:8].decode(errors='replace')} {a['host']}"
            f":{a['port']} up {a['uploaded']} down {a['downloaded']} left {a['left']} {a['event']}"
            for a in self.swarms.announces
        )


def mika_binary():
    """`MIKA_BIN`, or what cargo built."""
    given = os.environ.get("MIKA_BIN")
    built = [ROOT / f"target/{profile}/mika" for profile in ("release", "debug")]
    candidates = [Path(given)] if given else built
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise FileNotFoundError(f"no mika binary ({', '.join(map(str, candidates))}); set MIKA_BIN")


def make_certificate(directory):
    """A self-signed certificate for the loopback names, and its key."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
        timeout=20,
    )
    return certificate, key
