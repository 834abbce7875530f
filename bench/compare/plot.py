"""Bar charts as SVG: one bar per tracker, with the spread of the runs."""

from html import escape

WIDTH, BAR, GAP = 720, 22, 10
LEFT, RIGHT, TOP, BOTTOM = 220, 90, 44, 12
MIKA, RESPONDER, OTHER = "#2b7a4b", "#b8bec6", "#5b83b5"


def bars(title, unit, rows):
    """`rows` are (label, kind, low, middle, high), with the kinds of `color`."""
    height = TOP + len(rows) * (BAR + GAP) + BOTTOM
    scale = (WIDTH - LEFT - RIGHT) / max(high for *_, high in rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" fill="#222222">{escape(title)}, {escape(unit)}</text>',
    ]
    for place, (label, kind, low, middle, high) in enumerate(rows):
        top = TOP + place * (BAR + GAP)
        lines += bar(top, label, color(kind), (low, middle, high), scale)
    return "\n".join([*lines, "</svg>", ""])


def bar(top, label, fill, values, scale):
    low, middle, high = values
    center, text = top + BAR / 2, top + BAR / 2 + 4.5
    first, last = LEFT + low * scale, LEFT + high * scale
    lines = [
        f'<text x="{LEFT - 8}" y="{text}" text-anchor="end" fill="#222222">{escape(label)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{middle * scale:.1f}" height="{BAR}" fill="{fill}"/>',
    ]
    if high > low:
        lines.append(
            f'<path d="M{first:.1f} {center}H{last:.1f}M{first:.1f} {center - 4}v8'
            f'M{last:.1f} {center - 4}v8" stroke="#222222" fill="none"/>'
        )
    value = f"{middle:.0f}" if middle >= 100 else f"{middle:.1f}"
    lines.append(f'<text x="{last + 6:.1f}" y="{text}" fill="#222222">{value}</text>')
    return lines


def color(kind):
    return {"mika": MIKA, "responder": RESPONDER}.get(kind, OTHER)
