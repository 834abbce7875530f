use proptest::prelude::*;

use super::*;
use crate::settings::Settings;
use mika_protocol::ScrapeCounts;

const START: u32 = 1_800_000_000;

fn settings() -> ExperimentSettings {
    ExperimentSettings::default()
}

fn report(intervals: u32, torrent_id: u32, uploaded_bytes: u64, leechers: u16) -> Observation {
    Observation {
        at_seconds: START + intervals * 1800,
        gap_seconds: 1800,
        user_id: 7,
        torrent_id,
        uploaded_bytes,
        leechers,
        ..Observation::default()
    }
}

fn tested(of: Observation) -> Observation {
    Observation { signs: of.signs.with(Signs::TESTED, true), ..of }
}

fn watching() -> Experiments {
    let mut experiments = Experiments::new(1);
    experiments.watch(7, &settings());
    experiments
}

fn answer(seeders: u32, leechers: u32) -> Answer {
    Answer::new(&Settings::default(), ScrapeCounts { seeders, leechers, ..Default::default() })
}

#[test]
fn b4_upload_into_a_honeypot_is_found_and_an_honest_client_s_is_not() {
    let mut cheat = watching();
    assert!(cheat.observe(&tested(report(0, 1, 0, 3)), true, &Weights::default()).is_none());
    let found =
        cheat.observe(&tested(report(1, 1, 2 << 20, 3)), true, &Weights::default()).unwrap();
    assert_eq!((found.detector, found.llr), (Detector::Honeypot, 5.0));
    assert_eq!((found.observed, found.bound), (2_097_152.0, 1_048_576.0));
    assert_eq!(found.window_seconds, (START, START + 1800));

    let mut honest = watching();
    for interval in 0..20 {
        assert!(
            honest.observe(&tested(report(interval, 1, 0, 3)), true, &Weights::default()).is_none()
        );
    }
}

#[test]
fn upload_into_a_honeypot_that_somebody_real_has_joined_is_not_found() {
    let mut experiments = watching();
    assert!(experiments.observe(&tested(report(0, 1, 0, 3)), true, &Weights::default()).is_none());
    assert!(experiments.observe(&report(1, 1, 2 << 20, 1), false, &Weights::default()).is_none());
    assert!(
        experiments.observe(&report(2, 1, 2 << 20, 1), true, &Weights::default()).is_none(),
        "and it is over"
    );
}

#[test]
fn upload_that_follows_the_counts_is_found_after_some_intervals_and_steady_upload_is_not() {
    let mut cheat = watching();
    let mut found = Vec::new();
    let mut told = true;
    for interval in 0..30 {
        let uploaded = if told && interval > 0 { 100 << 20 } else { 0 };
        told = interval % 2 == 0;
        let now = report(interval, 1, uploaded, if told { 5 } else { 0 });
        found.extend(cheat.observe(
            &if told { now } else { tested(now) },
            false,
            &Weights::default(),
        ));
    }
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].detector, found[0].llr), (Detector::ZeroTest, 5.0));
    assert!(found[0].observed < 1e-4);
    let cells: Vec<u32> = found[0].inputs.iter().map(|it| it.value as u32).collect();
    let [5, a, b, c, d] = cells[..] else { panic!("{cells:?}") };
    assert_eq!((b, c), (0, 0));
    assert_eq!(found[0].observed, fisher(a, b, c, d));

    let mut honest = watching();
    for interval in 0..100 {
        let now = report(interval, 1, 100 << 20, if interval % 2 == 0 { 5 } else { 0 });
        let now = if interval % 2 == 0 { now } else { tested(now) };
        assert!(honest.observe(&now, false, &Weights::default()).is_none());
    }
}

#[test]
fn fisher_s_exact_test_is_what_tables_say() {
    let near = |got: f64, expected: f64| assert!((got / expected - 1.0).abs() < 1e-9, "{got}");
    near(fisher(3, 1, 1, 3), 17.0 / 70.0);
    near(fisher(8, 0, 0, 8), 1.0 / 12_870.0);
    near(fisher(0, 5, 5, 0), 1.0);
}

#[test]
fn who_is_not_watched_costs_nothing() {
    let mut experiments = Experiments::new(1);
    assert!(
        experiments.observe(&tested(report(0, 1, 1 << 30, 3)), true, &Weights::default()).is_none()
    );
    assert!(experiments.trials.is_empty());
}

#[test]
fn about_one_in_so_many_is_tested_for_comparison_and_it_is_always_the_same_ones() {
    let experiments = Experiments::new(99);
    let chosen = (0..100_000).filter(|id| experiments.is_control(*id, &settings())).count();
    assert!((60..140).contains(&chosen), "{chosen}");
    let other = Experiments::new(100);
    let same =
        |id: &u32| experiments.is_control(*id, &settings()) == other.is_control(*id, &settings());
    assert!((0..100_000).filter(same).count() > 99_000);
}

/// A plan with a honeypot for user 7 on torrent 1, and silence on torrent 2.
fn plan(endpoints: Vec<SocketAddr>) -> Plan {
    let mut experiments = watching();
    for torrent in [1, 2] {
        experiments.observe(&report(0, torrent, 1 << 30, 2), false, &Weights::default());
    }
    let settings = ExperimentSettings { own_endpoints: endpoints, ..settings() };
    (0..100)
        .map(|it| experiments.plan(START + it, &settings, |_, torrent| Some(torrent == 2)))
        .find(|plan| plan.tests().count() == 2)
        .unwrap()
}

#[test]
fn a_honeypot_tells_of_leechers_and_gives_addresses_where_nobody_is() {
    let mut list = PeerList::new(1);
    let mut told = answer(1, 0);
    assert!(plan(Vec::new()).apply(7, 1, false, &mut told, &mut list));
    assert_eq!((told.seeders, told.leechers), (2, 3));
    assert_eq!(list.len(), 3);
    let addresses: Vec<&[u8]> = list.v4.chunks(6).map(|row| &row[..3]).collect();
    assert_eq!(addresses, [&[192, 0, 2][..], &[198, 51, 100], &[203, 0, 113]]);
}

#[test]
fn silence_hides_the_leechers_and_nothing_else() {
    let mut list = PeerList::new(1);
    list.v4.extend([1, 2, 3, 4, 5, 6]);
    let mut told = answer(4, 9);
    assert!(plan(Vec::new()).apply(7, 2, false, &mut told, &mut list));
    assert_eq!((told.seeders, told.leechers, list.len()), (4, 0, 1));
}

#[test]
fn whoever_is_not_under_test_is_told_the_truth() {
    let plan = plan(Vec::new());
    let mut list = PeerList::new(1);
    for (user, torrent, counts) in [(8, 1, (1, 0)), (7, 3, (1, 0)), (7, 1, (1, 1)), (7, 2, (3, 0))]
    {
        let mut told = answer(counts.0, counts.1);
        assert!(!plan.apply(user, torrent, false, &mut told, &mut list));
        assert_eq!((told.seeders, told.leechers, list.len()), (counts.0, counts.1, 0));
    }
}

#[test]
fn no_more_users_are_watched_than_may_be() {
    let mut experiments = Experiments::new(1);
    let settings = ExperimentSettings { users_max: 3, ..settings() };
    (0..10).for_each(|user| experiments.watch(user, &settings));
    assert_eq!(experiments.trials.len(), 3);
    experiments.keep(|user| user == 1);
    assert_eq!(experiments.trials.len(), 1);
}

fn is_nobody(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            matches!(ip.octets(), [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _])
        }
        IpAddr::V6(ip) => ip.segments()[..2] == [0x2001, 0xdb8],
    }
}

proptest! {
    #[test]
    fn b6_replies_of_honeypots_have_our_own_addresses_or_those_for_documentation_only(
        number: u32,
        own in proptest::collection::vec(any::<(std::net::Ipv4Addr, u16)>(), 0..5),
        asker_leeches: bool,
        seeders in 0u32..100,
    ) {
        prop_assert!(is_nobody(nobody(number).ip()));
        prop_assert!(nobody(number).port() >= 1024);
        let own: Vec<SocketAddr> = own.into_iter().map(SocketAddr::from).collect();
        let plan = plan(own.clone());
        let mut list = PeerList::new(1);
        let mut told = answer(seeders, u32::from(asker_leeches));
        prop_assert!(plan.apply(7, 1, asker_leeches, &mut told, &mut list));
        prop_assert!(list.len() <= 3);
        for row in list.v4.chunks(6) {
            let endpoint = crate::address::socket4(row.try_into().unwrap()).unwrap();
            let is_own = own.contains(&SocketAddr::from(endpoint));
            prop_assert!(is_own || own.is_empty() && is_nobody((*endpoint.ip()).into()));
        }
    }
}
