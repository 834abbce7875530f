"""The measurements: memory first, then all trackers in turn on each path."""

import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace

import machine
from generator import LoadFailed, Population
from tracker import PATHS, Unavailable

PORT_FIRST = 47100
PORTS_PER_TRACKER = 10

#: Of mika's throughput: trackers below it would make the common rate of the latency runs so low
#: that it says nothing about the others.
SLOW_SHARE = 0.2

#: The common rate of the latency runs, as a share of the slowest tracker's throughput.
LATENCY_RATE_SHARE = 0.5

SETTLE_SECONDS_MAX = 60

#: Of the peers: a fill that got further is complete.
COMPLETE_SHARE = 0.99

#: Of the replies: above it, a tracker refuses rather than answers, and its figures mean nothing.
FAILED_SHARE_MAX = 0.02

#: Of the machine's time: a run from which the hypervisor took more is measured again. What it takes
#: falls on one tracker and not on the next, and with cold caches it costs more than its time.
STEAL_PERCENT_MAX = 3

#: Runs again for that reason, at most; the calmest one counts.
AGAIN_MAX = 4


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    #: At rest, before the resident set counts: allocators keep what was freed for a while, jemalloc
    #: for 10 s, in case it is needed again.
    give_back_seconds: int = 12

    #: 10 peers per torrent.
    memory: Population = Population(peers=1_000_000, torrents=100_000, users=10_000)
    #: 100 peers per torrent, so that everybody can be sent 50.
    speed: Population = Population(peers=1_000_000, torrents=10_000, users=10_000)
    rounds: int = 3
    seconds: float = 8
    latency_rounds: int = 1
    latency_seconds: float = 5
    fill_seconds: int = 60
    measures_memory: bool = True
    paths: tuple = PATHS

    def quick(self):
        """A smoke test."""
        small = replace(self.speed, peers=20_000, torrents=200, users=100)
        return replace(
            self,
            memory=small,
            speed=small,
            rounds=2,
            seconds=1.5,
            latency_seconds=1,
            measures_memory=False,
        )


class Comparison:
    """Runs a plan, and collects what it finds in `self.results`."""

    def __init__(self, place, plan, trackers):
        self.place = place
        self.plan = plan
        self.kinds = trackers
        self.started = []
        self.ports = iter(range(PORT_FIRST, 65_000, PORTS_PER_TRACKER))
        self.results = {
            "plan": asdict(plan),
            "trackers": {
                kind.name: {
                    "title": kind.title,
                    "paths": list(kind.paths),
                    "notes": list(kind.notes),
                    "is_mika": kind.is_mika,
                    "is_responder": kind.is_responder,
                    "unavailable": None,
                    "failed_on": {},
                }
                for kind in trackers
            },
            "memory": {},
            "fills": {},
            "runs": [],
        }

    def run(self):
        if self.plan.measures_memory:
            self.measure_memory()
        if self.plan.paths:
            self.measure_speed()
        return self.results

    def give_up(self, tracker, why):
        say(f"{tracker.name}: {why}")
        self.results["trackers"][tracker.name]["unavailable"] = str(why)

    def usable(self):
        """New trackers of the kinds that have not failed yet."""
        known = self.results["trackers"]
        return [
            kind(self.place) for kind in self.kinds if known[kind.name]["unavailable"] is None
        ]

    # ---- Memory ----

    def measure_memory(self):
        """Growth of the resident set, by filling an empty tracker. One after the other."""
        self.place.populations = (self.plan.memory, self.plan.memory.further())
        for tracker in self.usable():
            if tracker.is_responder:
                continue
            try:
                tracker.start(next(self.ports))
                self.results["memory"][tracker.name] = self.fill_and_weigh(tracker)
            except (Unavailable, LoadFailed) as why:
                self.give_up(tracker, why)
            finally:
                tracker.stop()

    def fill_and_weigh(self, tracker):
        """Fills it twice: what is needed once, whatever the number of peers, counts only once."""
        empty = self.weight_at_rest(tracker)
        fill = self.fill(tracker, self.plan.memory)
        weighed = {
            "bytes_empty": empty,
            "peers": fill["answered"],
            "bytes_at_once": machine.resident_bytes(tracker.pid),
        }
        weighed["bytes_full"] = full = self.weight_at_rest(tracker)
        weighed["bytes_per_peer"] = round((full - empty) / fill["answered"], 1)
        weighed["bytes_per_further_peer"] = None
        if fill["answered"] >= COMPLETE_SHARE * self.plan.memory.peers:
            fill = self.fill(tracker, self.plan.memory.further())
            further = self.weight_at_rest(tracker) - full
            weighed["bytes_per_further_peer"] = round(further / fill["answered"], 1)
        say(
            f"{tracker.name}: {weighed['bytes_per_peer']} bytes/peer of {weighed['peers']}, then "
            f"{weighed['bytes_per_further_peer']}"
        )
        return weighed

    def weight_at_rest(self, tracker):
        machine.settle(tracker.pid, SETTLE_SECONDS_MAX)
        time.sleep(self.plan.give_back_seconds)
        return machine.resident_bytes(tracker.pid)

    def fill(self, tracker, population):
        """Announces every peer once."""
        path = tracker.fill_path
        load = self.place.generator.run(
            tracker, path, population, fill_seconds=self.plan.fill_seconds
        )
        fill = load["fill"]
        if not fill["answered"]:
            raise Unavailable(f"answered no peer of the fill {fill['failures'] or ''}")
        return fill

    # ---- Speed ----

    def measure_speed(self):
        """All trackers are filled, and idle but for the one that is measured.

        Stopping the idle ones by a signal would be stricter, but aquatic_udp ends when its wait is
        interrupted. How much the idle ones do is part of the results.
        """
        self.place.populations = (self.plan.speed,)
        try:
            for tracker in self.usable():
                self.start_and_fill(tracker)
            for path in self.plan.paths:
                self.measure_path(path, [t for t in self.started if path in t.paths])
        finally:
            for tracker in self.started:
                tracker.stop()

    def start_and_fill(self, tracker):
        """Starts a tracker and fills it."""
        try:
            if tracker.is_responder:
                self.size_replies(tracker)
            tracker.start(next(self.ports))
            self.started.append(tracker)
            if not tracker.is_responder:
                fill = self.fill(tracker, self.plan.speed)
                self.results["fills"][tracker.name] = fill
                say(f"{tracker.name}: filled with {fill['answered']} peers")
                machine.settle(tracker.pid, SETTLE_SECONDS_MAX)
        except (Unavailable, LoadFailed) as why:
            self.give_up(tracker, why)
            tracker.stop()
            if tracker in self.started:
                self.started.remove(tracker)

    def size_replies(self, responder):
        """A responder sends as many bytes as mika does."""
        path = responder.paths[0]
        if path not in self.plan.paths:
            return
        for tracker in self.started:
            if tracker.is_mika and path in tracker.paths:
                load = self.place.generator.run(tracker, path, self.plan.speed, seconds=1)
                machine.settle(tracker.pid, SETTLE_SECONDS_MAX)
                replies = load["run"]
                responder.reply_bytes = round(replies["bytes_per_reply"])

    def measure_path(self, path, trackers):
        for number in range(self.plan.rounds):
            for tracker in in_turn(trackers, number):
                self.measure(tracker, path, "max", number, self.plan.seconds, "max")
        rate = self.common_rate(path)
        for number in range(self.plan.latency_rounds):
            for tracker in in_turn(trackers, number):
                if rate and self.median_rate(tracker.name, path) * 0.9 > rate:
                    self.measure(
                        tracker, path, "latency", number, self.plan.latency_seconds, rate
                    )

    def measure(self, tracker, path, kind, number, seconds, rate):
        """One run. A tracker that fails in it is left out of this path from then on."""
        known = self.results["trackers"][tracker.name]
        if known["unavailable"] or path in known["failed_on"]:
            return
        if not machine.is_alive(tracker.pid):
            self.give_up(tracker, "died while it was measured")
            return
        try:
            run = self.calmest(tracker, path, seconds, rate)
        except (LoadFailed, OSError) as why:
            say(f"{tracker.name}: {path}: {why}")
            known["failed_on"][path] = str(why)
            return
        run = {"path": path, "tracker": tracker.name, "kind": kind, "round": number} | run
        self.results["runs"].append(run)
        say(words_of(run))

    def calmest(self, tracker, path, seconds, rate):
        """Runs until the hypervisor leaves one alone."""
        runs = []
        while not runs or (steal_of(runs[-1]) > STEAL_PERCENT_MAX and len(runs) <= AGAIN_MAX):
            runs.append(self.run_once(tracker, path, seconds, rate))
        return min(runs, key=steal_of) | {"again": len(runs) - 1}

    def run_once(self, tracker, path, seconds, rate):
        before = machine.cpu_seconds(tracker.pid)
        others_before = self.seconds_of_others(tracker)
        load = self.place.generator.run(tracker, path, self.plan.speed, seconds=seconds, rate=rate)
        after = machine.cpu_seconds(tracker.pid)
        others_after = self.seconds_of_others(tracker)
        # What it writes afterwards must not be in the way of the next.
        machine.settle(tracker.pid, SETTLE_SECONDS_MAX, quiet_seconds=0.5)
        threads = {name: after[name] - before.get(name, 0) for name in after}
        total = sum(threads.values())
        return {
            "answering_share": tracker.answering_seconds(threads) / total if total else 1.0,
            "others_cores": round((others_after - others_before) / seconds, 3),
            "load": load,
        }

    def seconds_of_others(self, tracker):
        """CPU time of the trackers that should be idle now."""
        others = [other for other in self.started if other is not tracker]
        return sum(machine.process_seconds(o.pid) for o in others if machine.is_alive(o.pid))

    def median_rate(self, name, path):
        """Answers per second of a tracker."""
        rates = [
            run["load"]["run"]["replies_per_second"]
            for run in self.results["runs"]
            if (run["tracker"], run["path"], run["kind"]) == (name, path, "max")
        ]
        return statistics.median(rates) if rates else 0

    def common_rate(self, path):
        """At which all but the slowest can be compared; 0 if there is nothing to compare."""
        rates = {
            name: self.median_rate(name, path)
            for name, tracker in self.results["trackers"].items()
            if not tracker["is_responder"]
        }
        of_mika = [rates[name] for name in rates if self.results["trackers"][name]["is_mika"]]
        fast = [rate for rate in rates.values() if rate > SLOW_SHARE * max(of_mika, default=0)]
        return round(LATENCY_RATE_SHARE * min(fast, default=0), -2)


def in_turn(trackers, number):
    """A B C, then B C A: nobody is always the first."""
    start = number % max(len(trackers), 1)
    return trackers[start:] + trackers[:start]


def steal_of(run):
    """Per cent of the machine's time that the hypervisor took; 0 where it does not say."""
    return run["load"]["system"]["steal_percent"] or 0


def failed_share(load):
    """Of the replies, those that were refusals."""
    run = load["run"]
    return run["failed"] / max(run["failed"] + run["replies"], 1)


def words_of(run):
    """A run in one line."""
    load = run["load"]
    cpu = load["server"]["cpu_us_per_answer"]
    words = (
        f"{run['path']:10} {run['kind']:7} {run['round'] + 1} {run['tracker']:20} "
        f"{load['run']['replies_per_second']:9.0f}/s {cpu or 0:6.1f} us "
        f"p99 {load['run']['latency_us']['p99'] / 1000:7.2f} ms "
        f"{load['run']['peers_per_reply'] or 0:4.1f} peers "
        f"steal {steal_of(run):4.1f} %, again {run['again']}"
    )
    if failed_share(load) > FAILED_SHARE_MAX:
        words += f" FAILED {load['run']['failures']}"
    return words


def say(words):
    print(words, file=sys.stderr, flush=True)
