import json
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import compare
import curves
import stall


def load(p99_9, failed=0):
    """What `load run --json` prints, as far as it is read."""
    latency = {"p50": 100.0, "p99": 300.0, "p99_9": p99_9, "max": 9000.0}
    histogram = [[111.1, 500], [319.5, 499], [9000.0, 1]]
    return {
        "run": {
            "latency_us": latency,
            "latency_histogram_us": histogram,
            "replies": 1000,
            "failed": failed,
            "drops": 0,
        },
        "system": {"steal_percent": 0.25},
    }


RUNS = {
    "idle": [load(900.0), load(1000.0), load(1100.0)],
    "flush": [load(1000.0), load(1500.0), load(4000.0)],
    "snapshot": [load(2001.0, failed=2)],
    "reload": [load(1900.0)],
    "expiry": [load(800.0) | {"peers": [5000, 120]}],
}
MACHINE = {
    "tracker_cores": 2,
    "generator_cores": 2,
    "processor": "a processor",
    "load_average_before": 0.1,
}


def generated(plan, runs):
    return stall.generated(plan, MACHINE, stall.figures(plan, runs))


class StallTest(unittest.TestCase):
    def test_each_work_is_compared_with_the_median_of_the_idle_tracker(self):
        rows = {
            line.split(" | ")[0]: line
            for line in generated(stall.Plan(), RUNS).splitlines()
            if line.startswith("| ")
        }
        row = rows["| flush: a batch each second"]
        self.assertIn("| 3,000 | 0 | 0.10 | 0.30 | 1.50 | 9.00 | +0.50 | met |", row)
        row = rows["| snapshots, one after the other"]
        self.assertIn("| 1,000 | 2 | 0.10 | 0.30 | 2.00 | 9.00 | +1.00 | **missed** |", row)
        self.assertIn("| 3,000 | 0 | 0.10 | 0.30 | 1.00 | 9.00 |  |  |", rows["| nothing"])
        self.assertEqual(len(rows), 7)

    def test_the_page_says_how_many_peers_the_expiry_left(self):
        text = generated(stall.Plan(), RUNS)
        self.assertIn("of 5,000 peers 120 were left", text)

    def test_what_is_kept_are_quantiles_with_the_date(self):
        found = stall.figures(stall.Plan(), RUNS)
        self.assertEqual(found["work"]["flush"]["p99_9_ms"], 1.5)
        self.assertEqual(found["work"]["snapshot"]["failed"], 2)
        self.assertEqual(found["plan"]["peers"], 5_000_000)
        self.assertEqual(found["expiry_peers"], [5000, 120])
        self.assertRegex(found["date"], r"^\d{4}-\d\d-\d\d$")
        self.assertNotIn("histogram", json.dumps(found))

    def test_the_results_that_are_checked_in_are_of_the_same_form(self):
        kept = json.loads(compare.STALL.read_text())
        found = stall.figures(stall.Plan(), RUNS)
        self.assertEqual(set(kept), set(found))
        self.assertEqual(set(kept["work"]), set(stall.WORK))
        for work in kept["work"].values():
            self.assertEqual(set(work), set(found["work"]["idle"]))

    def test_the_plot_goes_down_from_all_of_them(self):
        image = stall.plot(RUNS)
        paths = [
            element.get("d")
            for element in xml.etree.ElementTree.fromstring(image).iter()
            if element.get("stroke-width") == "1.8"
        ]
        self.assertEqual(len(paths), len(RUNS))
        heights = [float(point.split()[1]) for point in paths[0].lstrip("M").split("L")]
        self.assertEqual(heights[0], curves.TOP)
        self.assertEqual(heights, sorted(heights))


if __name__ == "__main__":
    unittest.main()
