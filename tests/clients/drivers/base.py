"""What every driver can do."""

import time
import urllib.error
from abc import ABC, abstractmethod
from pathlib import Path

from waiting import WaitTimeout, wait_until

INTERFACE_SECONDS = 20
REANNOUNCE_EVERY_SECONDS = 2.0


class Client(ABC):
    """One client process with one torrent, reachable on loopback only.

    `bind` is the address of the client itself: it announces from it and is reached at it.
    `rate_limit` is in bytes per second, for the upload of a seeder.
    """

    name = "?"

    def __init__(self, directory, bind="127.0.0.1", rate_limit=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.downloads = self.directory / "downloads"
        self.downloads.mkdir(exist_ok=True)
        self.log = self.directory / "client.log"
        self.bind = bind
        self.rate_limit = rate_limit
        self.process = None
        self.torrent = None
        self.seed = False
        self.last_reannounce = time.monotonic()

    @abstractmethod
    def start(self, torrent, torrent_file, seed):
        """Starts the client with `torrent_file`; a seeder has the content in `self.downloads`."""

    @abstractmethod
    def completed_bytes(self):
        """How much of the content the client has, verified, by its own account."""

    @abstractmethod
    def reannounce(self):
        """Asks for an announce now, if the client can do that. May be called at any time."""

    @abstractmethod
    def stop(self):
        """Ends the client in its graceful way: it announces `stopped` with its final counters."""

    @abstractmethod
    def reported_totals(self):
        """(uploaded, downloaded) of this run by the client's own account, in bytes.

        After `stop` these are the final ones.
        """

    def patiently(self, request):
        """The result of `request`, which is repeated while the client's interface is not there."""

        def attempt():
            try:
                return [request()]
            except urllib.error.HTTPError:
                raise
            except OSError:
                self.process.check_running()
                return None

        return wait_until(attempt, INTERFACE_SECONDS, f"{self.name} answers")[0]

    def prepare(self, torrent, seed):
        """What all `start`s begin with."""
        self.torrent, self.seed = torrent, seed
        if seed:
            torrent.write_content(self.downloads)

    def poke(self):
        """Asks for an announce unless that was done a moment ago."""
        if time.monotonic() - self.last_reannounce > REANNOUNCE_EVERY_SECONDS:
            self.last_reannounce = time.monotonic()
            self.reannounce()

    def wait_bytes(self, count, timeout_seconds, others=()):
        """Waits until the client has `count` bytes; nudges it and the others meanwhile."""
        deadline = time.monotonic() + timeout_seconds
        while self.completed_bytes() < count:
            for client in (self, *others):
                client.process.check_running()
                client.poke()
            if time.monotonic() > deadline:
                have = self.completed_bytes()
                raise WaitTimeout(f"{self.name} has {have} of {count} bytes")
            time.sleep(0.1)

    def wait_complete(self, timeout_seconds=60, others=()):
        """Waits until the client has everything, and compares it with the original."""
        self.wait_bytes(self.torrent.size, timeout_seconds, others)

    def check_content(self):
        """Waits until what lies on disk is the original: a client may write a little later."""
        path = self.downloads / self.torrent.name

        def written():
            return path.is_file() and path.read_bytes() == self.torrent.content

        wait_until(written, 15, f"{self.name} has written the content")

    def kill(self):
        """Ends the client at once, if it still runs."""
        if self.process is not None:
            self.process.kill()

    def log_tail(self):
        """The end of the client's output."""
        return self.process.log_tail() if self.process else ""
