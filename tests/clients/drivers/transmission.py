"""transmission-cli 3.00, driven through its RPC interface (transmission-cli has one, too)."""

import base64
import json
import signal
import time
import urllib.error
import urllib.request

from drivers.base import Client
from ports import free_port
from processes import Process, clean_environment
from torrents import make_torrent
from waiting import WaitTimeout, wait_until

STOP_SECONDS = 30
QUIET_SECONDS = 2.5
LAUNCHES = 4
# Values of the fields `status` and `announceState`.
CHECKING = (1, 2)
RUNNING = (4, 6)
ANNOUNCING = 3


class Transmission(Client):
    """Never connects to a peer on loopback itself (it takes those addresses for martian), only
    accepts connections. The other side must learn of it from the tracker.

    transmission-cli ends when the torrent of its command line is stopped, so fast that the HTTP
    announce of that is lost. It therefore gets a torrent without a tracker there, and the one of
    the test through RPC, which it can stop like any other Transmission.

    Counts the 13 bytes of header that each uploaded block of 16 KiB has, and announces them.
    """

    name = "transmission"

    def __init__(self, **options):
        super().__init__(**options)
        self.final = None
        self.id = None
        self.session_id = ""
        self.rpc_port = free_port()

    def start(self, torrent, torrent_file, seed):
        self.prepare(torrent, seed)
        port = free_port()
        settings = {
            # An IPv4 address would be used for requests to IPv6 trackers, too, which then fail.
            "bind-address-ipv4": "0.0.0.0" if ":" in self.bind else "127.0.0.1",
            "bind-address-ipv6": "::1",
            "blocklist-enabled": False,
            "dht-enabled": False,
            "encryption": 0,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "ratio-limit-enabled": False,
            "rpc-authentication-required": False,
            "rpc-bind-address": "127.0.0.1",
            "rpc-enabled": True,
            "rpc-host-whitelist-enabled": False,
            "rpc-port": self.rpc_port,
            "rpc-whitelist-enabled": False,
            "speed-limit-up": (self.rate_limit or 0) // 1000,
            "speed-limit-up-enabled": bool(self.rate_limit),
            "utp-enabled": False,
        }
        self.launch(port, json.dumps(settings))
        metainfo = base64.b64encode(torrent_file.read_bytes()).decode()
        added = {"metainfo": metainfo, "download-dir": str(self.downloads), "paused": False}
        self.id = self.rpc("torrent-add", **added)["torrent-added"]["id"]
        wait_until(self.announced, 30, f"{self.name} announces")

    def launch(self, port, settings):
        """Starts it until it stays: it ends by itself when it looks before its torrent has begun.

        On a busy machine that happens now and then.
        """
        for attempt in range(LAUNCHES):
            configuration = self.directory / f"config-{attempt}"
            configuration.mkdir()
            (configuration / "settings.json").write_text(settings)
            self.launch_once(port, configuration)
            try:
                self.patiently(self.idle_torrent_runs)
                return
            except RuntimeError:
                if attempt + 1 == LAUNCHES:
                    raise

    def launch_once(self, port, configuration):
        """Starts it with a torrent that has no tracker."""
        idle = make_torrent("idle", 1).write(self.directory / "idle.torrent", [])
        arguments = ["transmission-cli", "--config-dir", configuration]
        arguments += ["--download-dir", self.directory, "--port", port, "--no-portmap"]
        if self.rate_limit:
            arguments += ["--uplimit", self.rate_limit // 1000]
        environment = clean_environment(TR_CURL_SSL_NO_VERIFY="1")
        self.process = Process([*arguments, idle], self.log, environment=environment)

    def idle_torrent_runs(self):
        """Raises `ConnectionError` unless the torrent of the command line has begun."""
        body = {"method": "torrent-get", "arguments": {"fields": ["status"]}}
        torrents = self.post(json.dumps(body).encode())["torrents"]
        if not any(torrent["status"] in RUNNING for torrent in torrents):
            raise ConnectionError("nothing runs yet")

    def rpc(self, method, **arguments):
        """One call and its answer."""
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        return self.patiently(lambda: self.post(body))

    def post(self, body):
        """Sends a request, twice if the session id has changed."""
        url = f"http://127.0.0.1:{self.rpc_port}/transmission/rpc"
        headers = {"X-Transmission-Session-Id": self.session_id}
        try:
            request = urllib.request.Request(url, body, headers)
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)["arguments"]
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
            self.session_id = error.headers["X-Transmission-Session-Id"]
            return self.post(body)

    def state(self):
        """The torrent's fields of interest."""
        fields = ["uploadedEver", "downloadedEver", "haveValid", "status", "trackerStats"]
        return self.rpc("torrent-get", ids=[self.id], fields=fields)["torrents"][0]

    def completed_bytes(self):
        state = self.state()
        return 0 if state["status"] in CHECKING else state["haveValid"]

    def reannounce(self):
        self.rpc("torrent-reannounce", ids=[self.id])

    def announced(self):
        """Whether there was a first announce; asks for a second one until then.

        Transmission heeds the tracker's minimal interval only from the second answer on; before, it
        refuses to be told to announce for two minutes.
        """
        self.reannounce()
        return self.announce_state()[1] > 0

    def stop(self):
        # Times come in whole seconds from a clock that may lag by one: the next must differ.
        wait_until(lambda: time.time() > self.announce_state()[1] + 2, 15, "a quiet moment")
        before = self.announce_state()
        self.rpc("torrent-stop", ids=[self.id])
        self.wait_stopped(before)
        self.final = self.state()
        self.process.signal(signal.SIGINT)
        assert self.process.wait(STOP_SECONDS), f"{self.name} does not end"

    def announce_state(self):
        """(whether one is under way, start and end of the last one)."""
        tracker = self.state()["trackerStats"][0]
        names = ("announceState", "lastAnnounceStartTime", "lastAnnounceTime")
        return tuple(tracker[name] for name in names)

    def wait_stopped(self, before):
        """Waits until there was an announce and nothing followed it for a while.

        RPC does not tell the event of an announce, and a periodic one may be under way when the
        torrent is stopped; `stopped` then follows after a second.
        """
        last, since = before, time.monotonic()
        deadline = since + STOP_SECONDS
        while last == before or last[0] == ANNOUNCING or time.monotonic() - since < QUIET_SECONDS:
            if time.monotonic() > deadline:
                raise WaitTimeout(f"{self.name} does not say stopped: {last}")
            time.sleep(0.1)
            now = self.announce_state()
            if now[1:] != before[1:] and now != last:
                last, since = now, time.monotonic()

    def reported_totals(self):
        state = self.final or self.state()
        return state["uploadedEver"], state["downloadedEver"]
