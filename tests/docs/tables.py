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
    order = re.findall(r"Refusal::(\w+)", body(source, "pub const ALL"))
    names, texts = arms(body(source, "pub fn name")), arms(body(source, "pub fn text"))
    waits = {}
    for variants, wait in re.findall(r"((?:Self::\w+(?:\(_\))?[\s|]*)+)=> Wait::(\w+)",
                                     body(source, "pub fn wait")):
        for variant in re.findall(r"Self::(\w+)", variants):
            waits[variant] = WAITS[wait]
    return [(names[variant], texts[variant], waits[variant]) for variant in order]


def arms(text):
    return dict(re.findall(r'Self::(\w+)(?:\(_\))?\s*=>\s*\{?\s*"([^"]*)"', text))


def body(source, start):
    """From a line up to the brace or bracket that ends it, four columns in."""
    found = re.search(rf"^    {re.escape(start)}.*?^    [}}\]]", source, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{REFUSALS_SOURCE} has no `{start}` any more: adapt tests/docs/tables.py")
    return found.group(0)
