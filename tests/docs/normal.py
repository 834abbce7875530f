"""When what a command printed is what the documentation shows."""

import re
import socket

HOST = "tracker"

# What differs from run to run, in the output and in the documentation alike.
VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "<time>"),
    # Admin tokens, then passkeys; info-hashes have 40 digits and are the same everywhere.
    (re.compile(r"\b[0-9a-f]{64}\b"), "<token>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<passkey>"),
    (re.compile(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])"), "<version>"),
    (re.compile(r"\bworkers=\d+"), "workers=<number>"),
    (re.compile(r"^(\{\"status\":\"ok\",\"version\":)\"[^\"]+\""), r"\1<version>"),
    (re.compile(r"\b(batch\"?[ :])\d+"), r"\1<number>"),
    (re.compile(r"(at_seconds\"?[=:] ?)\d{10}\b"), r"\1<seconds>"),
    (re.compile(r"^(last batch|applied batch|pending rows) +\d+$"), r"\1 <number>"),
    (re.compile(r"^(memory|journal|snapshot) +[\d.]+ [KMG]?i?B$"), r"\1 <size>"),
    (re.compile(r"^(up for|flush lag|seed time) +\d.*$"), r"\1 <duration>"),
]

# What a shell says of a job that has ended; each says it in its own way, and some do not.
SHELL_NOISE = re.compile(
    r"^(bash: line \d+: +\d+ |\[\d+\][-+ ]+ *\d* *)(Killed|Terminated|Done|\d+$)"
)


def with_host(line):
    """The line with this machine's name replaced by that of the documentation."""
    return line.replace(f"//{socket.gethostname()}:", f"//{HOST}:")


def normal(line):
    """A line without what varies; columns may be of any width."""
    line = with_host(line).rstrip()
    for pattern, replacement in VARYING:
        line = pattern.sub(replacement, line)
    return re.sub(r"  +", " ", line)


# What mika says of a machine, not of itself.
MACHINE_NOISE = re.compile(r"\S+ +(?:WARN|INFO) the system allows fewer open files")


def visible(lines):
    """The lines without the shell's own remarks and those on the machine."""
    noise = (SHELL_NOISE, MACHINE_NOISE)
    return [line for line in lines if not any(pattern.match(line) for pattern in noise)]


def matches(expected, actual):
    """Whether the output is as shown. `…` stands for any text, alone on a line for any lines."""
    pattern = ""
    for line in visible(expected):
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in normal(line).split("…")) + r"\n"
    text = "".join(normal(line) + "\n" for line in visible(actual))
    return re.fullmatch(pattern, text) is not None
