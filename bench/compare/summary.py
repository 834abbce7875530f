"""From runs to figures: medians, ratios, targets."""

import statistics

from measure import FAILED_SHARE_MAX, failed_share


class Spread:
    """Minimum, median and maximum of some runs."""

    def __init__(self, values):
        self.values = sorted(values)

    def __bool__(self):
        return bool(self.values)

    @property
    def low(self):
        return self.values[0]

    @property
    def middle(self):
        return statistics.median(self.values)

    @property
    def high(self):
        return self.values[-1]


class Summary:
    """Figures of one comparison."""

    def __init__(self, results, stall=None):
        self.results = results
        #: What `stall.py` has written last, if it has.
        self.stall = stall
        self.trackers = results["trackers"]
        self.paths = results["plan"]["paths"]

    def runs(self, name, path, kind="max"):
        """Runs that say something: a tracker that refuses has not answered."""
        return [
            run
            for run in self.results["runs"]
            if (run["tracker"], run["path"], run["kind"]) == (name, path, kind)
            and failed_share(run["load"]) <= FAILED_SHARE_MAX
            and run["load"]["run"]["replies"] > 0
        ]

    def cpu(self, name, path):
        """Microseconds of CPU time per answer."""
        return Spread(cpu_of(run) for run in self.runs(name, path))

    def answering_cpu(self, name, path):
        """The same of the threads that answer only."""
        return Spread(cpu_of(run) * run["answering_share"] for run in self.runs(name, path))

    def rate(self, name, path):
        """Answers per second, at most."""
        return self.of_load(name, path, lambda load: load["run"]["replies_per_second"])

    def steal(self, name, path):
        return self.of_load(name, path, lambda load: load["system"]["steal_percent"] or 0)

    def peers(self, name, path):
        return self.of_load(name, path, lambda load: load["run"]["peers_per_reply"] or 0)

    def bytes(self, name, path):
        return self.of_load(name, path, lambda load: load["run"]["bytes_per_reply"] or 0)

    def of_load(self, name, path, value):
        return Spread(value(run["load"]) for run in self.runs(name, path))

    def latency(self, name, path, quantile):
        """Milliseconds at the common rate."""
        runs = self.runs(name, path, "latency")
        return Spread(run["load"]["run"]["latency_us"][quantile] / 1000 for run in runs)

    def common_rate(self, path):
        """Answers per second of the latency runs."""
        rates = [
            run["load"]["run"]["offered_per_second"]
            for run in self.results["runs"]
            if (run["path"], run["kind"]) == (path, "latency")
        ]
        return rates[0] if rates else None

    def is_generator_bound(self, name, path):
        """Whether the generator could not send more in most runs."""
        runs = self.runs(name, path)
        bound = [run for run in runs if run["load"]["generator"]["is_bottleneck"]]
        return 2 * len(bound) > len(runs)

    def ratio(self, name, other, path, answering=False):
        """CPU per answer of one tracker over that of another, round by round."""
        of_other = {run["round"]: cpu_of(run) for run in self.runs(other, path)}
        return Spread(
            cpu_of(run) * (run["answering_share"] if answering else 1) / of_other[run["round"]]
            for run in self.runs(name, path)
            if of_other.get(run["round"])
        )

    def why_missing(self, name, path):
        """Why there are no figures of a tracker on a path; empty if there are."""
        tracker = self.trackers.get(name)
        if tracker is None:
            return "not part of this run"
        if self.runs(name, path):
            return ""
        if path not in tracker["paths"]:
            return "does not do it"
        if tracker["unavailable"] or path in tracker["failed_on"]:
            return tracker["unavailable"] or tracker["failed_on"][path]
        return refusals(self.results["runs"], name, path) or "not measured"

    def responder(self, path):
        """The name of the responder of a path."""
        for name, tracker in self.trackers.items():
            if tracker["is_responder"] and path in tracker["paths"]:
                return name
        return None


def cpu_of(run):
    return run["load"]["server"]["cpu_us_per_answer"]


def refusals(runs, name, path):
    """With what a tracker refused, at most three texts."""
    for run in runs:
        if (run["tracker"], run["path"]) == (name, path):
            if run["load"]["run"]["failures"]:
                return "refused: " + "; ".join(list(run["load"]["run"]["failures"])[:3])
            return "answered nothing"
    return ""


# ---- Targets ----

#: What mika aims at: words, path, tracker, the one it is compared with, ratio at most.
TARGETS = (
    ("HTTP keep-alive, private", "keep-alive", "mika-private", "responder-http", 1.3),
    ("HTTP keep-alive, private", "keep-alive", "mika-private", "aquatic_http", 0.4),
    ("HTTP keep-alive, private", "keep-alive", "mika-private", "torrust", 0.4),
    ("HTTP close, private", "close", "mika-private", "responder-http", 1.2),
    ("UDP, public", "udp", "mika-public", "responder-udp", 1.3),
    ("UDP, public", "udp", "mika-public", "aquatic_udp", 0.83),
    ("UDP, public", "udp", "mika-public", "aquatic_udp_io_uring", 1.0),
    ("UDP, public", "udp", "mika-public", "opentracker", 0.8),
    ("UDP, private with passkeys", "udp", "mika-private", "aquatic_udp", 1.0),
)

#: The same for memory, at 10 peers per torrent: tracker, bytes per peer at most.
MEMORY_TARGETS = (("mika-private", 64), ("mika-public", 24))
