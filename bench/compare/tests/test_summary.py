import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import made_up
import report
from summary import Summary


class SummaryTest(unittest.TestCase):
    def test_ratios_are_taken_within_a_round(self):
        # The machine was twice as slow in the second round, for both.
        runs = [made_up.run("mika-public", 6, 0), made_up.run("aquatic_udp", 8, 0)]
        runs += [made_up.run("mika-public", 12, 1), made_up.run("aquatic_udp", 16, 1)]
        ratio = Summary(made_up.results(runs)).ratio("mika-public", "aquatic_udp", "udp")
        self.assertEqual(ratio.values, [0.75, 0.75])

    def test_a_round_that_one_of_both_lacks_is_no_ratio(self):
        runs = [made_up.run("mika-public", 6, 0), made_up.run("aquatic_udp", 8, 1)]
        self.assertFalse(Summary(made_up.results(runs)).ratio("mika-public", "aquatic_udp", "udp"))

    def test_runs_full_of_refusals_do_not_count(self):
        runs = [made_up.run("mika-public", 1, failures={"unknown torrent": 7000})]
        summary = Summary(made_up.results(runs))
        self.assertFalse(summary.cpu("mika-public", "udp"))
        self.assertEqual(summary.why_missing("mika-public", "udp"), "refused: unknown torrent")

    def test_who_is_not_measured_has_a_reason(self):
        summary = Summary(made_up.results())
        self.assertEqual(summary.why_missing("torrust", "udp"), "ended at its start: no")
        self.assertEqual(summary.why_missing("aquatic_udp", "close"), "does not do it")
        self.assertEqual(summary.why_missing("mika-public", "udp"), "not measured")
        self.assertEqual(summary.why_missing("ocelot", "udp"), "not part of this run")

    def test_a_target_is_judged_by_the_median(self):
        for cpus, verdict in [
            ((7, 7, 7), "met"),
            ((7, 7, 9), "met by the median"),
            ((7, 9, 9), "**missed** by the median"),
            ((9, 9, 9), "**missed**"),
        ]:
            runs = [made_up.run("mika-public", cpu, round) for round, cpu in enumerate(cpus)]
            runs += [made_up.run("aquatic_udp", 10, round) for round in range(3)]
            ratio = Summary(made_up.results(runs)).ratio("mika-public", "aquatic_udp", "udp")
            self.assertEqual(report.judge(ratio, 0.83), verdict)


if __name__ == "__main__":
    unittest.main()
