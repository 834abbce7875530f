"""Child processes that cannot outlive the tests, and whose output is kept."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_TAIL_CHARACTERS = 6_000
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment(**extra):
    """The environment without proxies (everything is on loopback) and with a plain locale."""
    keep = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return keep | {"LC_ALL": "C.UTF-8", "TERM": "xterm", "no_proxy": "*"} | extra


class Process:
    """One child in its own process group, with standard output and error in `log`."""

    def __init__(self, arguments, log, environment=None, **popen):
        self.log = Path(log)
        with open(self.log, "ab") as output:
            popen.setdefault("stdin", subprocess.DEVNULL)
            popen.setdefault("stdout", output)
            popen.setdefault("stderr", output)
            self.child = subprocess.Popen(
                [str(a) for a in arguments],
                env=environment or clean_environment(),
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **popen,
            )

    @property
    def running(self):
        """Whether the child has not ended yet."""
        return self.child.poll() is None

    def check_running(self):
        """Raises, with the end of the log, if the child has ended."""
        if not self.running:
            raise RuntimeError(f"ended with {self.child.returncode}: {self.log_tail()}")

    def signal(self, number):
        """Sends a signal to the child if it is still there."""
        if self.running:
            self.child.send_signal(number)

    def wait(self, timeout_seconds):
        """Whether the child ended within the time."""
        try:
            self.child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self):
        """Ends the whole process group at once; harmless when it has ended already."""
        if self.running:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(10)

    def log_tail(self):
        """The end of what it wrote."""
        text = self.log.read_bytes().decode(errors="replace") if self.log.exists() else ""
        # Of a progress line that rewrites itself only the last state is of interest.
        lines = (line.rstrip().rsplit("\r", 1)[-1] for line in text.split("\n"))
        return "\n".join(lines)[-LOG_TAIL_CHARACTERS:]
