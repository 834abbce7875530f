import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMPARE = Path(__file__).resolve().parents[1] / "compare.py"
RELEASE = COMPARE.parents[2] / "target/release"

PATHS = ("udp", "keep-alive", "close")

#: What is measured besides, and how many cores it takes.
FURTHER = {"threads": 4, "hot": 3, "swarm_memory": 1, "idle": 2, "tls": 2}

SECONDS_MAX = 480


@unittest.skipUnless(
    all((RELEASE / name).is_file() for name in ("mika", "load", "responder", "core", "memory")),
    "needs mika, load, responder, core and memory, built with --release",
)
class QuickTest(unittest.TestCase):
    def test_everything_answers_on_every_path(self):
        with tempfile.TemporaryDirectory() as directory:
            output = Path(directory) / "results.json"
            command = [sys.executable, COMPARE, "run", "--quick", "--output", output]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            results = json.loads(output.read_text())
        measured = {(run["tracker"], run["path"]) for run in results["runs"]}
        mika = {(f"mika-{mode}", path) for mode in ("public", "private") for path in PATHS}
        responders = {("responder-udp", "udp")}
        responders |= {("responder-http", path) for path in ("keep-alive", "close")}
        self.assertEqual(measured, mika | responders, done.stderr)
        for run in results["runs"]:
            self.assertEqual(run["load"]["run"]["failures"], {}, run["tracker"])
            self.assertGreater(run["load"]["server"]["cpu_us_per_answer"], 0)
        for part, cores in FURTHER.items():
            if len(os.sched_getaffinity(0)) >= cores:
                self.assertNotIn("unavailable", results["further"][part], part)
        self.assertIn("left_out", results["further"]["large"])


if __name__ == "__main__":
    unittest.main()
