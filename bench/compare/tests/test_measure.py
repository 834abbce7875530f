import os
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import machine
import made_up
import measure
from measure import Comparison, Plan
from tracker import Unavailable
from trackers import TRACKERS


class FakeTracker:
    """A tracker that does nothing, in a process that is this one."""

    paths = ("udp",)
    fill_path = "udp"
    notes = ()
    is_mika = False
    is_responder = False
    rate = 1000.0

    def __init__(self, place):
        self.place = place
        self.pid = os.getpid()

    def start(self, port):
        self.place.running.add(self.name)

    def stop(self):
        self.place.running.discard(self.name)

    def answering_seconds(self, threads):
        return sum(threads.values())


class Fast(FakeTracker):
    name = "fast"
    title = "fast"
    is_mika = True


class Half(FakeTracker):
    name = "half"
    title = "half"
    rate = 500.0


class Slow(FakeTracker):
    name = "slow"
    title = "slow"
    rate = 10.0


class Broken(FakeTracker):
    name = "broken"
    title = "broken"

    def start(self, port):
        raise Unavailable("does not start")


class FakeGenerator:
    def __init__(self):
        self.calls = []

    def run(self, tracker, path, population, *, seconds=0, rate="max", fill_seconds=None):
        self.calls.append((tracker.name, seconds, rate))
        return made_up.load(5.0, tracker.rate)


class StolenGenerator:
    """A machine whose hypervisor takes so much of each run, and nothing of further ones."""

    def __init__(self, steals):
        self.steals = iter(steals)

    def run(self, tracker, path, population, *, seconds=0, **_):
        load = made_up.load(5.0, tracker.rate)
        load["system"] = {"steal_percent": next(self.steals, 0.0) if seconds else 50.0}
        return load


class MeasureTest(unittest.TestCase):
    def setUp(self):
        self.settle, self.say = machine.settle, measure.say
        machine.settle = lambda *_, **__: True
        measure.say = lambda words: None

    def tearDown(self):
        machine.settle, measure.say = self.settle, self.say

    def compare(self, kinds, generator=None):
        generator = generator or FakeGenerator()
        place = SimpleNamespace(generator=generator, populations=(), running=set())
        plan = Plan(rounds=3, seconds=1, latency_seconds=1, give_back_seconds=0, paths=("udp",))
        results = Comparison(place, plan, kinds).run()
        self.assertEqual(place.running, set(), "left running")
        return results, getattr(generator, "calls", None)

    def test_trackers_take_turns_and_nobody_is_always_first(self):
        results, _ = self.compare([Fast, Half])
        order = [run["tracker"] for run in results["runs"] if run["kind"] == "max"]
        self.assertEqual(order, ["fast", "half", "half", "fast", "fast", "half"])

    def test_the_common_rate_is_half_of_the_slowest_that_is_comparable(self):
        _, calls = self.compare([Fast, Half, Slow])
        at_rate = [(name, rate) for name, _, rate in calls if rate != "max"]
        self.assertEqual(at_rate, [("fast", 200.0), ("half", 200.0)])

    def test_who_does_not_start_is_named_and_the_others_go_on(self):
        results, _ = self.compare([Broken, Fast])
        self.assertEqual(results["trackers"]["broken"]["unavailable"], "does not start")
        self.assertEqual(len([run for run in results["runs"] if run["kind"] == "max"]), 3)

    def test_a_run_that_the_hypervisor_disturbed_is_measured_again(self):
        results, _ = self.compare([Fast], StolenGenerator([20.0, None, 5.0, 9.0, 2.9]))
        found = [(run["again"], measure.steal_of(run)) for run in results["runs"]]
        self.assertEqual(found, [(1, 0), (2, 2.9), (0, 0), (0, 0)])

    def test_where_no_run_is_calm_the_calmest_counts(self):
        results, _ = self.compare([Fast], StolenGenerator([9.0, 8.0, 4.0, 7.0, 6.0]))
        self.assertEqual(results["runs"][0]["again"], 4)
        self.assertEqual(measure.steal_of(results["runs"][0]), 4.0)

    def test_names_of_trackers_are_unique(self):
        names = [kind.name for kind in TRACKERS]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(kind.title for kind in TRACKERS))

    def test_the_machine_says_nothing_that_names_it(self):
        words = str(machine.facts())
        self.assertNotIn(os.uname().nodename, words)
        self.assertNotIn(tempfile.gettempdir(), words)
        self.assertNotIn(str(Path.home()), words)


if __name__ == "__main__":
    unittest.main()
