"""What else mika has promised itself, and no rival takes part in over a socket: in one process
beside aquatic's code, threads, memory of swarms, ten million peers, idle connections, TLS.

Each part measures, or says why it cannot: nothing is left out silently.
"""

import json
import os
import resource
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

import machine
from further_report import IDLE_LEAST
from generator import LoadFailed, Population
from measure import COMPLETE_SHARE, in_turn, say
from tracker import ROOT, Unavailable, raise_limits, run_installer
from trackers.mika import PrivateMika, PublicMika

IN_PROCESS = ROOT / "bench/in-process"
BUILD_SECONDS_MAX = 3600
PORT_FIRST = 48100

#: Files that a process needs besides its connections.
FILES_BESIDES = 2_000

#: Threads of the largest case of `core threads`, and of `core hot`: two announce for the hot
#: torrent and one for the others.
SCALING_CORES = 4
HOT_CORES = 3

#: Kind, torrents, peers of each; the sizes of a private swarm are those at which its form changes.
SWARMS = (
    ("private", 1_000_000, 1),
    ("private", 100_000, 10),
    ("private", 90_910, 11),
    ("private", 62_500, 16),
    ("private", 58_824, 17),
    ("private", 33_334, 30),
    ("private", 30_304, 33),
    ("private", 22_223, 45),
    ("private", 20_000, 50),
    ("private", 10_000, 100),
    ("private", 1, 1_000_000),
    ("public", 100_000, 10),
    ("public", 10_000, 100),
    ("public", 1, 1_000_000),
)
CHURNS = (("private", 3_000, 100), ("private", 1, 300_000), ("public", 1, 300_000))

#: Ways to announce over HTTP: with TLS or without, and options of the generator.
TLS_WAYS = {
    "kept": ("keep-alive", False, ()),
    "kept-tls": ("keep-alive", True, ()),
    "close": ("close", False, ()),
    "close-tls-resumed": ("close", True, ()),
    "close-tls-full": ("close", True, ("--full-handshakes",)),
}

HTTPS = """\
[https]
listen = ["127.0.0.1:{port}"]
certificate_file = "cert.pem"
key_file = "key.pem"
"""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    seconds: float = 8
    #: Whom the tracker holds while connections are measured.
    speed: Population = Population(peers=1_000_000, torrents=10_000, users=10_000)
    large: Population = Population(
        peers=10_000_000, torrents=1_000_000, users=10_000, sources=256
    )
    large_fill_seconds: int = 600
    #: At most, until all of them are written to the store.
    large_rest_seconds: int = 600
    #: Of `bench/in-process` and of `core`, each of which is short.
    process_rounds: int = 5
    process_options: tuple = ()
    core_options: tuple = ()
    idle_wanted: int = IDLE_LEAST
    swarms: tuple = SWARMS
    churns: tuple = CHURNS
    #: Names of parts that take too long.
    left_out: tuple = ()


QUICK = Plan(
    rounds=2,
    seconds=1.5,
    speed=Population(peers=20_000, torrents=200, users=100),
    process_rounds=2,
    process_options=("--announces", "5000", "--peers-max", "100000"),
    core_options=("--torrents", "5000"),
    idle_wanted=500,
    swarms=(("private", 100_000, 10),),
    churns=(),
    left_out=("large",),
)


def measure(place, plan):
    """By the names of the parts, what was found or `unavailable` or `left_out` with the reason."""
    found = {}
    for number, (name, part) in enumerate(PARTS.items()):
        if name in plan.left_out:
            found[name] = {"left_out": "it takes too long for --quick"}
            continue
        try:
            found[name] = part(place, plan, PORT_FIRST + 10 * number)
        except (Unavailable, LoadFailed, OSError, ValueError) as why:
            found[name] = {"unavailable": str(why)}
        say(f"{name}: {shortened(found[name])}")
    return found


def shortened(found):
    words = json.dumps(found)
    return words if len(words) < 200 else f"{words[:200]}…"


# ---- In one process ----


def install(place):
    """Compiles what runs aquatic's code and mika's in one process."""
    command = ["nice", "cargo", "build", "--release", "--locked"]
    command += ["--manifest-path", IN_PROCESS / "Cargo.toml"]
    run_installer([*command, "--target-dir", place.rivals / "in-process"], BUILD_SECONDS_MAX)


def in_process(place, plan, _):
    binary = place.rivals / "in-process/release/mika-bench-in-process"
    if not binary.is_file():
        raise Unavailable("bench/in-process is not built: `compare.py install` was not run")
    command = [*on_first_core(place), binary, "--json", *plan.process_options]
    command += ["--numwant", plan.speed.numwant, "--rounds", plan.process_rounds]
    return printed(command, 900)


def threads(place, plan, _):
    """On all cores: nothing else runs meanwhile."""
    return core(place, plan, "threads", SCALING_CORES)


def hot(place, plan, _):
    return core(place, plan, "hot", HOT_CORES)


def core(place, plan, what, cores):
    there = len(os.sched_getaffinity(0))
    if there < cores:
        raise Unavailable(f"it takes {cores} cores, and there are {there}")
    command = [own(place, "core"), what, "--json", *plan.core_options]
    command += ["--numwant", plan.speed.numwant, "--rounds", plan.process_rounds]
    return printed(command, 900)


def swarm_memory(place, plan, _):
    """Growth of the resident set, each case in a process of its own."""
    binary = own(place, "memory")
    # Like the default of 10 s, but without the wait.
    environment = os.environ | {"_RJEM_MALLOC_CONF": "dirty_decay_ms:500"}
    fills, churns = [], []
    for swarm in plan.swarms:
        fills.append(
            {"kind": swarm[0], "torrents": swarm[1], "peers_per_torrent": swarm[2]}
            | printed([binary, "fill", *swarm, "--json"], 300, env=environment)
        )
    for swarm in plan.churns:
        command = [binary, "churn", *swarm, "--leecher-every", 0, "--json"]
        churns.append(
            {"kind": swarm[0], "torrents": swarm[1], "peers_per_torrent": swarm[2]}
            | printed(command, 600, env=environment)
        )
    return {"fills": fills, "churns": churns}


def own(place, name):
    """A program of `mika-bench`."""
    path = place.binaries / name
    if not path.is_file():
        raise Unavailable(f"not built: `cargo build --release -p mika-bench --bin {name}`")
    return path


def on_first_core(place):
    return "taskset", "-c", place.cores[0]


def printed(command, seconds_max, **options):
    """What a program prints as JSON."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds_max, check=False, **options
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"it did not end within {seconds_max} s") from error
    if done.returncode != 0:
        raise Unavailable((done.stderr.strip().splitlines() or ["it failed"])[0])
    return json.loads(done.stdout)


# ---- The server ----


@contextmanager
def filled(kind, place, population, port, fill_seconds=120):
    """A tracker that holds a population, and what its fill was."""
    place.populations = (population,)
    tracker = kind(place)
    try:
        tracker.start(port)
        empty = machine.resident_bytes(tracker.pid)
        fill = place.generator.run(
            tracker, tracker.fill_path, population, fill_seconds=fill_seconds
        )["fill"]
        yield tracker, fill | {"bytes_empty": empty}
    finally:
        tracker.stop()


def large(place, plan, port):
    """Ten million peers: the resident set at once, at most until then, and at rest."""
    people = plan.large
    with filled(PrivateMika, place, people, port, plan.large_fill_seconds) as (tracker, fill):
        at_once = machine.resident_bytes(tracker.pid)
        is_at_rest = machine.settle(tracker.pid, plan.large_rest_seconds)
        # The allocator gives back what was freed after 10 s.
        time.sleep(15)
        found = {
            "peers": people.peers,
            "torrents": people.torrents,
            "users": people.users,
            "answered": fill["answered"],
            "fill_seconds": fill["seconds"],
            "bytes_empty": fill["bytes_empty"],
            "bytes_at_once": at_once,
            "is_at_rest": is_at_rest,
            "rest_seconds_max": plan.large_rest_seconds,
            "bytes_at_rest": machine.resident_bytes(tracker.pid),
            "bytes_peak": machine.peak_bytes(tracker.pid),
        }
    if found["answered"] < COMPLETE_SHARE * people.peers:
        raise Unavailable(
            f"{found['answered']:,} of {people.peers:,} peers had joined after "
            f"{plan.large_fill_seconds} s"
        )
    return found


class IdleMika(PublicMika):
    """Closes no connection for being idle, and for there being many."""

    name = "mika-idle"

    def environment(self):
        return {"MIKA__HTTP__IDLE_TIMEOUT_SECONDS": "600", "MIKA__LIMITS__CONNECTIONS": "100000"}


def idle(place, plan, port):
    """Connections that say nothing: their memory, and what announces cost beside them."""
    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = plan.idle_wanted
    if files_max != resource.RLIM_INFINITY:
        count = min(count, files_max - FILES_BESIDES)
    if count < 1:
        raise Unavailable(f"a process may open {files_max} files")
    found = {"wanted": plan.idle_wanted, "connections": count, "files_max": files_max}
    with filled(IdleMika, place, plan.speed, port) as (tracker, _):
        found["alone"] = Held(place, tracker, count, seconds=2).end()
        found["rounds"] = []
        for number in range(plan.rounds):
            cpu, closed = {}, 0
            for way in in_turn(["without", "with"], number):
                held = Held(place, tracker, count, plan.seconds + 5) if way == "with" else None
                try:
                    cpu[way] = announce(place, tracker, plan, "keep-alive")
                finally:
                    closed = held.end()["closed_by_server"] if held else closed
                # What is left of the connections must not be in the way of the next.
                machine.settle(tracker.pid, 30, quiet_seconds=1)
            found["rounds"].append(cpu | {"closed": closed})
    return found


class Held:
    """`load idle` while it holds its connections."""

    OPEN_SECONDS_MAX = 60

    def __init__(self, place, tracker, count, seconds):
        command = ["taskset", "-c", ",".join(map(str, place.generator.cores))]
        command += [place.generator.binary, "idle", tracker.url("keep-alive"), "--json"]
        command += ["--connections", count, "--seconds", round(seconds), "--pid", tracker.pid]
        self.seconds = seconds
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=raise_limits,
        )
        end = time.monotonic() + self.OPEN_SECONDS_MAX
        while machine.open_files(tracker.pid) < count and self.process.poll() is None:
            if time.monotonic() > end:
                self.process.kill()
                self.process.communicate()
                raise Unavailable(f"{count} connections did not open")
            time.sleep(0.1)

    def end(self):
        """What it prints."""
        try:
            out, error = self.process.communicate(timeout=self.seconds + self.OPEN_SECONDS_MAX)
        except subprocess.TimeoutExpired as why:
            self.process.kill()
            self.process.communicate()
            raise Unavailable("`load idle` did not end") from why
        if self.process.returncode != 0:
            raise Unavailable((error.strip().splitlines() or ["`load idle` failed"])[-1])
        return json.loads(out)


def announce(place, tracker, plan, path, **more):
    """A run as fast as it goes; the figures that are used of it."""
    load = place.generator.run(tracker, path, plan.speed, seconds=plan.seconds, **more)
    if not load["run"]["replies"] or load["run"]["failed"]:
        raise Unavailable(f"announces failed: {load['run']['failures'] or 'no reply'}")
    return {
        "cpu_us": load["server"]["cpu_us_per_answer"],
        "per_second": load["run"]["replies_per_second"],
        "connects": load["run"]["connects"],
        "resumed": load["run"]["resumed"],
    }


class TlsMika(PublicMika):
    """Over HTTPS, too, with a certificate that it makes for itself."""

    name = "mika-tls"

    @property
    def https_url(self):
        return f"https://127.0.0.1:{self.port + 2}/announce"

    def prepare(self, command):
        self.place.generator.check_free(self.port + 2)
        openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"]
        openssl += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"]
        openssl += ["-keyout", "key.pem", "-out", "cert.pem"]
        try:
            subprocess.run(
                openssl, cwd=self.directory, check=True, capture_output=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable("openssl made no certificate") from error
        config = self.directory / "config.toml"
        config.write_text(config.read_text() + HTTPS.format(port=self.port + 2))


def tls(place, plan, port):
    rounds = []
    with filled(TlsMika, place, plan.speed, port) as (tracker, _):
        for number in range(plan.rounds):
            found = {}
            for way in in_turn(list(TLS_WAYS), number):
                path, is_tls, options = TLS_WAYS[way]
                url = tracker.https_url if is_tls else None
                found[way] = announce(place, tracker, plan, path, url=url, options=options)
                machine.settle(tracker.pid, 30, quiet_seconds=0.5)
            rounds.append(found)
    return {"rounds": rounds}


PARTS = {
    "in_process": in_process,
    "threads": threads,
    "hot": hot,
    "swarm_memory": swarm_memory,
    "large": large,
    "idle": idle,
    "tls": tls,
}
