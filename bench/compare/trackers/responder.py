"""mika's sockets and threads without a tracker: what the kernel and the HTTP framing cost."""

from tracker import Tracker, Unavailable


class Responder(Tracker):
    name = "responder"
    title = "responder (no tracker)"
    notes = ("sends the same bytes to everybody, as many as a reply of mika has",)
    is_responder = True
    #: Of a reply, with 50 peers; set again once those of mika are known.
    reply_bytes = 320

    def binary(self):
        path = self.place.binaries / "responder"
        if not path.is_file():
            raise Unavailable("not built: `cargo build --release -p mika-bench --bin responder`")
        return path

    def configure(self):
        return [
            *(self.binary(), f"--{self.protocol}"),
            *("--threads", len(self.place.cores)),
            *("--port", self.port),
            *("--reply-bytes", self.reply_bytes),
        ]


class UdpResponder(Responder):
    name = "responder-udp"
    protocol = "udp"
    paths = ("udp",)


class HttpResponder(Responder):
    name = "responder-http"
    protocol = "http"
    reply_bytes = 500
    paths = ("keep-alive", "close")
    fill_path = "keep-alive"


TRACKERS = (UdpResponder, HttpResponder)
