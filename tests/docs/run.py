"""Runs the commands of the documentation and compares what they print with what it shows.

    python3 tests/docs/run.py            every file, and all checks that run no command
    python3 tests/docs/run.py FILE...    the commands of these files
    python3 tests/docs/run.py --write FILE...    puts what was printed into these files

Each file runs in a new directory and, where the system allows it, in a network of its own, so that
the default ports are free and files run side by side. Otherwise the files run one by one, and the
default ports of mika have to be free.
"""

import argparse
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import files
import links
import tables
from console import Shell, parse
from normal import matches, with_host

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ["bash", "aria2c", "curl", "mktorrent", "openssl", "sqlite3"]
PORTS = [(socket.SOCK_STREAM, 34000), (socket.SOCK_DGRAM, 34000), (socket.SOCK_STREAM, 34001)]
ISOLATED = ["unshare", "--map-root-user", "--net"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put what was printed into the files")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    if options.here:
        if options.isolated:
            raise_loopback()
        return run_file(options.files[0], options.write)
    problems = check_machine()
    if not problems and not options.files:
        for check in (links, tables):
            problems += check.problems(ROOT)
    for problem in problems:
        print(problem)
    if problems and not options.files:
        print(f"{len(problems)} problems in the documentation")
    chosen = [path.resolve() for path in options.files] or files.with_commands(ROOT)
    failed = bool(problems) or not run_all(chosen, options.write)
    return 1 if failed else 0


def mika():
    """The binary under test."""
    return Path(os.environ.get("MIKA_BIN", ROOT / "target/release/mika")).resolve()


def check_machine():
    """What keeps the commands from being run at all."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return [f"missing programs: {' '.join(missing)}; run scripts/install-test-packages"]
    if not mika().is_file():
        return [f"{mika()} is missing: run `cargo build --release -p mika`, or set MIKA_BIN"]
    return []


def run_all(chosen, write):
    """Runs all files; true if all of them are right."""
    isolated = can_isolate()
    if not isolated:
        taken = taken_ports()
        if taken:
            print(f"in use: {', '.join(taken)}; the documentation runs mika on its default ports")
            return False
    workers = (os.cpu_count() or 1) if isolated else 1
    command = [sys.executable, __file__, "--here"] + ["--write"] * write
    if isolated:
        command = [*ISOLATED, *command, "--isolated"]

    def run(path):
        return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)

    good = True
    with ThreadPoolExecutor(workers) as pool:
        for path, result in zip(chosen, pool.map(run, chosen)):
            print(result.stdout, result.stderr, sep="", end="")
            good = good and result.returncode == 0
    return good


def can_isolate():
    """Whether the system lets us have a network of our own."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*ISOLATED, "true"], capture_output=True, check=False)
    return tried.returncode == 0


def raise_loopback():
    """A new network has a loopback interface, but it is down."""
    flags_set, interface_up = 0x8914, 1
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, flags_set, struct.pack("16sh", b"lo", interface_up))


def taken_ports():
    """Those of mika's default ports that something else uses."""
    taken = []
    for kind, port in PORTS:
        with socket.socket(socket.AF_INET, kind) as attempt:
            if kind == socket.SOCK_STREAM:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("0.0.0.0", port))
            except OSError:
                taken.append(f"{'UDP' if kind == socket.SOCK_DGRAM else 'TCP'} port {port}")
    return taken


def run_file(path, write):
    """Runs the commands of one file in order, up to the first that is wrong."""
    name, text = path.relative_to(ROOT), path.read_text()
    steps = parse(text)
    printed = []
    with tempfile.TemporaryDirectory(prefix="mika-docs-") as directory:
        shell = Shell(directory, mika())
        try:
            for step, after in zip(steps, [*steps[1:], None]):
                status, actual = shell.run(step)
                wants_status = after is not None and after.command == "echo $?"
                if status is None or (status != 0 and not wants_status):
                    return report(name, step, actual, f"exit status {status}, expected 0")
                if not matches(step.output, actual):
                    if not write or any("…" in line for line in step.output):
                        return report(name, step, actual, "it prints something else")
                    printed.append((step, [with_host(line).rstrip() for line in actual]))
        finally:
            shell.close()
    if printed:
        lines = text.splitlines()
        for step, actual in reversed(printed):
            lines[step.output_line : step.output_line + len(step.output)] = actual
        path.write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(steps)} commands, {len(printed)} outputs written" if write
          else f"{name}: {len(steps)} commands")
    return 0


def report(name, step, actual, what):
    """Says what is wrong with a step."""
    print(f"{name}:{step.line + 1}: {what}\n$ {step.command}")
    print("--- the documentation shows", *step.output, "--- it prints", *actual, "---", sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
