"""Which files are documentation."""

SKIPPED = {"target", ".git", "node_modules"}


def markdown(root):
    """All Markdown files of the project."""
    found = []
    for path in sorted(root.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(root).parts):
            found.append(path)
    return found


def with_commands(root):
    """Those whose commands are run."""
    listed = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]
    return [path for path in listed if path.exists() and "```console" in path.read_text()]
