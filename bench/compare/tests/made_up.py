"""Results as a run writes them, with figures chosen by the test."""

TRACKERS = {
    "mika-public": {"is_mika": True},
    "mika-private": {"is_mika": True},
    "responder-udp": {"is_responder": True, "paths": ["udp"]},
    "aquatic_udp": {"paths": ["udp"]},
    "torrust": {"unavailable": "ended at its start: no"},
}


def results(runs=(), memory=None):
    return {
        "date": "2026-01-31",
        "version": "abc",
        "machine": {
            "processor": "Some Processor",
            "virtual": True,
            "cores": 4,
            "tracker_cores": 2,
            "generator_cores": 2,
            "memory_gib": 23,
            "kernel": "6.18",
            "load_average_before": 1.5,
        },
        "plan": {
            "memory": {"peers": 1000, "torrents": 100, "users": 10, "numwant": 50},
            "speed": {"peers": 1000, "torrents": 10, "users": 10, "numwant": 50},
            "rounds": 3,
            "seconds": 8,
            "paths": ["udp"],
        },
        "trackers": {
            name: {
                "title": f"the {name}",
                "paths": ["udp", "keep-alive", "close"],
                "notes": [],
                "is_mika": False,
                "is_responder": False,
                "unavailable": None,
                "failed_on": {},
            }
            | differences
            for name, differences in TRACKERS.items()
        },
        "memory": memory or {},
        "fills": {},
        "runs": list(runs),
    }


def run(tracker, cpu, number=0, kind="max", **more):
    """One run over UDP, at 1000 replies per second."""
    return {
        "path": "udp",
        "tracker": tracker,
        "kind": kind,
        "round": number,
        "answering_share": more.get("answering_share", 1.0),
        "load": load(cpu, more.get("rate", 1000.0), more.get("failures", {})),
    }


def load(cpu, rate, failures=None):
    """What the generator prints."""
    failures = failures or {}
    failed = sum(failures.values())
    return {
        "fill": {"answered": 1000, "failures": {}},
        "run": {
            "offered_per_second": 500.0,
            "replies": 8000 - failed,
            "replies_per_second": rate,
            "failed": failed,
            "failures": failures,
            "bytes_per_reply": 320.4,
            "peers_per_reply": 49.8,
            "latency_us": {"p50": 100, "p99": 1234},
        },
        "server": {"cpu_us_per_answer": cpu},
        "system": {"steal_percent": 2.5},
        "generator": {"is_bottleneck": False},
    }
