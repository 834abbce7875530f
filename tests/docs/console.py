"""The ```console blocks of a Markdown file, and a shell that runs them as a reader would.

A line that begins with `$ ` is a command; it goes on in the next line after a backslash or within
single quotes, and up to its delimiter when it has a here-document. The other lines are what it
prints.
"""

import os
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from normal import matches

COMMAND_SECONDS = 60
OUTPUT_SECONDS = 20
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")


@dataclass
class Step:
    """One command with the output that the file shows, and where that is (lines from 0)."""

    line: int
    command: str
    output: list = field(default_factory=list)
    output_line: int = 0

    @property
    def is_background(self):
        """Whether the shell does not wait for it."""
        return self.command.rstrip().endswith("&")


def parse(text):
    """The steps of all blocks of a file, in order."""
    steps, lines, at = [], text.splitlines(), 0
    while at < len(lines):
        if lines[at].strip() != "```console":
            at += 1
            continue
        at += 1
        while at < len(lines) and lines[at].strip() != "```":
            if lines[at].startswith("$ "):
                at = take_command(lines, at, steps)
            elif not steps or steps[-1].output_line + len(steps[-1].output) != at:
                raise ValueError(f"line {at + 1}: output before any command")
            else:
                steps[-1].output.append(lines[at])
                at += 1
        at += 1
    return steps


def take_command(lines, at, steps):
    """Appends the command that begins at a line; returns the line after it."""
    first, command = at, lines[at][2:]
    while command.endswith("\\") or "<<" not in command and command.count("'") % 2 == 1:
        at += 1
        command += "\n" + lines[at]
    heredoc = HEREDOC.search(command)
    while heredoc and lines[at] != heredoc.group(2):
        at += 1
        command += "\n" + lines[at]
    steps.append(Step(first, command, [], at + 1))
    return at + 1


class Shell:
    """A bash in a directory of its own, which keeps variables and background jobs."""

    def __init__(self, directory, mika):
        self.directory = Path(directory)
        self.outputs = self.directory / ".outputs"
        self.outputs.mkdir()
        home = self.directory / ".home"
        home.mkdir()
        environment = {
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{Path(mika).parent}:{os.environ['PATH']}",
            "TERM": "dumb",
            "TMPDIR": str(home),
        }
        self.count = 0
        self.status, status = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
            env=environment,
            pass_fds=[status],
            start_new_session=True,
        )
        self.send(f"exec 9>&{status}; last=0")
        os.close(status)

    def send(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def run(self, step):
        """Runs one step; returns its exit status and what it has printed."""
        self.count += 1
        path = self.outputs / str(self.count)
        command = f"{{ (exit $last)\n{step.command}\n}} >{path} 2>&1 </dev/null 9>&-"
        self.send(f"{command}; last=$?; echo $last >&9")
        ready, _, _ = select.select([self.status], [], [], COMMAND_SECONDS)
        if not ready:
            return None, self.printed(path)
        status = int(os.read(self.status, 64).split()[-1])
        deadline = time.monotonic() + OUTPUT_SECONDS
        while step.is_background and step.output and time.monotonic() < deadline:
            if matches(step.output, self.printed(path)):
                break
            time.sleep(0.05)
        return status, self.printed(path)

    @staticmethod
    def printed(path):
        text = path.read_text(errors="replace") if path.exists() else ""
        return text.splitlines()

    def close(self):
        """Ends the shell and everything it has started, and nothing else."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            time.sleep(0.3)
        self.process.wait()
        self.process.stdin.close()
        os.close(self.status)
