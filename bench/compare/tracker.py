"""What all trackers have in common: install, configure, start, wait, stop."""

import os
import resource
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

import machine

ROOT = Path(__file__).resolve().parents[2]

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30

UDP_PROTOCOL_ID = 0x41727101980

#: The ways to announce. "keep-alive" and "close" are HTTP.
PATHS = ("udp", "keep-alive", "close")


class Unavailable(Exception):
    """Why a tracker cannot be measured here."""


class Place:
    """Where the comparison keeps what it installs and writes, and what it may use."""

    def __init__(self, rivals, work, cores, generator, binaries):
        self.rivals = Path(rivals)
        self.work = Path(work)
        self.cores = cores
        self.generator = generator
        self.binaries = Path(binaries)
        #: Whom a tracker that is started from now on has to serve.
        self.populations = ()

    def numwant(self):
        """Peers that everybody asks for."""
        return self.populations[0].numwant

    def all_lines(self, what):
        """The passkeys or info-hashes of everybody."""
        return [line for people in self.populations for line in self.generator.lines(what, people)]


class Tracker:
    """A tracker that can be started. One file per tracker in `trackers` derives from it."""

    #: Unique; also the name for `--only`.
    name = ""
    #: As shown, with version.
    title = ""
    #: Of `PATHS`, those that it answers.
    paths = PATHS
    #: Over which it is filled.
    fill_path = "udp"
    #: What differs from the others, for the reader.
    notes = ()
    #: Threads whose names begin so answer announces; others write to a store, say.
    answering = ("",)
    is_mika = False
    is_responder = False

    def __init__(self, place):
        self.place = place
        self.process = None
        self.port = 0
        self.directory = None

    # What a tracker's file says.

    def install(self):
        """Puts it into `place.rivals`."""

    def binary(self):
        """Its program. Raises `Unavailable` if it is not there."""
        raise NotImplementedError

    def configure(self):
        """Writes its configuration into `self.directory`, and returns its command line."""
        raise NotImplementedError

    def environment(self):
        return {}

    def announce_path(self):
        return "/announce"

    # The rest.

    @property
    def pid(self):
        return self.process.pid

    def url(self, path):
        scheme = "udp" if path == "udp" else "http"
        return f"{scheme}://127.0.0.1:{self.port}{self.announce_path()}"

    def start(self, port):
        """Starts it with an empty memory, and waits until it answers."""
        self.binary()
        for used in (port, port + 1):
            self.place.generator.check_free(used)
        self.port = port
        self.directory = self.place.work / self.name
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.launch(self.configure())

    def launch(self, command):
        cores = ",".join(map(str, self.place.cores))
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", cores, *map(str, command)],
                cwd=self.directory,
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=raise_limits,
            )
        self.wait()

    def wait(self):
        """Until it answers over everything that it is measured with."""
        end = time.monotonic() + START_SECONDS_MAX
        missing = {"udp" if path == "udp" else "tcp" for path in self.paths}
        while missing:
            if self.process.poll() is not None:
                raise Unavailable(f"ended at its start: {self.last_words()}")
            if time.monotonic() > end:
                self.stop()
                raise Unavailable(f"does not answer within {START_SECONDS_MAX} s")
            missing = {kind for kind in missing if not answers(kind, self.port)}
            if missing:
                time.sleep(0.1)

    def last_words(self):
        """The last line that it printed, without paths of this machine."""
        lines = (self.directory / "log").read_text(errors="replace").strip().splitlines()
        words = lines[-1] if lines else "no output"
        return words.replace(str(self.place.work), "…").replace(str(ROOT), "…")[:200]

    def stop(self):
        if self.process is None:
            return
        if machine.is_alive(self.pid):
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def answering_seconds(self, threads):
        """Of the CPU time, by names of threads, that of those that answer."""
        return sum(s for name, s in threads.items() if name.startswith(self.answering))


def raise_limits():
    """io_uring wants locked memory, connections want files."""
    for what in (resource.RLIMIT_MEMLOCK, resource.RLIMIT_NOFILE):
        hard = resource.getrlimit(what)[1]
        wanted = hard if what == resource.RLIMIT_NOFILE else resource.RLIM_INFINITY
        try:
            resource.setrlimit(what, (wanted, wanted))
        except (OSError, ValueError):
            resource.setrlimit(what, (hard, hard))


def answers(kind, port):
    """Whether something answers on a port of this machine."""
    if kind == "tcp":
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        try:
            probe.sendto(struct.pack(">QII", UDP_PROTOCOL_ID, 0, 7), ("127.0.0.1", port))
            return len(probe.recv(64)) >= 16
        except OSError:
            return False


def run_installer(command, seconds_max, **options):
    """Runs a package manager; its output is shown as it comes."""
    try:
        done = subprocess.run(
            [str(word) for word in command], timeout=seconds_max, check=False, **options
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error.__class__.__name__}") from error
    if done.returncode != 0:
        raise Unavailable(f"`{' '.join(map(str, command[:3]))}` failed")
