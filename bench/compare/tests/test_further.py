import copy
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import further
import further_report
import made_up
import report
from summary import Summary
from tracker import Unavailable


def rotations(last):
    """Ten rotations; so many bytes after the last."""
    sizes = [1000] * 10 + [last]
    return [{"rotation": number, "bytes": size} for number, size in enumerate(sizes)]


def announces(cpu, connects=64, resumed=0):
    return {"cpu_us": cpu, "per_second": 1000.0, "connects": connects, "resumed": resumed}


FOUND = {
    "date": "2026-02-03",
    "version": "def",
    "load_average_before": 0.5,
    "load_average_after": 1.5,
    "in_process": {
        "numwant": 50,
        "announces": 20_000,
        "swarms": [
            {
                "torrents": 1,
                "peers_per_torrent": 100,
                "aquatic_ns": [300.0, 300.0, 330.0],
                "private_ns": [150.0, 150.0, 150.0],
                "public_ns": [100.0, 100.0, 100.0],
            },
            {
                "torrents": 10_000,
                "peers_per_torrent": 100,
                "aquatic_ns": [1000.0, 1000.0, 1000.0],
                "private_ns": [2000.0, 1000.0, 4000.0],
                "public_ns": [500.0, 500.0, 800.0],
            },
        ],
        "codec": {
            "request_bytes": 348,
            "peers": 50,
            "mika_reply_bytes": 500,
            "aquatic_reply_bytes": 416,
            "mika_parse_ns": [80.0, 80.0],
            "mika_encode_ns": [20.0, 20.0],
            "aquatic_parse_ns": [400.0, 400.0],
            "aquatic_encode_ns": [150.0, 200.0],
        },
    },
    "threads": {
        "by_threads": [
            {
                "threads": 1,
                "announces_per_second": [100.0, 100.0],
                "cpu_ns_per_announce": [9.0, 10.0],
            },
            {
                "threads": 4,
                "announces_per_second": [360.0, 380.0],
                "cpu_ns_per_announce": [9.9, 11.0],
            },
        ]
    },
    "hot": {
        "alone_ns": [100.0, 100.0],
        "beside_others_ns": [120.0, 120.0],
        "beside_hot_ns": [105.0, 130.0],
    },
    "swarm_memory": {
        "fills": [
            {"kind": "private", "torrents": 9, "peers_per_torrent": 1, "bytes_per_peer": 121.25},
            {"kind": "private", "torrents": 8, "peers_per_torrent": 10, "bytes_per_peer": 61.5},
            {"kind": "private", "torrents": 7, "peers_per_torrent": 33, "bytes_per_peer": 65.04},
            {"kind": "public", "torrents": 6, "peers_per_torrent": 10, "bytes_per_peer": 16.8},
            {
                "kind": "public",
                "torrents": 1,
                "peers_per_torrent": 1_000_000,
                "bytes_per_peer": 13.5,
            },
        ],
        "churns": [
            {"kind": "private", "torrents": 5, "peers_per_torrent": 9, "rotations": rotations(999)},
            {"kind": "public", "torrents": 1, "peers_per_torrent": 9, "rotations": rotations(1040)},
        ],
    },
    "large": {
        "peers": 10_000_000,
        "torrents": 1_000_000,
        "users": 10_000,
        "answered": 10_000_000,
        "fill_seconds": 200.0,
        "bytes_empty": 30_000_000,
        "bytes_at_once": 1_100_000_000,
        "bytes_at_rest": 990_000_000,
        "bytes_peak": 1_200_000_000,
    },
    "idle": {
        "wanted": 50_000,
        "connections": 18_000,
        "files_max": 20_000,
        "alone": {"bytes_per_connection": 1060.4, "closed_by_server": 0},
        "rounds": [{"without": announces(10.0), "with": announces(10.5), "closed": 0}],
    },
    "tls": {
        "rounds": [
            {
                "kept": announces(10.0),
                "kept-tls": announces(12.0),
                "close": announces(30.0, 1000),
                "close-tls-resumed": announces(180.0, 1000, 690),
                "close-tls-full": announces(210.0, 1000),
            }
        ]
    },
}
STALL = {
    "date": "2026-02-04",
    "version": "ghi",
    "plan": {"peers": 5_000_000, "torrents": 1_000_000},
    "work": {
        "idle": {"p99_9_ms": 4.0},
        "flush": {"p99_9_ms": 4.5},
        "snapshot": {"p99_9_ms": 5.5},
        "reload": {"p99_9_ms": 3.0},
    },
}


def with_part(name, part):
    """The results with a part replaced."""
    return copy.deepcopy(FOUND) | {name: part}


def row(rows, *words):
    """The only row that has all the words in its first two cells."""
    found = [row for row in rows if all(word in f"{row[0]} {row[1]}" for word in words)]
    assert len(found) == 1, (words, found)
    return found[0]


class TargetTest(unittest.TestCase):
    def setUp(self):
        self.rows = further_report.target_rows(FOUND, STALL)

    def test_the_worst_case_of_the_core_decides(self):
        private = row(self.rows, "Announces in one process, private")
        self.assertEqual(
            private[2:],
            ["≥ 1.5", "0.50 (0.25–1.00) with 10,000 torrents of 100; the best: 2.00 with 1 torrent "
             "of 100", "**missed**"],
        )
        public = row(self.rows, "Announces in one process, public")
        self.assertEqual(public[4], "met by the median")
        self.assertIn("2.00 (1.25–2.00) with 10,000 torrents of 100", public[3])

    def test_parse_and_encode_are_taken_together(self):
        found = row(self.rows, "HTTP in one process")
        self.assertEqual(found[2:], ["≥ 5", "5.75 (5.50–6.00); parse 5.00, encode 8.75", "met"])

    def test_threads_and_the_hot_torrent_are_compared_within_a_round(self):
        found = row(self.rows, "Threads in one process")
        words = "3.70 (3.60–3.80); CPU per announce 1.10 times"
        self.assertEqual(found[2:], ["≥ 3.5", words, "met"])
        found = row(self.rows, "A hot torrent")
        self.assertEqual(found[2], "≤ 1.1")
        self.assertEqual(found[3], "1.18 (1.05–1.30); 1.20 while they announce for many")
        self.assertEqual(found[4], "**missed** by the median")

    def test_the_worst_size_of_a_swarm_decides(self):
        found = row(self.rows, "private, IPv4, 1 peer per torrent")
        self.assertEqual(found[2:], ["≤ 130", "121.2", "met"])
        found = row(self.rows, "10 peers per torrent or more")
        self.assertEqual(found[2:], ["≤ 64", "65.0 with 7 torrents of 33", "**missed**"])
        found = row(self.rows, "public, IPv4, 10 peers")
        self.assertEqual(found[2:], ["≤ 24", "16.8", "met"])
        found = row(self.rows, "1,000,000 peers in a torrent")
        self.assertEqual(found[2:], ["≤ 16", "13.5", "met"])

    def test_memory_has_a_plateau_if_it_does_not_grow_any_more(self):
        found = row(self.rows, "replaced again and again")
        self.assertEqual(found[2:], ["≤ 1.05", "1.040, public with 1 torrent of 9", "met"])
        grown = with_part("swarm_memory", copy.deepcopy(FOUND["swarm_memory"]))
        grown["swarm_memory"]["churns"][0]["rotations"] = rotations(1051)
        found = row(further_report.target_rows(grown, STALL), "replaced again and again")
        self.assertEqual(found[4], "**missed**")

    def test_ten_million_peers_are_weighed_twice(self):
        found = row(self.rows, "10,000,000 peers", "right after the fill")
        self.assertEqual(found[2:], ["≤ 1,000", "1,100", "**missed**"])
        found = row(self.rows, "10,000,000 peers", "at rest")
        self.assertEqual(found[2:], ["≤ 1,000", "990", "met"])

    def test_a_tracker_that_is_not_at_rest_yet_is_said_to_be(self):
        busy = FOUND["large"] | {"is_at_rest": False, "rest_seconds_max": 600}
        found = row(further_report.target_rows(with_part("large", busy), STALL), "at rest")
        self.assertEqual(found[3:], ["990, still writing after 600 s", "met"])

    def test_fewer_idle_connections_than_wanted_are_not_measurable_here(self):
        found = row(self.rows, "Idle connections", "held")
        limit = "the limit of open files here is 20,000"
        self.assertEqual(found[3], f"18,000 of 50,000: {limit}")
        self.assertEqual(found[4], f"not measurable here, because {limit}")
        found = row(self.rows, "Idle connections", "bytes")
        self.assertEqual(found[2:], ["none", "1,060", "shown"])
        found = row(self.rows, "Idle connections", "CPU per announce")
        self.assertEqual(found[2:], ["none", "1.05 (1.05–1.05)", "shown"])

    def test_idle_connections_that_the_tracker_closes_are_a_miss(self):
        closed = copy.deepcopy(FOUND["idle"])
        closed["rounds"][0]["closed"] = 7
        rows = further_report.target_rows(with_part("idle", closed), STALL)
        found = row(rows, "Idle connections", "held")
        self.assertEqual(found[3:], ["18,000, of which the tracker closed 7", "**missed**"])

    def test_a_small_run_does_not_meet_the_target_of_idle_connections(self):
        few = FOUND["idle"] | {"wanted": 500, "connections": 500}
        rows = further_report.target_rows(with_part("idle", few), STALL)
        found = row(rows, "Idle connections", "held")
        verdict = "not measured, because this run held fewer"
        self.assertEqual(found[2:], ["≥ 50,000", "500", verdict])

    def test_tls_is_shown_and_has_to_resume(self):
        found = row(self.rows, "TLS", "full handshakes")
        self.assertEqual(found[2:], ["none", "7.00 (7.00–7.00)", "shown"])
        found = row(self.rows, "TLS", "resume a session")
        self.assertEqual(found[2:], ["> 0", "69", "met"])

    def test_stalls_come_with_their_date(self):
        found = row(self.rows, "during flush")
        self.assertEqual(
            found[2:], ["≤ 1", "+0.50 (idle: 4.00), 5,000,000 peers, 2026-02-04", "met"]
        )
        self.assertEqual(row(self.rows, "during snapshot")[4], "**missed**")
        self.assertIn("not measured, because", row(self.rows, "during expiry")[4])

    def test_what_cannot_be_measured_says_why(self):
        why = "it takes 4 cores, and there are 2"
        rows = further_report.target_rows(with_part("threads", {"unavailable": why}), STALL)
        self.assertEqual(row(rows, "Threads")[4], f"not measurable here, because {why}")
        rows = further_report.target_rows(with_part("large", {"left_out": "it is long"}), STALL)
        self.assertEqual(row(rows, "10,000,000 peers")[4], "not measured, because it is long")
        rows = further_report.target_rows(with_part("tls", {"unavailable": "no openssl"}), STALL)
        self.assertEqual(row(rows, "TLS")[4], "not measurable here, because no openssl")

    def test_results_from_before_have_a_row_for_each_target(self):
        rows = further_report.target_rows(None, None)
        self.assertEqual(len(rows), 10)
        self.assertTrue(all(row[4].startswith("not measured, because") for row in rows), rows)


class PageTest(unittest.TestCase):
    def generated(self, further, stall):
        results = made_up.results([made_up.run("mika-public", 6.0)])
        if further:
            results["further"] = further
        return report.generated(Summary(results, stall))

    def test_targets_come_first_and_figures_after(self):
        text = self.generated(FOUND, STALL)
        self.assertLess(text.index("## Are the targets met?"), text.index("## Without sockets"))
        self.assertIn("Measured on 2026-02-03 with mika def", text)
        self.assertIn("| 1 torrent of 100 | 300 (300–330) | 150 (150–150) |", text)

    def test_tables_have_as_many_cells_in_each_row(self):
        for further, stall in ((FOUND, STALL), (None, None)):
            width = None
            for line in self.generated(further, stall).splitlines():
                if not line.startswith("|"):
                    width = None
                    continue
                width = width or line.count("|")
                self.assertEqual(line.count("|"), width, line)

    def test_a_page_of_older_results_has_no_empty_section(self):
        self.assertNotIn("## Without sockets", self.generated(None, None))


class MeasureTest(unittest.TestCase):
    def setUp(self):
        self.say, self.parts = further.say, further.PARTS
        further.say = lambda words: None

    def tearDown(self):
        further.say, further.PARTS = self.say, self.parts

    def test_a_part_that_fails_is_named_and_the_others_go_on(self):
        def broken(place, plan, port):
            raise Unavailable("there is no such thing")

        further.PARTS = {"broken": broken, "large": broken, "fine": lambda *_: {"figure": 1}}
        found = further.measure(None, further.QUICK)
        self.assertEqual(found["broken"], {"unavailable": "there is no such thing"})
        self.assertEqual(found["fine"], {"figure": 1})
        self.assertEqual(list(found["large"]), ["left_out"])

    def test_programs_that_are_not_built_are_said_to_be_missing(self):
        with tempfile.TemporaryDirectory() as empty:
            place = SimpleNamespace(binaries=Path(empty), rivals=Path(empty), cores=[0])
            with self.assertRaisesRegex(Unavailable, "--bin memory"):
                further.swarm_memory(place, further.QUICK, 0)
            with self.assertRaisesRegex(Unavailable, "install"):
                further.in_process(place, further.QUICK, 0)

    def test_the_error_of_a_program_is_the_reason(self):
        program = "import sys; sys.exit('no such option')"
        with self.assertRaisesRegex(Unavailable, "no such option"):
            further.printed([sys.executable, "-c", program], 30)
        program = f"print({json.dumps(json.dumps({'figure': 7}))})"
        self.assertEqual(further.printed([sys.executable, "-c", program], 30), {"figure": 7})

    def test_open_files_of_a_process_are_counted(self):
        before = further.machine.open_files(os.getpid())
        with tempfile.TemporaryFile():
            self.assertEqual(further.machine.open_files(os.getpid()), before + 1)


if __name__ == "__main__":
    unittest.main()
