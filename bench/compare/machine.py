"""What the machine is, and what its processes use."""

import os
import platform
import re
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def halves():
    """The cores of the tracker, and those of the generator."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("two cores are needed: one for the tracker, one for the generator")
    middle = len(cores) // 2
    return cores[:middle], cores[middle:]


def facts():
    """What a reader has to know to judge the figures: no names, no paths."""
    tracker_cores, generator_cores = halves()
    return {
        "processor": processor(),
        "virtual": " hypervisor " in field(Path("/proc/cpuinfo").read_text(), "flags") + " ",
        "cores": len(tracker_cores) + len(generator_cores),
        "tracker_cores": len(tracker_cores),
        "generator_cores": len(generator_cores),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "kernel": re.match(r"[0-9.]*[0-9]", platform.release()).group(),
        "load_average_before": round(os.getloadavg()[0], 1),
    }


def processor():
    """The name that the processor gives itself."""
    return field(Path("/proc/cpuinfo").read_text(), "model name") or platform.machine()


def field(text, name):
    """The value of the first line `name : value`."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def cpu_seconds(pid):
    """CPU time of a process by the names of its threads."""
    by_name = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError, ValueError):
            continue
        by_name[name] = by_name.get(name, 0.0) + seconds
    return by_name


def process_seconds(pid):
    """CPU time of a process, of all its threads."""
    return sum(cpu_seconds(pid).values())


def resident_bytes(pid):
    """What a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(field(status, "VmRSS").split()[0]) * 1024


def peak_bytes(pid):
    """What a process has had in memory at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(field(status, "VmHWM").split()[0]) * 1024


def open_files(pid):
    """How many files, sockets included, a process has open; none if it has ended."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def is_alive(pid):
    """Whether a process runs: a zombie does not."""
    try:
        return field(Path(f"/proc/{pid}/status").read_text(), "State")[:1] not in ("Z", "X", "")
    except OSError:
        return False


def settle(pid, seconds_max, quiet_seconds=2, busy_max=0.05):
    """Waits until a process has little to do for a while. Returns whether it came to rest."""
    end = time.monotonic() + seconds_max
    quiet, before, at = 0, process_seconds(pid), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.5)
        now, moment = process_seconds(pid), time.monotonic()
        quiet = quiet + 1 if (now - before) / (moment - at) < busy_max else 0
        before, at = now, moment
        if quiet * 0.5 >= quiet_seconds:
            return True
    return False
