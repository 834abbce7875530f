"""Links and names of files in the documentation: what they name has to exist."""

import re

import files

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
FOLDERS = "bench|crates|docs|etc|fuzz|schemas|scripts|tests|\\.ci"
NAMED_FILE = re.compile(rf"`(?:\./)?((?:{FOLDERS})/[\w./-]+)`")
NAME = re.compile(r"^`(?:\w+::)*(\w+)(?:\(\))?`$")


def problems(root):
    """What is wrong with the links and file names of all Markdown files."""
    found = []
    for path in files.markdown(root):
        prose = FENCE.sub("", path.read_text())
        name = path.relative_to(root)
        for text, target in LINK.findall(prose):
            if not re.match(r"[a-z]+:", target):
                found += [f"{name}: {wrong}" for wrong in link_problems(path, text, target)]
        for named in NAMED_FILE.findall(prose):
            if not (root / named).exists():
                found.append(f"{name}: there is no {named}")
    return found


def link_problems(path, text, target):
    file, _, anchor = target.partition("#")
    linked = (path.parent / file).resolve() if file else path
    if not linked.exists():
        return [f"the link to {target} leads nowhere"]
    if anchor and linked.suffix == ".md" and anchor not in anchors(linked.read_text()):
        return [f"{file or 'the file'} has no heading #{anchor}"]
    # A link whose text is a name in code leads to the file where that name is.
    named = NAME.match(text)
    if named and linked.suffix in {".rs", ".py"}:
        if not re.search(rf"\b{named.group(1)}\b", linked.read_text()):
            return [f"{file} does not contain {named.group(1)}"]
    return []


def anchors(text):
    """The anchors that GitHub makes of the headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(words.strip().replace(" ", "-"))
    return found
