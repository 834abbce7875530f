"""The figures behind the rows of `further_report.py`, as sections of the page."""

from cells import ratio, spread, table
from further_report import MEGABYTE, TLS_ROWS, Missing, core_ratio, part_of, size_of
from summary import Spread


def sections(further):
    """The figures behind the rows, of what was measured."""
    if further is None:
        return []
    lines = []
    for part, lines_of in (
        ("in_process", core_lines),
        ("in_process", codec_lines),
        ("threads", threads_lines),
        ("swarm_memory", swarm_lines),
        ("large", large_lines),
        ("idle", idle_lines),
        ("tls", tls_lines),
    ):
        try:
            lines += lines_of(part_of(further, part))
        except Missing:
            # The table of targets says why.
            continue
    if not lines:
        return []
    loads = " and ".join(f"{further[f'load_average_{when}']:g}" for when in ("before", "after"))
    return [
        "## Without sockets, and with many connections",
        "",
        f"Measured on {further['date']} with mika {further['version']}; load average before and "
        f"after: {loads}. Figures are median (minimum–maximum) of the rounds.",
        "",
        *lines,
    ]


def core_lines(found):
    rows = []
    for case in found["swarms"]:
        times = [Spread(case[f"{who}_ns"]) for who in ("aquatic", "private", "public")]
        ratios = [core_ratio(case, kind) for kind in ("private", "public")]
        rows.append([size_of(case), *map(spread, times), *(spread(it, ratio) for it in ratios)])
    header = ["Torrents and peers", "aquatic_udp", "mika, private", "mika, public"]
    header += ["aquatic ÷ private", "aquatic ÷ public"]
    return [
        "Announces in one process: CPU ns of an announce, the reply of UDP written, "
        f"{found['numwant']} peers asked for, {found['announces']:,} announces of random peers "
        "in a round. aquatic_udp's swarms are a public tracker's.",
        "",
        *table(header, "lrrrrr", rows),
    ]


def codec_lines(found):
    codec = found["codec"]
    rows = []
    for title, who in (("aquatic_http", "aquatic"), ("mika", "mika")):
        times = [Spread(codec[f"{who}_{step}_ns"]) for step in ("parse", "encode")]
        rows.append([title, *map(spread, times), f"{codec[f'{who}_reply_bytes']}"])
    return [
        f"HTTP in one process: CPU ns to parse {codec['request_bytes']} bytes of qBittorrent's, "
        f"and to encode a reply with {codec['peers']} IPv4 peers.",
        "",
        *table(["", "parse", "encode", "bytes of the reply"], "lrrr", rows),
    ]


def threads_lines(found):
    rows = [
        [
            f"{case['threads']}",
            spread(Spread(case["announces_per_second"]), lambda value: f"{value:,.0f}"),
            spread(Spread(case["cpu_ns_per_announce"])),
        ]
        for case in found["by_threads"]
    ]
    header = ["Threads", "announces/s", "CPU ns per announce"]
    return ["Threads in one process, a private tracker:", "", *table(header, "rrr", rows)]


def swarm_lines(found):
    rows = [
        [fill["kind"], f"{fill['torrents']:,}", f"{fill['peers_per_torrent']:,}",
         f"{fill['bytes_per_peer']:.1f}"]
        for fill in found["fills"]
    ]
    header = ["Memory in one process", "torrents", "peers per torrent", "bytes per peer"]
    lines = table(header, "lrrr", rows)
    if found["churns"]:
        rows = [
            [churn["kind"], f"{churn['torrents']:,}", f"{churn['peers_per_torrent']:,}",
             *(f"{it['bytes'] / 2**20:.1f}" for it in churn["rotations"])]
            for churn in found["churns"]
        ]
        numbers = [f"{it['rotation']}" for it in found["churns"][0]["rotations"]]
        lines += ["MiB after so many rotations, in each of which all peers are replaced:", ""]
        header = ["", "torrents", "peers per torrent", *numbers]
        lines += table(header, "lrr" + "r" * len(numbers), rows)
    return lines


def large_lines(found):
    sizes = [found[f"bytes_{when}"] / MEGABYTE for when in ("empty", "at_once", "at_rest", "peak")]
    return [
        f"{found['answered']:,} peers in {found['torrents']:,} torrents of {found['users']:,} "
        f"users, who came in {found['fill_seconds']:,.0f} s over UDP: {sizes[0]:,.0f} MB before, "
        f"{sizes[1]:,.0f} right after, {sizes[2]:,.0f} at rest, {sizes[3]:,.0f} at most.",
        "",
    ]


def idle_lines(found):
    def cpu(way):
        return spread(Spread(it[way]["cpu_us"] for it in found["rounds"]))

    return [
        f"Announces over kept connections: {cpu('without')} µs of CPU each, and {cpu('with')} "
        f"beside {found['connections']:,} idle connections.",
        "",
    ]


def tls_lines(found):
    rows = []
    for words, way, without in TLS_ROWS:
        times = [Spread(it[name]["cpu_us"] for it in found["rounds"]) for name in (without, way)]
        rows.append([words, *map(spread, times)])
    return table(["TLS, CPU µs per announce", "without TLS", "with TLS"], "lrr", rows)
