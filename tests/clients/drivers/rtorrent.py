"""rTorrent 0.9.8 as a daemon, watched through XML-RPC over SCGI."""

import signal
import socket
import xmlrpc.client

from drivers.base import Client
from ports import free_port
from processes import Process
from waiting import wait_until

STOP_SECONDS = 30


class RTorrent(Client):
    """Announces the bytes of the chunks that it completed as `downloaded`."""

    name = "rtorrent"

    def __init__(self, **options):
        super().__init__(**options)
        self.final = None
        self.scgi_port = free_port()

    def start(self, torrent, torrent_file, seed):
        self.prepare(torrent, seed)
        session = self.directory / "session"
        session.mkdir()
        port = free_port()
        configuration = self.directory / "rtorrent.rc"
        lines = [
            "system.daemon.set = true",
            f"directory.default.set = {self.downloads}",
            f"session.path.set = {session}",
            f"network.port_range.set = {port}-{port}",
            "network.port_random.set = no",
            f"network.bind_address.set = {self.bind}",
            f"network.scgi.open_port = 127.0.0.1:{self.scgi_port}",
            "network.http.ssl_verify_peer.set = 0",
            "network.http.ssl_verify_host.set = 0",
            "dht.mode.set = disable",
            "protocol.pex.set = no",
            "protocol.encryption.set = none",
            "trackers.use_udp.set = yes",
            f"throttle.global_up.max_rate.set_kb = {(self.rate_limit or 0) // 1024}",
            f"load.start = {torrent_file}",
        ]
        configuration.write_text("\n".join(lines) + "\n")
        arguments = ["rtorrent", "-n", "-o", f"import={configuration}"]
        self.process = Process(arguments, self.log, cwd=self.directory)
        wait_until(self.state, 15, f"{self.name} has its torrent")

    def rpc(self, method, *parameters):
        """One call and its answer."""
        body = xmlrpc.client.dumps(parameters, method).encode()
        headers = b"CONTENT_LENGTH\0%d\0SCGI\x001\0" % len(body)

        def post():
            reply = b""
            with socket.create_connection(("127.0.0.1", self.scgi_port), 10) as connection:
                connection.sendall(b"%d:%s,%s" % (len(headers), headers, body))
                while chunk := connection.recv(65536):
                    reply += chunk
            return xmlrpc.client.loads(reply.split(b"\r\n\r\n", 1)[1])[0][0]

        return self.patiently(post)

    def state(self):
        """The torrent's fields of interest."""
        fields = ["up.total", "down.total", "completed_bytes", "hashing", "is_active", "message"]
        calls = [f"d.{field}=" for field in ["hash", *fields]]
        rows = self.rpc("d.multicall2", "", "main", *calls)
        return dict(zip(["hash", *fields], rows[0])) if rows else None

    def completed_bytes(self):
        state = self.state()
        return 0 if state["hashing"] else state["completed_bytes"]

    def reannounce(self):
        self.rpc("d.tracker_announce.force", self.state()["hash"])

    def stop(self):
        # A stopped torrent says `stopped`; the counters can still be read afterwards.
        self.rpc("d.stop", self.state()["hash"])
        wait_until(lambda: not self.state()["is_active"], 10, f"{self.name} has stopped")
        self.final = self.state()
        self.process.signal(signal.SIGINT)
        assert self.process.wait(STOP_SECONDS), f"{self.name} does not end"

    def reported_totals(self):
        state = self.final or self.state()
        return state["up.total"], 0 if self.seed else state["completed_bytes"]
