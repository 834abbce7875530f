"""What `further.py` and `stall.py` have found, as rows of the table of targets."""

from cells import judge, judge_least, judge_one, ratio, spread
from summary import Spread

MEGABYTE = 1_000_000
#: The rotations over which memory must not grow any more.
PLATEAU = (5, 10)

CORE_LEAST = 1.5
CODEC_LEAST = 5
SCALING_LEAST = 3.5
HOT_MOST = 1.1
GROWTH_MOST = 1.05
LARGE_MOST_BYTES = 1_000_000_000
IDLE_LEAST = 50_000
STALL_MOST_MILLISECONDS = 1.0

#: Of swarms in one process: words, kind, peers per torrent at least and at most, bytes per peer.
SWARM_TARGETS = (
    ("private, IPv4, 1 peer per torrent", "private", 1, 1, 130),
    ("private, IPv4, 10 peers per torrent or more", "private", 10, None, 64),
    ("public, IPv4, 10 peers per torrent", "public", 10, 10, 24),
    ("public, IPv4, 1,000,000 peers in a torrent", "public", 1_000_000, None, 16),
)

WORK = {
    "flush": "flush",
    "snapshot": "snapshot",
    "reload": "reload",
    "expiry": "expiry",
}


class Missing(Exception):
    """Why there are no figures, in the words of a verdict."""


def target_rows(further, stall):
    """A row for each target, measured or not. Both arguments may be None."""
    parts = (
        ("in_process", core_rows, "Announces in one process, private and public",
         "announces per CPU second, over those of aquatic_udp's swarm code", f"≥ {CORE_LEAST:g}"),
        ("in_process", codec_rows, "HTTP in one process",
         "CPU of aquatic_http to parse and encode, over mika's", f"≥ {CODEC_LEAST:g}"),
        ("threads", threads_rows, "Threads in one process, private",
         "announces per second of 4 threads on many torrents, over 1", f"≥ {SCALING_LEAST:g}"),
        ("hot", hot_rows, "A hot torrent, private", "CPU per announce for other torrents",
         f"≤ {HOT_MOST:g}"),
        ("swarm_memory", swarm_rows, "Memory in one process", "bytes per peer",
         "≤ " + ", ".join(f"{target}" for *_, target in SWARM_TARGETS)),
        ("swarm_memory", churn_rows, "Memory in one process, all peers replaced again and again",
         "growth", f"≤ {GROWTH_MOST:g}"),
        ("large", large_rows, "10,000,000 peers in 1,000,000 torrents, private",
         "MB (10⁶ bytes) resident", f"≤ {LARGE_MOST_BYTES / MEGABYTE:,.0f}"),
        ("idle", idle_rows, "Idle connections, public", "held beside announces at full rate",
         f"≥ {IDLE_LEAST:,}"),
        ("tls", tls_rows, "TLS, public", "% of connections that resume a session", "> 0"),
    )
    rows = []
    for part, rows_of, what, measure, target in parts:
        try:
            rows += rows_of(part_of(further, part))
        except Missing as why:
            rows.append([what, measure, target, "–", str(why)])
    return rows + stall_rows(stall)


def part_of(further, name):
    """What was found of a part."""
    if further is None:
        raise Missing("not measured, because it is not part of these results")
    part = further.get(name) or {"left_out": "it is not part of these results"}
    if "unavailable" in part:
        raise Missing(f"not measurable here, because {part['unavailable']}")
    if "left_out" in part:
        raise Missing(f"not measured, because {part['left_out']}")
    return part


# ---- In one process ----


def core_rows(found):
    """The worst of the cases decides."""
    rows = []
    for kind in ("private", "public"):
        cases = sorted(
            ((core_ratio(case, kind), case) for case in found["swarms"]),
            key=lambda pair: pair[0].middle,
        )
        (worst, worst_case), (best, best_case) = cases[0], cases[-1]
        rows.append(
            [
                f"Announces in one process, {kind}",
                "announces per CPU second, over those of aquatic_udp's swarm code; the worst of "
                f"{len(cases)} cases",
                f"≥ {CORE_LEAST:g}",
                f"{spread(worst, ratio)} with {size_of(worst_case)}; the best: "
                f"{ratio(best.middle)} with {size_of(best_case)}",
                judge_least(worst, CORE_LEAST),
            ]
        )
    return rows


def core_ratio(case, kind):
    """Announces per CPU second, over aquatic's, round by round."""
    pairs = zip(case["aquatic_ns"], case[f"{kind}_ns"], strict=True)
    return Spread(theirs / ours for theirs, ours in pairs)


def size_of(case):
    torrents = "1 torrent" if case["torrents"] == 1 else f"{case['torrents']:,} torrents"
    return f"{torrents} of {case['peers_per_torrent']:,}"


def codec_rows(found):
    codec = found["codec"]
    values = codec_ratio(codec, ("parse", "encode"))
    parts = [f"{step} {ratio(codec_ratio(codec, (step,)).middle)}" for step in ("parse", "encode")]
    return [
        [
            "HTTP in one process",
            f"CPU of aquatic_http to parse a request and encode {codec['peers']} peers, over "
            "mika's",
            f"≥ {CODEC_LEAST:g}",
            f"{spread(values, ratio)}; {', '.join(parts)}",
            judge_least(values, CODEC_LEAST),
        ]
    ]


def codec_ratio(codec, steps):
    def together(name):
        return [
            sum(times) for times in zip(*(codec[f"{name}_{s}_ns"] for s in steps), strict=True)
        ]

    pairs = zip(together("aquatic"), together("mika"), strict=True)
    return Spread(theirs / ours for theirs, ours in pairs)


def threads_rows(found):
    by_threads = {case["threads"]: case["announces_per_second"] for case in found["by_threads"]}
    one, most = min(by_threads), max(by_threads)
    values = Spread(b / a for a, b in zip(by_threads[one], by_threads[most], strict=True))
    cpu = {case["threads"]: case["cpu_ns_per_announce"] for case in found["by_threads"]}
    return [
        [
            "Threads in one process, private",
            f"announces per second of {most} threads on many torrents, over {one}",
            f"≥ {SCALING_LEAST:g}",
            f"{spread(values, ratio)}; CPU per announce {ratio(over(cpu[most], cpu[one]).middle)} "
            "times",
            judge_least(values, SCALING_LEAST),
        ]
    ]


def hot_rows(found):
    values = over(found["beside_hot_ns"], found["alone_ns"])
    control = over(found["beside_others_ns"], found["alone_ns"])
    return [
        [
            "A hot torrent, private",
            "CPU per announce for other torrents while two threads announce for one, over that "
            "of a thread alone",
            f"≤ {HOT_MOST:g}",
            f"{spread(values, ratio)}; {ratio(control.middle)} while they announce for many",
            judge(values, HOT_MOST),
        ]
    ]


def over(above, below):
    return Spread(a / b for a, b in zip(above, below, strict=True))


# ---- Memory ----


def swarm_rows(found):
    """The worst of the sizes decides."""
    rows = []
    for words, kind, least, most, target in SWARM_TARGETS:
        fills = [
            (fill["bytes_per_peer"], fill)
            for fill in found["fills"]
            if fill["kind"] == kind
            and fill["peers_per_torrent"] >= least
            and (most is None or fill["peers_per_torrent"] <= most)
        ]
        if not fills:
            rows.append([f"Memory in one process, {words}", "bytes per peer", f"≤ {target}", "–",
                         "not measured, because this run left the size out"])
            continue
        worst, fill = max(fills, key=lambda pair: pair[0])
        where = f" with {size_of(fill)}" if len(fills) > 1 else ""
        measure = "bytes per peer" + (f"; the worst of {len(fills)} sizes" if where else "")
        rows.append([f"Memory in one process, {words}", measure, f"≤ {target}",
                     f"{worst:.1f}{where}", judge_one(worst, target)])
    return rows


def churn_rows(found):
    if not found["churns"]:
        raise Missing("not measured, because this run left it out")
    growths = [(growth(churn), churn) for churn in found["churns"]]
    worst, churn = max(growths, key=lambda pair: pair[0])
    first, last = PLATEAU
    return [
        [
            "Memory in one process, all peers replaced again and again",
            f"resident after rotation {last}, over that after rotation {first}; the worst of "
            f"{len(growths)} cases",
            f"≤ {GROWTH_MOST:g}",
            f"{worst:.3f}, {churn['kind']} with {size_of(churn)}",
            judge_one(worst, GROWTH_MOST),
        ]
    ]


def growth(churn):
    sizes = {it["rotation"]: it["bytes"] for it in churn["rotations"]}
    return sizes[PLATEAU[1]] / sizes[PLATEAU[0]]


def large_rows(found):
    what = f"{found['peers']:,} peers in {found['torrents']:,} torrents, private"
    rows = []
    for words, key in (("right after the fill", "bytes_at_once"), ("at rest", "bytes_at_rest")):
        shown = f"{found[key] / MEGABYTE:,.0f}"
        if key == "bytes_at_rest" and not found.get("is_at_rest", True):
            shown += f", still writing after {found['rest_seconds_max']} s"
        rows.append(
            [
                what,
                f"MB (10⁶ bytes) resident {words}",
                f"≤ {LARGE_MOST_BYTES / MEGABYTE:,.0f}",
                shown,
                judge_one(found[key], LARGE_MOST_BYTES),
            ]
        )
    return rows


# ---- Connections ----


def idle_rows(found):
    count, wanted = found["connections"], found["wanted"]
    closed = found["alone"]["closed_by_server"] + sum(it["closed"] for it in found["rounds"])
    held, verdict = f"{count:,}", "met" if not closed else "**missed**"
    if closed:
        held = f"{count:,}, of which the tracker closed {closed:,}"
    elif wanted < IDLE_LEAST:
        verdict = "not measured, because this run held fewer"
    elif count < wanted:
        limit = f"the limit of open files here is {found['files_max']:,}"
        held = f"{count:,} of {wanted:,}: {limit}"
        verdict = f"not measurable here, because {limit}"
    beside = Spread(it["with"]["cpu_us"] / it["without"]["cpu_us"] for it in found["rounds"])
    alone = found["alone"]
    return [
        ["Idle connections, public", "held beside announces at full rate", f"≥ {IDLE_LEAST:,}",
         held, verdict],
        ["Idle connections, public", "bytes of the server for each", "none",
         f"{alone['bytes_per_connection']:,.0f}", "shown"],
        ["Idle connections, public",
         f"CPU per announce beside {count:,} of them, over that without", "none",
         spread(beside, ratio), "shown"],
    ]


TLS_ROWS = (
    ("connections kept", "kept-tls", "kept"),
    ("a connection each, sessions resumed", "close-tls-resumed", "close"),
    ("a connection each, full handshakes", "close-tls-full", "close"),
)


def tls_rows(found):
    rounds = found["rounds"]
    rows = []
    for words, way, without in TLS_ROWS:
        values = Spread(it[way]["cpu_us"] / it[without]["cpu_us"] for it in rounds)
        rows.append(
            [f"TLS, public, {words}", "CPU per announce, over the same without TLS", "none",
             spread(values, ratio), "shown"]
        )
    resumed = min(resumed_percent(it["close-tls-resumed"]) for it in rounds)
    rows.append(
        ["TLS, public, a connection each", "% of connections that resume a session", "> 0",
         f"{resumed:.0f}", "met" if resumed > 0 else "**missed**"]
    )
    return rows


def resumed_percent(run):
    return 100 * run["resumed"] / max(run["connects"], 1)


# ---- Stalls ----


def stall_rows(stall):
    what, target = "Announces beside work in the background", f"≤ {STALL_MOST_MILLISECONDS:g}"
    if stall is None:
        return [[what, "p99.9 above that of the idle tracker, ms", target, "–",
                 "not measured, because `stall.py` has written no results"]]
    plan, works = stall["plan"], stall["work"]
    idle = works["idle"]["p99_9_ms"]
    rows = []
    for name, words in WORK.items():
        measure = f"p99.9 during {words} above that of the idle tracker, ms"
        if name not in works:
            rows.append([what, measure, target, "–", "not measured, because it is not part of "
                         "what `stall.py` has written"])
            continue
        more = works[name]["p99_9_ms"] - idle
        found = f"{more:+.2f} (idle: {idle:.2f}), {plan['peers']:,} peers, {stall['date']}"
        rows.append([what, measure, target, found, judge_one(more, STALL_MOST_MILLISECONDS)])
    return rows
