import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import made_up
import report
from summary import Summary


def some_summary():
    runs = []
    for number in range(3):
        runs += [
            made_up.run("mika-public", 6.04 + number, number, rate=200_000.0 + number),
            made_up.run("mika-private", 9.0, number, answering_share=0.75),
            made_up.run("responder-udp", 5.5, number),
            made_up.run("aquatic_udp", 9.5, number),
        ]
    runs.append(made_up.run("mika-public", 6, kind="latency"))
    memory = {
        "mika-public": {
            "peers": 1000,
            "bytes_per_peer": 28.4,
            "bytes_per_further_peer": 16.4,
            "bytes_empty": 2**25,
            "bytes_at_once": 2**26,
            "bytes_full": 2**26,
        }
    }
    return Summary(made_up.results(runs, memory))


class ReportTest(unittest.TestCase):
    def test_nobody_is_left_out_silently(self):
        text = report.generated(some_summary())
        for tracker in made_up.TRACKERS:
            self.assertIn(f"the {tracker}", text)
        self.assertIn("| the torrust | not measured: ended at its start: no | –", text)

    def test_a_row_has_medians_with_their_spread(self):
        text = report.generated(some_summary())
        rows = [line for line in text.splitlines() if line.startswith("| the mika-public | 7.04")]
        row = rows[0]
        self.assertIn("7.04 (6.04–8.04)", row)
        self.assertIn("200,001 (200,000–200,002)", row)
        self.assertIn("| 0.10 / 1.23 |", row.replace("0.100", "0.10"))
        self.assertIn("50, 320", row)

    def test_tables_have_as_many_cells_in_each_row(self):
        width = None
        for line in report.generated(some_summary()).splitlines():
            if not line.startswith("|"):
                width = None
                continue
            width = width or line.count("|")
            self.assertEqual(line.count("|"), width, line)

    def test_only_what_is_between_the_markers_is_replaced(self):
        page = f"# Title\n\nWords.\n\n{report.BEGIN}\n\nold\n\n{report.END}\n\nMore words.\n"
        page = report.put_between(page, "new")
        self.assertEqual(
            page, f"# Title\n\nWords.\n\n{report.BEGIN}\n\nnew\n\n{report.END}\n\nMore words.\n"
        )
        with self.assertRaises(SystemExit):
            report.put_between("# Title\n", "new")

    def test_plots_are_xml_and_stay_inside(self):
        images = report.images(some_summary())
        self.assertEqual(
            set(images), {"images/performance-udp.svg", "images/performance-memory.svg"}
        )
        for image in images.values():
            root = xml.etree.ElementTree.fromstring(image)
            width = float(root.get("width"))
            for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
                self.assertLessEqual(float(bar.get("x", 0)) + float(bar.get("width")), width)


if __name__ == "__main__":
    unittest.main()
