"""mika, as a public and as a private tracker."""

import os
import signal
import sqlite3
from pathlib import Path

from tracker import Tracker, Unavailable

CONFIG = """\
[tracker]
mode = "{mode}"
auto_register_torrents = true
numwant_default = {numwant}
sessions_per_user_and_torrent_max = 1000
[http]
listen = ["127.0.0.1:{port}"]
workers = {workers}
[udp]
listen = ["127.0.0.1:{port}"]
workers = {workers}
[admin]
listen = "127.0.0.1:{admin_port}"
[data]
dir = "data"
[log]
filter = "warn"
"""


class Mika(Tracker):
    mode = ""
    is_mika = True
    answering = ("http", "udp")

    def binary(self):
        path = Path(os.environ.get("MIKA_BIN", self.place.binaries / "mika")).resolve()
        if not path.is_file():
            raise Unavailable("not built: `cargo build --release -p mika`")
        return path

    def configure(self):
        config = CONFIG.format(
            mode=self.mode,
            numwant=self.place.numwant(),
            port=self.port,
            workers=len(self.place.cores),
            admin_port=self.port + 1,
        )
        (self.directory / "config.toml").write_text(config)
        command = [self.binary(), "serve", "--config", "config.toml"]
        self.prepare(command)
        return command

    def prepare(self, command):
        """What has to be there before the start."""


class PublicMika(Mika):
    name = "mika-public"
    title = "mika, public"
    mode = "public"


class PrivateMika(Mika):
    name = "mika-private"
    title = "mika, private"
    mode = "private"
    notes = (
        "looks up passkeys, counts bytes, and writes them to its journal and to SQLite on the "
        "cores of the tracker",
        "over UDP the passkey comes in each announce (BEP 41)",
    )

    def announce_path(self):
        return "/{passkey}/announce"

    def prepare(self, command):
        """Lets it make its tables, and fills in the users."""
        self.launch(command)
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            raise Unavailable(f"ended at its first start: {self.last_words()}")
        passkeys = self.place.all_lines("passkeys")
        users = [(f"user{number}", passkey, 1) for number, passkey in enumerate(passkeys)]
        database = sqlite3.connect(self.directory / "data/mika.sqlite")
        with database:
            database.executemany(
                "INSERT INTO users (name, passkey, role_id) VALUES (?, ?, ?)", users
            )
        database.close()


TRACKERS = (PublicMika, PrivateMika)
