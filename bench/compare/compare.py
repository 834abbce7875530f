#!/usr/bin/env python3
"""Compares mika with other trackers on this machine.

    bench/compare/compare.py install        the other trackers, by package name; takes half an hour
    bench/compare/compare.py run            everything, about 40 minutes; writes docs/performance.md
    bench/compare/compare.py run --only-further    only what further.py says; keeps the rest
    bench/compare/compare.py run --only-speed      only the trackers' speed; keeps the rest
    bench/compare/compare.py run --quick    mika and the responder only, three minutes; prints
    bench/compare/compare.py write FILE     docs/performance.md again, from a file of results

mika and the generator have to be built:

    cargo build --release -p mika
    cargo build --release -p mika-bench --bin load --bin responder --bin core --bin memory

What announces wait for work in the background is `stall.py`'s to measure: the page takes it from
the file that it writes.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import further
import machine
import report
from generator import Generator
from measure import Comparison, Plan, say
from summary import Summary
from tracker import PATHS, ROOT, Place, Unavailable
from trackers import TRACKERS

DOCUMENT = ROOT / "docs/performance.md"
RESULTS = ROOT / "bench/compare/results"
STALL = RESULTS / "stall.json"


def main():
    options = arguments()
    if options.command == "write":
        write_document(json.loads(options.file.read_text()))
        return 0
    plan = Plan(paths=tuple(options.paths)) if options.command == "run" else Plan()
    with tempfile.TemporaryDirectory(prefix="mika-compare-") as work:
        place = make_place(options, work)
        if options.command == "install":
            return install(place, chosen(options.only), with_further=options.only is None)
        if options.only_further:
            return run_further(options, place, plan)
        if options.only_speed:
            return run_speed(options, place, plan)
        return run(options, place, plan)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rivals = ROOT / "target/rivals"
    parser.add_argument("--rivals", type=Path, default=rivals, help="where the others are")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release")
    commands = parser.add_subparsers(dest="command", required=True)
    names = ", ".join(kind.name for kind in TRACKERS)
    only = {"nargs": "+", "metavar": "NAME", "help": f"only these: {names}"}
    commands.add_parser("install").add_argument("--only", **only)
    running = commands.add_parser("run")
    running.add_argument("--only", **only)
    running.add_argument("--quick", action="store_true", help="mika and the responder, small")
    running.add_argument("--paths", nargs="+", choices=PATHS, default=PATHS)
    running.add_argument("--rounds", type=int, default=Plan.rounds)
    running.add_argument("--seconds", type=float, default=Plan.seconds, help="of a run")
    running.add_argument("--fill-seconds", type=int, default=Plan.fill_seconds, help="at most")
    memory = running.add_mutually_exclusive_group()
    memory.add_argument("--only-memory", action="store_true", help="do not measure speed")
    memory.add_argument("--memory-from", type=Path, metavar="FILE", help="earlier results")
    memory.add_argument(
        "--only-further",
        action="store_true",
        help="only what further.py measures; the rest is kept as it is in --from",
    )
    memory.add_argument(
        "--only-speed",
        action="store_true",
        help="only the trackers' speed; the rest is kept as it is in --from",
    )
    running.add_argument(
        "--from",
        dest="earlier",
        type=Path,
        metavar="FILE",
        help="earlier results, for --only-…; without it the latest of bench/compare/results",
    )
    running.add_argument("--output", type=Path, help="where the results go, and no document")
    commands.add_parser("write").add_argument("file", type=Path)
    return parser.parse_args()


def make_place(options, work):
    tracker_cores, generator_cores = machine.halves()
    load = (options.binaries / "load").resolve()
    if options.command == "run" and not load.is_file():
        raise SystemExit("not built: `cargo build --release -p mika-bench --bin load`")
    Path(work).chmod(0o755)
    generator = Generator(load, generator_cores)
    rivals = options.rivals.resolve()
    return Place(rivals, work, tracker_cores, generator, options.binaries.resolve())


def chosen(only, quick=False):
    """Kinds of trackers by their names."""
    if only is None and quick:
        return [kind for kind in TRACKERS if kind.is_mika or kind.is_responder]
    unknown = set(only or ()) - {kind.name for kind in TRACKERS}
    if unknown:
        raise SystemExit(f"there is no tracker {', '.join(sorted(unknown))}")
    return [kind for kind in TRACKERS if only is None or kind.name in only]


def install(place, kinds, with_further):
    """One after the other; what cannot be had is said."""
    for kind in kinds:
        tracker = kind(place)
        try:
            tracker.install()
            tracker.binary()
            print(f"{kind.name}: there")
        except Unavailable as why:
            print(f"{kind.name}: {why}")
    if with_further:
        try:
            further.install(place)
            print("bench/in-process: there")
        except Unavailable as why:
            print(f"bench/in-process: {why}")
    return 0


def run(options, place, plan):
    plan = replace(
        sized(plan, options),
        measures_memory=options.memory_from is None,
        paths=() if options.only_memory else plan.paths,
    )
    if options.quick:
        plan = plan.quick()
    kinds = chosen(options.only, options.quick)
    comparison = Comparison(place, plan, kinds)
    results = head() | comparison.run()
    if options.memory_from:
        results["memory"] = json.loads(options.memory_from.read_text())["memory"]
    # Whoever names trackers wants a part.
    if options.only is None and not options.only_memory:
        if not options.quick:
            # What stops the rest, half an hour from now, does not take this with it.
            keep(options, results)
        results["further"] = measure_further(options, place)
    results["machine"]["load_average_after"] = machine.facts()["load_average_before"]
    keep(options, results)
    return 0 if results["runs"] or results["memory"] else 1


def sized(plan, options):
    """As large as was asked for."""
    return replace(
        plan, rounds=options.rounds, seconds=options.seconds, fill_seconds=options.fill_seconds
    )


def run_further(options, place, plan):
    """The rest is that of an earlier run; with --quick there is none."""
    if options.quick:
        empty = replace(plan, paths=(), measures_memory=False)
        results = head() | Comparison(place, empty, []).run()
    else:
        results = earlier_results(options)
    results["further"] = measure_further(options, place)
    keep(options, results)
    return 0


def run_speed(options, place, plan):
    """The rest is that of an earlier run."""
    earlier = earlier_results(options)
    plan = replace(sized(plan, options), measures_memory=False)
    comparison = Comparison(place, plan, chosen(options.only, options.quick))
    results = head() | comparison.run()
    results |= {part: earlier[part] for part in ("memory", "further") if part in earlier}
    results["machine"]["load_average_after"] = machine.facts()["load_average_before"]
    keep(options, results)
    return 0 if results["runs"] else 1


def earlier_results(options):
    earlier = options.earlier or max(RESULTS.glob("20*.json"), default=None)
    if earlier is None:
        raise SystemExit("there are no earlier results: `compare.py run` makes them")
    return json.loads(earlier.read_text())


def head():
    return {"date": f"{datetime.date.today()}", "version": version(), "machine": machine.facts()}


def measure_further(options, place):
    """With a date and a version of its own, for the rest may be of another run."""
    plan = further.QUICK
    if not options.quick:
        plan = replace(further.Plan(), rounds=options.rounds, seconds=options.seconds)
    found = {"date": f"{datetime.date.today()}", "version": version()}
    found["load_average_before"] = machine.facts()["load_average_before"]
    found |= further.measure(place, plan)
    found["load_average_after"] = machine.facts()["load_average_before"]
    return found


def keep(options, results):
    """Writes a file of results, and the page or what would be in it."""
    if options.output or not options.quick:
        path = options.output or RESULTS / f"{results['date']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results) + "\n")
        say(f"the results are in {path.name}")
    if options.quick or options.output:
        print(report.generated(summarized(results)))
    else:
        write_document(results)


def summarized(results):
    """With what `stall.py` has found last."""
    return Summary(results, json.loads(STALL.read_text()) if STALL.is_file() else None)


def write_document(results):
    """The generated part of the page, and the plots."""
    summary = summarized(results)
    DOCUMENT.write_text(report.put_between(DOCUMENT.read_text(), report.generated(summary)))
    for name, image in report.images(summary).items():
        path = DOCUMENT.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(image)


def version():
    """Of mika: its commit, and whether its source differs from that."""
    commit = git("rev-parse", "--short", "HEAD") or "of unknown version"
    return f"{commit}, changed" if git("status", "--porcelain", "--", "crates") else commit


def git(*arguments):
    command = ["git", "-C", ROOT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
