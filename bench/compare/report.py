"""The generated part of docs/performance.md, and its plots."""

import further_report
import further_sections
import plot
from cells import judge, number, ratio, spread, table
from measure import COMPLETE_SHARE
from summary import MEMORY_TARGETS, TARGETS

BEGIN = "<!-- Begin: written by bench/compare/compare.py; edit that instead. -->"
END = "<!-- End of what bench/compare/compare.py wrote. -->"

MEMORY_KEYS = {
    "bytes_per_peer": "bytes per peer, from an empty tracker on",
    "bytes_per_further_peer": "bytes per peer that comes on top",
}

TITLES = {
    "udp": "UDP",
    "keep-alive": "HTTP, connections kept alive",
    "close": "HTTP, a connection for each announce",
}


def generated(summary):
    """All of it."""
    lines = [f"Measured on {summary.results['date']} with mika {summary.results['version']}."]
    lines += machine_lines(summary.results)
    lines += target_lines(summary)
    for path in summary.paths:
        lines += path_lines(summary, path)
    lines += memory_lines(summary)
    lines += further_sections.sections(summary.results.get("further"))
    lines += note_lines(summary)
    return "\n".join(lines)


def put_between(text, generated_text, begin=BEGIN, end=END):
    """The page with its generated part replaced, which is between two markers."""
    before, has_begin, rest = text.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise SystemExit(f"the page has lost a marker of its generated part: {begin} or {end}")
    return f"{before}{begin}\n\n{generated_text}\n\n{end}{after}"


# ---- The machine ----


def machine_lines(results):
    machine, plan = results["machine"], results["plan"]
    kind = "a virtual machine" if machine["virtual"] else "a machine"
    speed = plan["speed"]
    loads = [machine["load_average_before"], machine.get("load_average_after")]
    shown = " and ".join(f"{load:g}" for load in loads if load is not None)
    lines = [
        "",
        f"The machine: {machine['processor']}, {kind} with {machine['cores']} cores and "
        f"{machine['memory_gib']} GiB, Linux {machine['kernel']}. The tracker had "
        f"{machine['tracker_cores']} cores, the generator {machine['generator_cores']}, over "
        f"loopback. Load average before and after: {shown}.",
        "",
    ]
    if loads[0] > machine["cores"] / 4:
        lines += [
            "**Others used the machine at the same time.** Rates and latencies are worse than they "
            "would be, and differ from run to run. CPU per announce is less disturbed, yet caches "
            "were shared, and a tracker that is asked less often has smaller batches.",
            "",
        ]
    return lines + [
        f"Each tracker held {speed['peers']:,} IPv4 peers in {speed['torrents']:,} torrents, half "
        f"of them seeders, and each announce asked for {speed['numwant']} peers. "
        f"{plan['rounds']} rounds, {plan['seconds']:g} s for each tracker; in a round all trackers "
        "took turns, and only one was asked at a time. "
        "Figures are median (minimum–maximum) of the rounds.",
        "",
    ]


# ---- Targets ----


def target_lines(summary):
    rows = []
    for words, path, name, other, most in TARGETS:
        if not {name, other} <= set(summary.trackers) or path not in summary.paths:
            continue
        title = summary.trackers[other]["title"]
        why = summary.why_missing(name, path) or summary.why_missing(other, path)
        values = summary.ratio(name, other, path)
        found = spread(values, ratio) if values else why
        answering = summary.ratio(name, other, path, answering=True)
        if answering and answering.middle < 0.98 * values.middle:
            found += f"; {answering.middle:.2f} without journal and store"
        verdict = judge(values, most) if values else "not measured"
        rows.append([words, f"CPU per announce, over {title}", f"≤ {most:g}", found, verdict])
    for name, most in MEMORY_TARGETS:
        for key, words in MEMORY_KEYS.items():
            found = summary.results["memory"].get(name, {}).get(key)
            if found is not None:
                verdict = "met" if found <= most else "**missed**"
                title = summary.trackers[name]["title"]
                rows.append([f"Memory, {title}", words, f"≤ {most}", f"{found:g}", verdict])
    rows += further_report.target_rows(summary.results.get("further"), summary.stall)
    header = ["What", "Measure", "Target", "Found", ""]
    return ["## Are the targets met?", "", *table(header, "lllll", rows)]


# ---- One path ----


def path_lines(summary, path):
    lines = [f"## {TITLES[path]}", ""]
    ordered = by_cpu(summary, path)
    if ordered:
        rate = summary.common_rate(path)
        at = f"at {rate:,.0f}/s" if rate else "at half of the slowest"
        header = ["Tracker", "CPU µs per announce", "announces/s at most", f"p50 / p99 ms {at}"]
        header += ["peers, bytes per reply", "mika private ÷ it", "mika public ÷ it", "steal %"]
        rows = [path_row(summary, path, name) for name in ordered]
        rows += missing_rows(summary, path, len(header))
        lines += [f"![CPU per announce]({image_name(path)})", ""]
        lines += table(header, "lrrrrrrr", rows)
    share = summary.answering_cpu("mika-private", path)
    if share:
        lines += [
            f"Of the CPU time of mika, private, {number(share.middle)} µs per announce are of "
            "the threads that answer. The rest writes the journal and SQLite.",
            "",
        ]
    others = [t["title"] for t in summary.trackers.values() if path not in t["paths"]]
    others = [title for title in others if not title.startswith("responder")]
    if others:
        lines += [f"Without this: {'; '.join(others)}.", ""]
    return lines


def missing_rows(summary, path, width):
    """Who should be in the table, but could not be measured, and why."""
    rows = []
    for name, tracker in summary.trackers.items():
        why = summary.why_missing(name, path)
        if why and path in tracker["paths"]:
            rows.append([tracker["title"], f"not measured: {why}", *["–"] * (width - 2)])
    return rows


def by_cpu(summary, path):
    """Names of the trackers that were measured, the cheapest first."""
    cpu = {name: summary.cpu(name, path) for name in summary.trackers}
    return sorted((name for name in cpu if cpu[name]), key=lambda name: cpu[name].middle)


def path_row(summary, path, name):
    rate = spread(summary.rate(name, path), lambda value: f"{value:,.0f}")
    if summary.is_generator_bound(name, path):
        rate = "≥ " + rate
    p50, p99 = (summary.latency(name, path, quantile) for quantile in ("p50", "p99"))
    latency = f"{number(p50.middle)} / {number(p99.middle)}" if p50 else "slower than that"
    if summary.common_rate(path) is None:
        latency = "–"
    peers, size = summary.peers(name, path), summary.bytes(name, path)
    ratios = []
    for mika in ("mika-private", "mika-public"):
        values = summary.ratio(mika, name, path)
        ratios.append("1" if mika == name else spread(values, ratio))
    peers_shown = "–" if summary.trackers[name]["is_responder"] else f"{peers.middle:.0f}"
    return [
        summary.trackers[name]["title"],
        spread(summary.cpu(name, path)),
        rate,
        latency,
        f"{peers_shown}, {size.middle:.0f}",
        *ratios,
        f"{summary.steal(name, path).middle:.1f}",
    ]


# ---- Memory ----


def memory_lines(summary):
    memory = summary.results["memory"]
    if not memory:
        return []
    population = summary.results["plan"]["memory"]
    rows = []
    for name in sorted(memory, key=lambda name: memory[name]["bytes_per_peer"]):
        weighed = memory[name]
        further = weighed["bytes_per_further_peer"]
        rows.append(
            [
                summary.trackers[name]["title"],
                f"{weighed['bytes_per_peer']:,.1f}",
                "–" if further is None else f"{further:,.1f}",
                f"{weighed['peers']:,}",
                f"{weighed['bytes_empty'] / 2**20:,.0f}",
                f"{weighed['bytes_at_once'] / 2**20:,.0f}",
                f"{weighed['bytes_full'] / 2**20:,.0f}",
            ]
        )
    header = ["Tracker", "bytes per peer", "per further peer", "peers", "MiB empty"]
    header += ["MiB right after the fill", "MiB at rest"]
    per_torrent = population["peers"] / population["torrents"]
    return [
        "## Memory",
        "",
        f"![Bytes per peer]({image_name('memory')})",
        "",
        f"Growth of the resident set by {population['peers']:,} peers in "
        f"{population['torrents']:,} torrents, {per_torrent:g} each, who come as fast as they are "
        "answered. It holds everything that came with them: torrents, buffers, what waits to be "
        "written, what the allocator keeps. A further peer is one of as many who come then, in "
        "other torrents.",
        "",
        *table(header, "lrrrrrr", rows),
    ]


def note_lines(summary):
    lines = ["## What differs between them", ""]
    for tracker in summary.trackers.values():
        if not tracker["unavailable"]:
            notes = [f"* {tracker['title']}: {note}." for note in tracker["notes"]]
            lines += [note for note in notes if note not in lines]
    peers = summary.results["plan"]["speed"]["peers"]
    for name, fill in summary.results["fills"].items():
        if fill["answered"] < COMPLETE_SHARE * peers:
            title = summary.trackers[name]["title"]
            lines.append(
                f"* {title}: held {fill['answered']:,} of {peers:,} peers, for it took too long "
                "to fill."
            )
    return lines


# ---- Plots ----


def image_name(what):
    return f"images/performance-{what}.svg"


def images(summary):
    """Names and contents of the plots."""
    plots = {}
    for path in summary.paths:
        rows = []
        for name in by_cpu(summary, path):
            cpu = summary.cpu(name, path)
            title = summary.trackers[name]["title"]
            rows.append((title, kind_of(summary, name), cpu.low, cpu.middle, cpu.high))
        if rows:
            plots[image_name(path)] = plot.bars(TITLES[path], "CPU µs per announce", rows)
    memory = summary.results["memory"]
    rows = [
        (summary.trackers[name]["title"], kind_of(summary, name), *[weighed["bytes_per_peer"]] * 3)
        for name, weighed in sorted(memory.items(), key=lambda item: item[1]["bytes_per_peer"])
    ]
    if rows:
        plots[image_name("memory")] = plot.bars("Memory", "bytes per peer", rows)
    return plots


def kind_of(summary, name):
    tracker = summary.trackers[name]
    if tracker["is_mika"]:
        return "mika"
    return "responder" if tracker["is_responder"] else "other"
