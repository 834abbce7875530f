"""Cells of the tables: figures, spreads and verdicts as Markdown."""


def table(header, alignment, rows):
    """A Markdown table."""
    marks = {"l": "---", "r": "---:"}
    lines = [header, [marks[mark] for mark in alignment], *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines] + [""]


def number(value):
    """Three digits, or a whole number."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value):
    return f"{value:.2f}"


def spread(values, form=number):
    """median (minimum–maximum)."""
    if not values:
        return "–"
    return f"{form(values.middle)} ({form(values.low)}–{form(values.high)})"


def judge(values, most):
    """By the median."""
    if values.middle <= most:
        return "met" if values.high <= most else "met by the median"
    return "**missed**" if values.low > most else "**missed** by the median"


def judge_least(values, least):
    """The same where more is better."""
    if values.middle >= least:
        return "met" if values.low >= least else "met by the median"
    return "**missed**" if values.high < least else "**missed** by the median"


def judge_one(value, most):
    """A single figure."""
    return "met" if value <= most else "**missed**"
