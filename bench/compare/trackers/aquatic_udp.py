"""aquatic_udp, the two builds of it."""

from trackers.cargo import CargoTracker

CONFIG = """\
socket_workers = {workers}
log_level = "error"
[network]
address = "127.0.0.1:{port}"
[protocol]
max_response_peers = {numwant}
[statistics]
interval = 0
[cleaning]
max_peer_age = 86400
[access_list]
mode = "off"
"""


class Mio(CargoTracker):
    name = "aquatic_udp"
    title = "aquatic_udp 0.9.0"
    package = "aquatic_udp"
    version = "0.9.0"
    paths = ("udp",)

    def configure(self):
        config = CONFIG.format(
            workers=len(self.place.cores), port=self.port, numwant=self.place.numwant()
        )
        (self.directory / "config.toml").write_text(config)
        return [self.binary(), "-c", "config.toml"]


class IoUring(Mio):
    name = "aquatic_udp_io_uring"
    title = "aquatic_udp 0.9.0, io_uring"
    features = ("io-uring",)
    program = "aquatic_udp"


TRACKERS = (Mio, IoUring)
