"""The load generator, `bench/src/bin/load.rs`, as a function."""

import json
import os
import subprocess
from dataclasses import dataclass, replace

SPARE_SECONDS = 30


class LoadFailed(Exception):
    """The generator could not measure."""


@dataclass(frozen=True)
class Population:
    """Who announces. Trackers are filled with all of them before anything is measured."""

    peers: int
    torrents: int
    users: int
    seed: int = 1
    seeders: float = 0.5
    numwant: int = 50
    #: Addresses that they announce from, each with a connection: 60,000 peers each at most.
    sources: int = 64

    def further(self):
        """As many others: new peers in new torrents, with users of their own."""
        return replace(self, seed=self.seed + 1)

    def arguments(self):
        return [
            *("--peers", str(self.peers)),
            *("--torrents", str(self.torrents)),
            *("--seed", str(self.seed)),
            *("--seeders", str(self.seeders)),
            *("--numwant", str(self.numwant)),
            *("--sources", str(self.sources)),
            *("--connections", str(self.sources)),
        ]


class Generator:
    """`load` on cores of its own."""

    def __init__(self, binary, cores):
        self.binary = binary
        self.cores = cores

    def run(
        self,
        tracker,
        path,
        population,
        *,
        seconds=0,
        rate="max",
        fill_seconds=None,
        url=None,
        options=(),
    ):
        """Announces to a tracker. Fills it first if `fill_seconds`, the most it may take, is given.

        `url` is where, if not at the tracker's own for the path; `options` are further ones of
        `load run`. Returns what `load run --json` prints.
        """
        url = url or tracker.url(path)
        command = [
            *("taskset", "-c", ",".join(map(str, self.cores))),
            *(self.binary, "run", url, "--json"),
            *population.arguments(),
            *("--threads", str(len(self.cores))),
            *("--seconds", str(seconds)),
            *("--rate", str(rate)),
            *("--pid", str(tracker.pid)),
        ]
        if path == "close":
            command.append("--close")
        if "{passkey}" in url:
            command += ["--users", str(population.users)]
            if path == "udp":
                command.append("--bep41")
        command += options
        if fill_seconds:
            command += ["--fill", "--fill-seconds-max", str(fill_seconds)]
        limit = seconds + (fill_seconds or 0) + SPARE_SECONDS
        return json.loads(self.output(command, limit))

    def lines(self, what, population):
        """The `passkeys` or info-hashes (`torrents`) of a population."""
        number = {"passkeys": "users", "torrents": "torrents"}[what]
        command = [self.binary, what, f"--{number}", str(getattr(population, number))]
        command += ["--seed", str(population.seed)]
        return self.output(command, SPARE_SECONDS).split()

    def check_free(self, port):
        """Raises if something listens on the port."""
        self.output([self.binary, "check-free", str(port)], SPARE_SECONDS)

    def output(self, command, seconds_max):
        try:
            done = subprocess.run(
                [str(word) for word in command],
                capture_output=True,
                text=True,
                timeout=seconds_max,
                check=False,
                env=os.environ | {"RUST_BACKTRACE": "0"},
            )
        except subprocess.TimeoutExpired as error:
            raise LoadFailed(f"load did not end within {seconds_max} s") from error
        if done.returncode != 0:
            raise LoadFailed(done.stderr.strip().splitlines()[-1] if done.stderr else "load failed")
        return done.stdout
