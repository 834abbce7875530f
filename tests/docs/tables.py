"""Tables of the documentation that repeat what the source says: they have to say the same."""

import re

REFUSALS_SOURCE = "crates/core/src/refusal.rs"
REFUSALS_FILE = "docs/how-do-i-choose-clients.md"
WAITS = {"Short": "short", "Long": "long", "Never": "never"}


def problems(root):
    """What is wrong with the tables."""
    source = (root / REFUSALS_SOURCE).read_text()
    expected = refusals(source)
    text = (root / REFUSALS_FILE).read_text()
    shown = [tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")[:3])
             for line in text.splitlines() if re.match(r"\| `\w+` \|", line)]
    if shown == expected:
        return []
    lines = "\n".join(f"| `{name}` | {told} | {wait} |" for name, told, wait in expected)
    return [f"{REFUSALS_FILE}: the first columns of the table should be, as in "
            f"{REFUSALS_SOURCE}:\n{lines}"]


def refusals(source):
    """(metric label, text, wait) of each refusal, in the order of the enum."""
    entries = re.findall(r"""^    \w+(?:\(.*?\))?: "(\w+)", (\w+),\s+"([^"]*)";$""", source,
                         re.MULTILINE)
    if not entries:
        raise ValueError(f"{REFUSALS_SOURCE} declares refusals otherwise: adapt tests/docs/tables.py")
    return [(name, text, WAITS[wait]) for name, wait, text in entries]
