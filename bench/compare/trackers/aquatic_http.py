"""aquatic_http."""

from trackers.cargo import CargoTracker

CONFIG = """\
socket_workers = {workers}
swarm_workers = 1
log_level = "error"
[network]
address = "127.0.0.1:{port}"
enable_tls = false
keep_alive = true
[protocol]
max_peers = {numwant}
[cleaning]
max_peer_age = 86400
[access_list]
mode = "off"
"""


class AquaticHttp(CargoTracker):
    name = "aquatic_http"
    title = "aquatic_http 0.9.0"
    package = "aquatic_http"
    version = "0.9.0"
    paths = ("keep-alive", "close")
    fill_path = "keep-alive"
    notes = ("a socket worker per core and one swarm worker, as its documentation advises",)

    def configure(self):
        config = CONFIG.format(
            workers=len(self.place.cores),
            port=self.port,
            numwant=self.place.numwant(),
        )
        (self.directory / "config.toml").write_text(config)
        return [self.binary(), "-c", "config.toml"]


TRACKERS = (AquaticHttp,)
