#!/usr/bin/env python3
"""Measures what announces wait while the tracker works in the background.

    bench/compare/stall.py               1M torrents, 5M peers, about 10 minutes; writes
                                         docs/does-it-stall.md and results/stall.json, of which
                                         compare.py takes its rows
    bench/compare/stall.py --quick       small, half a minute; prints

mika and the generator have to be built:

    cargo build --release -p mika
    cargo build --release -p mika-bench --bin load
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import curves
import machine
from cells import judge_one, table
from compare import STALL, make_place, version
from further_report import STALL_MOST_MILLISECONDS
from generator import Population
from report import put_between
from summary import Spread
from tracker import ROOT
from trackers.mika import PrivateMika

DOCUMENT = ROOT / "docs/does-it-stall.md"
IMAGE = "images/stall.svg"
BEGIN = "<!-- Begin: written by bench/compare/stall.py; edit that instead. -->"
END = "<!-- End of what bench/compare/stall.py wrote. -->"
PORT = 47900
FILL_SECONDS_MAX = 600
#: Each waits for half a minute.
FLUSHES_MAX = 20
#: As idle as it gets: no work in the background but what is asked for.
QUIET = """\
[flush]
interval_milliseconds = 60000
[snapshot]
interval_seconds = 86400
[store]
resync_seconds = 0
full_resync_seconds = 0
"""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    population: Population = Population(
        peers=5_000_000, torrents=1_000_000, users=10_000, sources=128
    )
    rate: int = 3000
    seconds: int = 10
    #: Every phase is measured so often, in turns with the idle tracker.
    rounds: int = 5


QUICK = Plan(Population(peers=50_000, torrents=10_000, users=1000), 1000, 3, 1)

#: What runs meanwhile: its name, and the keys that make the tracker do it again and again.
WORK = {
    "idle": (),
    "flush": ("flush.interval_milliseconds=1000",),
    "snapshot": ("snapshot.interval_seconds=1",),
    "reload": ("store.full_resync_seconds=1",),
    "expiry": ("tracker.min_interval_seconds=0", "tracker.interval_seconds=60",
               "tracker.peer_timeout_seconds=61"),
}
QUANTILES = ("p50", "p99", "p99_9", "max")
TITLES = {
    "idle": "nothing",
    "flush": "flush: a batch each second",
    "snapshot": "snapshots, one after the other",
    "reload": "reload: all users and torrents read again, one after the other",
    "expiry": "expiry: all peers that do not announce meanwhile time out",
}


class Mika(PrivateMika):
    """With an API that is asked to begin and end the work."""

    def prepare(self, command):
        config = self.directory / "config.toml"
        config.write_text(config.read_text() + QUIET)
        super().prepare(command)

    def flush(self):
        """Until nothing waits: after the fill that takes minutes."""
        for _ in range(FLUSHES_MAX - 1):
            if self.asked("flush").returncode == 0:
                return
        self.client("flush")

    def client(self, *words):
        """What it prints."""
        done = self.asked(*words)
        if done.returncode != 0:
            raise SystemExit(f"mika client {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def asked(self, *words):
        url = f"http://127.0.0.1:{self.port + 1}"
        command = [self.binary(), "client", "--url", url, "--data-dir", "data", "-y", *words]
        return subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, timeout=300, check=False
        )

    def peers(self):
        stats = json.loads(self.client("--json", "stats"))
        return stats["seeders"] + stats["leechers"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release")
    parser.set_defaults(command="run", rivals=ROOT / "target/rivals")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    head = machine.facts()
    with tempfile.TemporaryDirectory(prefix="mika-stall-") as work:
        runs = measure(make_place(options, work), plan)
    found = figures(plan, runs)
    text = generated(plan, head, found)
    if options.quick:
        print(text)
        return
    DOCUMENT.write_text(put_between(DOCUMENT.read_text(), text, BEGIN, END))
    (DOCUMENT.parent / IMAGE).write_text(plot(runs))
    STALL.write_text(json.dumps(found, indent=1) + "\n")


def measure(place, plan):
    """Latencies by the work that went on meanwhile: one per round, idle before each of them."""
    place.populations = (plan.population,)
    tracker = Mika(place)
    tracker.start(PORT)
    runs = {what: [] for what in WORK}
    try:
        generator = place.generator
        fill = generator.run(tracker, "udp", plan.population, fill_seconds=FILL_SECONDS_MAX)["fill"]
        tracker.flush()
        machine.settle(tracker.pid, 60)
        say(f"{fill['answered']} peers in {machine.resident_bytes(tracker.pid) / 2**20:.0f} MiB")
        for _ in range(plan.rounds):
            for what in WORK:
                if what not in ("idle", "expiry"):
                    runs["idle"].append(run(tracker, plan, "idle"))
                    runs[what].append(run(tracker, plan, what))
        # The last, for there are no peers afterwards.
        longer = replace(plan, seconds=4 * plan.seconds)
        before = tracker.peers()
        runs["expiry"].append(run(tracker, longer, "expiry") | {"peers": [before, tracker.peers()]})
    finally:
        tracker.stop()
    return runs


def run(tracker, plan, what):
    keys = WORK[what]
    tracker.flush()
    if keys:
        tracker.client("config", "set", *keys)
    load = tracker.place.generator.run(
        tracker, "keep-alive", plan.population, seconds=plan.seconds, rate=plan.rate
    )
    if keys:
        tracker.client("config", "unset", *(key.split("=")[0] for key in keys))
    machine.settle(tracker.pid, 60)
    latency = load["run"]["latency_us"]
    say(f"{what}: p99.9 {latency['p99_9']} us, {load['run']['failed']} failed")
    return load


def latency(runs, quantile):
    """The median of the rounds, in milliseconds."""
    return Spread(load["run"]["latency_us"][quantile] / 1000 for load in runs).middle


def figures(plan, runs):
    """What is kept of the runs: quantiles, no histograms."""
    work = {}
    for what, loads in runs.items():
        work[what] = {
            "answered": sum(load["run"]["replies"] for load in loads),
            "failed": sum(load["run"]["failed"] + load["run"]["drops"] for load in loads),
            "steal_percent": max(load["system"]["steal_percent"] for load in loads),
        }
        for quantile in QUANTILES:
            work[what][f"{quantile}_ms"] = latency(loads, quantile)
    people = plan.population
    return {
        "date": f"{datetime.date.today()}",
        "version": version(),
        "plan": {
            "peers": people.peers,
            "torrents": people.torrents,
            "rate": plan.rate,
            "rounds": plan.rounds,
            "seconds": plan.seconds,
        },
        "work": work,
        "expiry_peers": runs["expiry"][0]["peers"],
    }


def generated(plan, head, found):
    """`found` are `figures`."""
    people = plan.population
    idle = found["work"]["idle"]["p99_9_ms"]
    before, after = found["expiry_peers"]
    rows = []
    for what, work in found["work"].items():
        slower = work["p99_9_ms"] - idle
        verdict = ["", ""]
        if what != "idle":
            verdict = [f"{slower:+.2f}", judge_one(slower, STALL_MOST_MILLISECONDS)]
        times = [f"{work[f'{quantile}_ms']:.2f}" for quantile in QUANTILES]
        rows.append(
            [TITLES[what], f"{work['answered']:,}", str(work["failed"]), *times, *verdict,
             f"{work['steal_percent']:.1f}"]
        )
    header = ["Meanwhile", "answered", "failed", "p50", "p99", "p99.9", "max", "p99.9 more", "",
              "steal %"]
    lines = [
        f"Measured on {found['date']} with mika {found['version']}: {people.peers:,} peers in "
        f"{people.torrents:,} torrents, {plan.rate:,} announces per second over HTTP connections "
        f"that are kept, each asking for {people.numwant} peers. {head['tracker_cores']} cores of "
        f"{head['processor']} for the tracker, {head['generator_cores']} for the generator; load "
        f"average before: {head['load_average_before']}. Milliseconds from the moment at which "
        f"an announce was due, medians of {plan.rounds} rounds of {plan.seconds} s in turns; "
        f"expiry once, {4 * plan.seconds} s.",
        "",
        *table(header, "lrrrrrrrlr", rows),
        f"At the expiry, of {before:,} peers {after:,} were left.",
        "",
        f"The target: p99.9 at most {STALL_MOST_MILLISECONDS:.0f} ms above that of the idle "
        "tracker.",
        "",
        f"![How many announces take longer]({IMAGE})",
    ]
    return "\n".join(lines)


def plot(runs):
    merged = {}
    for what, loads in runs.items():
        counts = {}
        for load in loads:
            for upper, count in load["run"]["latency_histogram_us"]:
                counts[upper] = counts.get(upper, 0) + count
        merged[TITLES[what]] = sorted(counts.items())
    return curves.slower_than("Share of announces that take longer", merged)


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
