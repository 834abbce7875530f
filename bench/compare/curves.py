"""Line charts as SVG: which share of all takes longer than so long, both axes logarithmic."""

import math
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 44, 46
COLORS = ("#8a929b", "#2b7a4b", "#5b83b5", "#c2792c", "#a33c5c", "#6f5aa7")
SHARE_MIN = 1e-5


def slower_than(title, histograms):
    """`histograms` are lists of (microseconds at most, count) by name."""
    tops = [upper for counts in histograms.values() for upper, _ in counts]
    first, last = (math.floor(math.log10(min(tops))), math.ceil(math.log10(max(tops))))

    def x(micros):
        share = (math.log10(micros) - first) / (last - first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(share):
        depth = math.log10(max(share, SHARE_MIN)) / math.log10(SHARE_MIN)
        return TOP + depth * (HEIGHT - TOP - BOTTOM)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" fill="#222222">{escape(title)}</text>',
        *grid(x, y, first, last),
    ]
    for place, (name, counts) in enumerate(histograms.items()):
        color = COLORS[place % len(COLORS)]
        lines.append(curve(x, y, counts, color))
        top = TOP + 16 + 17 * place
        lines.append(f'<path d="M{LEFT + 300} {top - 4}h18" stroke="{color}" stroke-width="3"/>')
        lines.append(f'<text x="{LEFT + 324}" y="{top}" fill="#222222">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def grid(x, y, first, last):
    """The powers of ten."""
    lines = []
    for power in range(first, last + 1):
        at = x(10**power)
        name = f"{10**power} µs" if power < 3 else f"{10 ** (power - 3)} ms"
        lines.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e3e6ea"/>')
        lines.append(
            f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" '
            f'fill="#222222">{name}</text>'
        )
    for power in range(0, -6, -1):
        at = y(10.0**power)
        name = "all" if power == 0 else f"1 in {10**-power:,}"
        lines.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e3e6ea"/>')
        lines.append(
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" fill="#222222">{name}</text>'
        )
    return lines


def curve(x, y, counts, color):
    """Steps down, from all to none."""
    total = left = sum(count for _, count in counts)
    points = []
    for upper, count in counts:
        points.append(f"{x(upper):.1f} {y(left / total):.1f}")
        left -= count
    path = "L".join(points)
    return f'<path d="M{path}" stroke="{color}" stroke-width="1.8" fill="none"/>'
