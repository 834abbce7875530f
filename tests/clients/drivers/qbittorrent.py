"""qbittorrent-nox 4.5.2, driven through its Web API."""

import json
import signal
import tempfile
import urllib.parse
import urllib.request
import uuid

from drivers.base import Client
from ports import free_port
from processes import Process, clean_environment
from waiting import wait_until

STOP_SECONDS = 40

CONFIGURATION = r"""[LegalNotice]
Accepted=true

[BitTorrent]
Session\AddTorrentStopped=false
Session\AddTrackersEnabled=false
Session\BTProtocol=TCP
Session\DHTEnabled=false
Session\Encryption=2
Session\Interface=lo
Session\InterfaceAddress={bind}
Session\InterfaceName=lo
Session\LSDEnabled=false
Session\MultiConnectionsPerIp=true
Session\PeXEnabled=false
Session\Port={port}
Session\QueueingSystemEnabled=false
Session\SSRFMitigation=false
Session\ValidateHTTPSTrackerCertificate=false

[Network]
PortForwardingEnabled=false

[Preferences]
Connection\ResolvePeerCountries=false
Connection\UPnP=false
DynDNS\Enabled=false
WebUI\Address=127.0.0.1
WebUI\CSRFProtection=false
WebUI\HostHeaderValidation=false
WebUI\LocalHostAuth=false
WebUI\Port={web_port}
WebUI\UseUPnP=false
"""


class QBittorrent(Client):
    """Announces what libtorrent does: of the downloaded bytes only those that it could use."""

    name = "qbittorrent"

    def __init__(self, **options):
        super().__init__(**options)
        self.final = None
        self.sockets = None
        self.web_port = free_port()

    def start(self, torrent, torrent_file, seed):
        self.prepare(torrent, seed)
        configuration = self.directory / "qBittorrent/config"
        configuration.mkdir(parents=True)
        text = CONFIGURATION.format(bind=self.bind, port=free_port(), web_port=self.web_port)
        (configuration / "qBittorrent.conf").write_text(text)
        # Each instance has a local socket there, whose name must not be too long.
        self.sockets = tempfile.TemporaryDirectory(prefix="qb")
        environment = clean_environment(HOME=str(self.directory), TMPDIR=self.sockets.name)
        arguments = ["qbittorrent-nox", f"--profile={self.directory}"]
        self.process = Process(arguments, self.log, environment=environment)
        self.add(torrent_file.read_bytes())
        wait_until(self.state, 15, f"{self.name} has its torrent")

    def call(self, path, data=None, headers=None):
        """The body of an answer."""
        url = f"http://127.0.0.1:{self.web_port}/api/v2/{path}"
        request = urllib.request.Request(url, data, headers or {})

        def send():
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read().decode()

        return self.patiently(send)

    def get(self, path):
        """A read."""
        return self.call(path)

    def post(self, path, **fields):
        """A change."""
        return self.call(path, urllib.parse.urlencode(fields).encode())

    def add(self, torrent):
        """Adds a .torrent; what lies in the download folder is checked."""
        fields = {"savepath": str(self.downloads), "root_folder": "false"}
        if self.rate_limit:
            fields["upLimit"] = str(self.rate_limit)
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
            for k, v in fields.items()
        ]
        parts.append(
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"torrents\"; "
            'filename="t.torrent"\r\nContent-Type: application/x-bittorrent\r\n\r\n'.encode()
            + torrent
            + f"\r\n--{boundary}--\r\n".encode()
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        assert self.call("torrents/add", b"".join(parts), kind) == "Ok."

    def state(self):
        """The torrent's fields."""
        rows = json.loads(self.get("torrents/info"))
        return rows[0] if rows else None

    def completed_bytes(self):
        state = self.state()
        return 0 if "checking" in state["state"] else state["completed"]

    def reannounce(self):
        self.post("torrents/reannounce", hashes="all")

    def stop(self):
        # A paused torrent says `stopped`; the counters can still be read afterwards.
        self.post("torrents/pause", hashes="all")
        wait_until(lambda: "paused" in self.state()["state"], 10, f"{self.name} has paused")
        self.final = self.state()
        properties = self.get(f"torrents/properties?hash={self.final['hash']}")
        self.final["total_wasted"] = json.loads(properties)["total_wasted"]
        self.process.signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS), f"{self.name} does not end"

    def reported_totals(self):
        state = self.final
        return state["uploaded_session"], state["downloaded_session"] - state["total_wasted"]
