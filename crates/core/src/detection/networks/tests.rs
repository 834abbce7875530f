use super::*;

const START: u32 = 1_800_000_000;

fn seen(minutes: u32, network: u32, client: &[u8; 8]) -> Observation {
    Observation {
        at_seconds: START + minutes * 60,
        user_id: 7,
        network,
        client: *client,
        left_bytes: 1000,
        ..Observation::default()
    }
}

fn drafts(observations: &[Observation], places: &Places) -> Vec<Draft> {
    let mut networks = Networks::default();
    let settings = DetectionSettings::default();
    observations.iter().flat_map(|it| networks.observe(it, places, &settings)).flatten().collect()
}

#[test]
fn b11_a_passkey_on_six_networks_in_six_hours_with_three_programs_is_found() {
    let clients = [b"-qB4520-", b"-TR3000-", b"-DE2110-"];
    let all: Vec<Observation> =
        (0..6).map(|it| seen(it * 60, 100 + it, clients[it as usize % 3])).collect();
    let found = drafts(&all, &Places::default());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].detector, found[0].observed), (Detector::Networks, 5.0));
    assert_eq!((found[0].bound, found[0].llr), (4.0, 3.0));
    assert!(!found[0].excuses[0].applies);
}

#[test]
fn b10_a_family_behind_one_address_with_two_clients_and_both_families_is_not_found() {
    let mut all = Vec::new();
    for minutes in (0..720).step_by(15) {
        for client in [b"-qB4520-", b"-TR3000-"] {
            all.push(seen(minutes, 100, client));
            let v6 = Signs::V6.with(Signs::DUAL_STACK, true);
            all.push(Observation { signs: v6, ..seen(minutes, 200, client) });
        }
    }
    assert!(drafts(&all, &Places::default()).is_empty());
}

#[test]
fn home_seedbox_telephone_and_vpn_at_once_are_four_networks_and_no_more() {
    let all: Vec<Observation> = (0..400).map(|it| seen(it, 100 + it % 4, b"-qB4520-")).collect();
    assert!(drafts(&all, &Places::default()).is_empty());
}

#[test]
fn a_telephone_that_changes_networks_all_day_weighs_a_fifth_of_a_nat_a_day() {
    let all: Vec<Observation> = (0..96).map(|it| seen(it * 15, 100 + it, b"-lt0D80-")).collect();
    let found = drafts(&all, &Places::default());
    assert_eq!(found.iter().map(|it| it.llr).collect::<Vec<_>>(), [0.2]);
    assert!(found[0].excuses[0].applies);
}

#[test]
fn two_leechers_on_two_continents_within_an_hour_are_found_and_two_seeders_are_not() {
    let mut places = Places::default();
    let place = |latitude_centidegrees, longitude_centidegrees| Place {
        latitude_centidegrees,
        longitude_centidegrees,
    };
    places.put(1, place(5003, 857));
    places.put(2, place(4064, -7378));
    let leechers = [seen(0, 1, b"-qB4520-"), seen(60, 2, b"-qB4520-")];
    let found = drafts(&leechers, &places);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].detector, Detector::Travel);
    assert!((found[0].observed - 6184.0).abs() < 40.0, "{}", found[0].observed);
    let seeders = leechers.map(|it| Observation { left_bytes: 0, ..it });
    assert!(drafts(&seeders, &places).is_empty());
    let by_plane = [seen(0, 1, b"-qB4520-"), seen(359, 2, b"-qB4520-")];
    assert_eq!(drafts(&by_plane, &places).len(), 1, "six hours are too few");
}
