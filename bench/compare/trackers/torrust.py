"""torrust-tracker."""

from trackers.cargo import CargoTracker

CONFIG = """\
[metadata]
schema_version = "2.0.0"
[logging]
threshold = "error"
[core]
listed = false
private = false
tracker_usage_statistics = false
[core.database]
driver = "sqlite3"
path = "./sqlite3.db"
[core.tracker_policy]
max_peer_timeout = 86400
persistent_torrent_completed_stat = false
remove_peerless_torrents = false
[[udp_trackers]]
bind_address = "127.0.0.1:{port}"
[[http_trackers]]
bind_address = "127.0.0.1:{port}"
[health_check_api]
bind_address = "127.0.0.1:{health_port}"
"""


class Torrust(CargoTracker):
    name = "torrust"
    title = "torrust-tracker 3.0.0"
    package = "torrust-tracker"
    version = "3.0.0"
    notes = ("sends up to 74 peers whatever is asked for",)

    def configure(self):
        config = CONFIG.format(port=self.port, health_port=self.port + 1)
        (self.directory / "config.toml").write_text(config)
        return [self.binary()]

    def environment(self):
        return {"TORRUST_TRACKER_CONFIG_TOML_PATH": "config.toml"}


TRACKERS = (Torrust,)
