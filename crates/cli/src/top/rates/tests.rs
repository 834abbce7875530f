use mika_client::types::{FlushStats, RequestStats};

use super::*;

fn counts(counts: &[(&str, u64)]) -> Vec<NamedCount> {
    let count =
        |(name, count): &(&str, u64)| NamedCount { name: (*name).to_owned(), count: *count };
    counts.iter().map(count).collect()
}

fn protocol(name: &str, announces: u64, announces_v6: u64) -> ProtocolStats {
    ProtocolStats {
        name: name.to_owned(),
        announces,
        announces_v6,
        scrapes: 0,
        received_bytes: announces * 100,
        sent_bytes: announces * 200,
    }
}

/// A tracker that has been up for so long and has answered so many over HTTP, HTTPS and UDP.
pub(in crate::top) fn stats(uptime_seconds: u64, [http, https, udp]: [u64; 3]) -> Stats {
    let announces = http + https + udp;
    Stats {
        version: "1.2.3".to_owned(),
        mode: "private".to_owned(),
        uptime_seconds,
        announce_urls: Vec::new(),
        torrents: 1000,
        swarms: 3,
        users: 50,
        seeders: 9,
        leechers: 5,
        announces,
        scrapes: 2 * uptime_seconds,
        refused: 3 * uptime_seconds,
        memory_resident_bytes: 3 << 20,
        cpu_milliseconds: uptime_seconds * 120,
        requests: RequestStats {
            protocols: vec![
                protocol("http", http, 0),
                protocol("https", https, https),
                protocol("udp", udp, udp / 2),
            ],
            events: counts(&[("none", announces), ("started", uptime_seconds), ("stopped", 0)]),
            refused: counts(&[
                ("passkey_unknown", 400),
                ("torrent_unknown", 2 * uptime_seconds),
                ("user_disabled", uptime_seconds),
            ]),
            malformed: counts(&[("announce", 7)]),
        },
        flush: FlushStats {
            store_available: true,
            journal_writable: true,
            pending_rows: 4,
            last_batch_number: 12,
            applied_batch_number: 12,
            lag_seconds: 0,
            journal_bytes: 2048,
            dead_letters: 0,
            failures: 0,
            snapshot_at: None,
            snapshot_bytes: 0,
        },
    }
}

#[test]
fn counters_become_rates_per_second() {
    let rates =
        Rates::between(&stats(100, [100, 10, 40]), &stats(110, [300, 20, 80]), 10.0).unwrap();
    assert_eq!((rates.announces, rates.http, rates.udp), (25.0, 21.0, 4.0));
    assert_eq!((rates.v4, rates.v6), (22.0, 3.0));
    assert_eq!((rates.scrapes, rates.refused, rates.malformed), (2.0, 3.0, 0.0));
    assert_eq!((rates.event("none"), rates.event("started")), (25.0, 1.0));
    assert_eq!((rates.received_bytes, rates.sent_bytes), (2500.0, 5000.0));
    assert_eq!(rates.cpu_percent, 12.0);
}

#[test]
fn what_is_refused_most_now_comes_first() {
    let rates = Rates::between(&stats(100, [0; 3]), &stats(110, [0; 3]), 10.0).unwrap();
    let reasons: Vec<_> =
        rates.reasons.iter().map(|it| (it.name.as_str(), it.per_second, it.total)).collect();
    assert_eq!(
        reasons,
        [("torrent_unknown", 2.0, 220), ("user_disabled", 1.0, 110), ("passkey_unknown", 0.0, 400)]
    );
}

#[test]
fn a_reason_that_was_not_there_before_counts_from_nothing() {
    let (mut before, after) = (stats(100, [0; 3]), stats(110, [0; 3]));
    before.requests.refused.clear();
    let rates = Rates::between(&before, &after, 10.0).unwrap();
    assert_eq!(
        (rates.reasons[0].name.as_str(), rates.reasons[0].per_second),
        ("passkey_unknown", 40.0)
    );
}

#[test]
fn a_restart_and_no_time_make_no_rates() {
    let (long, short) = (stats(100, [100; 3]), stats(2, [100; 3]));
    assert_eq!(Rates::between(&long, &short, 1.0), None);
    assert_eq!(Rates::between(&stats(100, [100; 3]), &stats(101, [0; 3]), 1.0), None);
    assert_eq!(Rates::between(&long, &long, 0.0), None);
}
