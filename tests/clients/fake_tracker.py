"""A tracker of a few lines, which shows that the drivers and the tests themselves are sound.

Counts as mika is meant to: a session is (torrent, user, peer id), counters are absolute, both
hashes of a hybrid torrent are one torrent. Keeps every announce in `announces`, for comparison
with what the clients say about themselves.
"""

import http.server
import ipaddress
import socket
import ssl
import struct
import threading
import time
import urllib.parse

import bencode

# As long as mika's shortest, so that the clients behave alike.
INTERVAL_SECONDS = 60
UDP_MAGIC = 0x41727101980
UDP_EVENTS = {0: "", 1: "completed", 2: "started", 3: "stopped"}
UDP_CONNECTION_ID = 0x6D696B61


class Swarms:
    """Users, torrents, sessions and totals."""

    def __init__(self):
        self.lock = threading.Lock()
        self.torrents = {}
        self.totals = {}
        self.sessions = {}
        self.snatches = {}
        self.announces = []

    def announce(self, passkey, query, host):
        """Counts one announce. Returns (seeders, leechers, peers) or the text of a refusal."""
        torrent = self.torrents.get(query["info_hash"])
        if passkey not in self.totals:
            return "unknown passkey"
        if torrent is None:
            return "unregistered torrent"
        with self.lock:
            self.announces.append(query | {"at": time.time(), "passkey": passkey, "host": host})
            self.count(passkey, torrent, query, host)
            sessions = {k: s for k, s in self.sessions.items() if k[0] == torrent}
            seeders = sum(s["left"] == 0 for s in sessions.values())
            others = [s for k, s in sessions.items() if k[1] != passkey]
            wanted = [s for s in others if s["left"] > 0 or query["left"] > 0]
            peers = [e for s in wanted for e in s["endpoints"].items()]
            return seeders, len(sessions) - seeders, [(ip, port) for ip, port in peers]

    def count(self, passkey, torrent, query, host):
        """Applies the counters of an announce to its session and user."""
        key = (torrent, passkey, query["peer_id"])
        session = self.sessions.get(key)
        if session is None and query["event"] == "stopped":
            return
        if session is None:
            session = self.sessions[key] = {"endpoints": {}, "left": query["left"]}
        else:
            for index, counter in enumerate(("uploaded", "downloaded")):
                grown = query[counter] - session[counter]
                self.totals[passkey][index] += max(grown, 0)
            if session["left"] > 0 and query["left"] == 0:
                self.snatches[torrent] = self.snatches.get(torrent, 0) + 1
        session |= {k: query[k] for k in ("uploaded", "downloaded", "left")}
        session["endpoints"][host] = query["port"]
        self.sessions[key] = session
        if query["event"] == "stopped":
            del self.sessions[key]


class HttpHandler(http.server.BaseHTTPRequestHandler):
    """Announce and scrape."""

    timeout = 20

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if "announce" not in url.path.split("/"):
            self.reply({"files": {}})
            return
        query = parse_query(url.query)
        for name in ("port", "uploaded", "downloaded", "left"):
            query[name] = int(query.get(name, b"0"))
        for name in ("info_hash", "peer_id"):
            query[name] = query[name].hex()
        query["event"] = query.get("event", b"").decode()
        passkey = passkey_of(self.path)
        result = self.server.swarms.announce(passkey, query, self.client_address[0])
        if isinstance(result, str):
            self.reply({"failure reason": result, "interval": INTERVAL_SECONDS})
            return
        seeders, leechers, peers = result
        four = [p for p in peers if ":" not in p[0]]
        six = [p for p in peers if ":" in p[0]]
        self.reply(
            {
                "complete": seeders,
                "incomplete": leechers,
                "interval": INTERVAL_SECONDS,
                "min interval": 1,
                "peers": compact(four),
                "peers6": compact(six),
            }
        )

    def reply(self, value):
        body = bencode.encode(value)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """`Swarms.announces` is the log."""


class HttpServer(http.server.ThreadingHTTPServer):
    """A listener on IPv4 or IPv6."""

    daemon_threads = True

    def __init__(self, host, port, swarms, tls=None):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.swarms = swarms
        super().__init__((host, port), HttpHandler)
        if tls:
            # The handshake happens in the connection's thread: accepting must not wait for it.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def handle_error(self, *_):
        """A client that hangs up is no error of the test."""


class UdpServer:
    """BEP 15 with the passkey by BEP 41."""

    def __init__(self, host, port, swarms):
        self.swarms = swarms
        self.six = ":" in host
        family = socket.AF_INET6 if self.six else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.closed = False

    def serve_forever(self):
        self.socket.settimeout(0.2)
        while not self.closed:
            try:
                packet, source = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            reply = self.handle(packet, source[0])
            if reply:
                self.socket.sendto(reply, source)
        self.socket.close()

    def shutdown(self):
        self.closed = True

    def handle(self, packet, host):
        connection, action, transaction = struct.unpack_from(">QII", packet)
        if action == 0 and connection == UDP_MAGIC:
            return struct.pack(">IIQ", 0, transaction, UDP_CONNECTION_ID)
        if connection != UDP_CONNECTION_ID:
            return struct.pack(">II", 3, transaction) + b"bad connection id"
        if action == 2:
            return struct.pack(">II", 2, transaction) + bytes(12 * ((len(packet) - 16) // 20))
        if action != 1 or len(packet) < 98:
            return None
        fields = struct.unpack_from(">20s20sQQQIIIiH", packet, 16)
        query = {
            "info_hash": fields[0].hex(),
            "peer_id": fields[1].hex(),
            "downloaded": fields[2],
            "left": fields[3],
            "uploaded": fields[4],
            "event": UDP_EVENTS.get(fields[5], ""),
            "port": fields[9],
        }
        passkey = passkey_of(url_data(packet[98:]).decode())
        result = self.swarms.announce(passkey, query, host)
        if isinstance(result, str):
            return struct.pack(">II", 3, transaction) + result.encode()
        seeders, leechers, peers = result
        head = struct.pack(">IIIII", 1, transaction, INTERVAL_SECONDS, leechers, seeders)
        return head + compact([p for p in peers if (":" in p[0]) == self.six])


def url_data(options):
    """The path that the options of BEP 41 spell."""
    data, position = b"", 0
    while position < len(options) and options[position] != 0:
        if options[position] == 1:
            position += 1
            continue
        length = options[position + 1]
        if options[position] == 2:
            data += options[position + 2 : position + 2 + length]
        position += 2 + length
    return data


def passkey_of(target):
    """The passkey in a path or query, in any of the three usual places."""
    path, _, query = target.partition("?")
    parts = [p for p in path.split("/") if p and p != "announce"]
    return parts[0] if parts else parse_query(query).get("passkey", b"").decode()


def parse_query(text):
    """A query string as bytes by name; the first of several values wins."""
    result = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        result.setdefault(name, urllib.parse.unquote_to_bytes(value))
    return result


def compact(peers):
    """Addresses and ports in the form of BEP 23 and BEP 7."""
    return b"".join(ipaddress.ip_address(h).packed + struct.pack(">H", p) for h, p in peers)


def tls_context(certificate, key):
    """A server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
