use super::*;

fn table() -> Table {
    Table::new(&toml::from_str(Fingerprints::DEFAULT_TOML).unwrap())
}

fn report(torrent_id: u32, client: &[u8; 8]) -> Observation {
    Observation {
        at_seconds: 1_800_000_000,
        user_id: 7,
        torrent_id,
        session: u64::from(torrent_id),
        client: *client,
        ..Observation::default()
    }
}

const LIBTORRENT: &str = "info_hash peer_id port uploaded downloaded left corrupt key event \
                          numwant compact no_peer_id supportcrypto redundant";

#[test]
fn the_file_names_every_program_once_and_in_two_letters() {
    let file: Fingerprints = toml::from_str(Fingerprints::DEFAULT_TOML).unwrap();
    let mut prefixes: Vec<&String> = file.programs.iter().flat_map(|it| &it.prefixes).collect();
    assert!(prefixes.iter().all(|it| it.len() == 2));
    let count = prefixes.len();
    prefixes.sort();
    prefixes.dedup();
    assert_eq!((prefixes.len(), count), (10, 10));
}

#[test]
fn real_clients_look_like_themselves() {
    let table = table();
    let of = |client, agent, order: &str| Observation {
        agent: agent_id(agent),
        shape: shape_of(order.split_whitespace()),
        ..report(1, client)
    };
    let rtorrent = "info_hash peer_id key compact port uploaded downloaded left event";
    let transmission = "info_hash peer_id port uploaded downloaded left numwant key compact \
                        supportcrypto event";
    let aria = "info_hash peer_id uploaded downloaded left compact key numwant no_peer_id port \
                event supportcrypto";
    for real in [
        of(b"-qB4520-", "qBittorrent/4.5.2", LIBTORRENT),
        of(b"-LT2110-", "libtorrent/2.1.1.0", LIBTORRENT),
        of(b"-lt0D80-", "rtorrent/0.9.8/0.13.8", rtorrent),
        of(b"-TR3000-", "Transmission/3.00", transmission),
        of(b"A2-1-36-", "aria2/1.36.0", aria),
        of(b"M7-9-2--", "something/1", "left peer_id info_hash"),
    ] {
        assert!(Looks::default().observe(&real, &table, &Weights::default()).is_none(), "{real:?}");
    }
}

#[test]
fn b12_a_client_with_the_wrong_order_and_agent_weighs_two_nats_at_most_and_makes_no_level() {
    let table = table();
    let mut looks = Looks::default();
    let spoof = Observation {
        agent: agent_id("uTorrent/3.5.0"),
        shape: shape_of("info_hash peer_id port key uploaded downloaded left".split(' ')),
        ..report(1, b"-qB4520-")
    };
    let found = looks.observe(&spoof, &table, &Weights::default()).unwrap();
    assert_eq!((found.observed, found.bound, found.llr), (2.0, 2.0, 2.0));
    assert_eq!(
        found.inputs.iter().map(|it| it.value).collect::<Vec<_>>(),
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
    assert!(looks.observe(&spoof, &table, &Weights::default()).is_none(), "once");

    // The same name on another torrent, and whole blocks: nothing is left to add.
    let again = Observation { torrent_id: 2, session: 1, ..spoof };
    assert_eq!(looks.observe(&again, &table, &Weights::default()).unwrap().llr, 0.0);
    let mut evidence = super::super::evidence::Evidence::default();
    let counted = evidence.add(super::super::Family::Identity, 0, Some(1), found.llr, 0);
    assert_eq!((counted.after, evidence.level(0)), (2.0, super::super::Level::None));
}

#[test]
fn uploads_of_whole_blocks_are_found_when_four_come_in_a_row() {
    let table = table();
    let block = Observation { uploaded_bytes: 16_384 * 1000, ..report(1, b"-TR3000-") };
    let bytes = Observation { uploaded_bytes: 16_384 * 1000 + 1, ..block };
    let mut looks = Looks::default();
    let mut found = 0;
    for report in [block, block, block, bytes, block, block, block, block, block] {
        found += looks
            .observe(&report, &table, &Weights::default())
            .map_or(0, |it| (it.llr * 10.0) as u32);
    }
    assert_eq!(found, 15);
}

#[test]
fn a_real_client_beside_a_tool_does_not_hide_its_whole_blocks() {
    let table = table();
    let block = Observation { uploaded_bytes: 16_384 * 1000, ..report(1, b"-TR3000-") };
    let real = Observation { uploaded_bytes: 12_345, session: 77, ..report(1, b"-lt0D80-") };
    let mut looks = Looks::default();
    let reports = [block, real, block, real, block, real, block];
    let found = reports.map(|it| looks.observe(&it, &table, &Weights::default()).is_some());
    assert_eq!(found, [false, false, false, false, false, false, true]);
}

#[test]
fn the_order_of_parameters_is_numbered_without_those_that_come_and_go() {
    let without = LIBTORRENT.replace("event ", "").replace(" redundant", "");
    assert_eq!(shape_of(LIBTORRENT.split(' ')), shape_of(without.split(' ')));
    assert_ne!(shape_of(["info_hash", "peer_id"]), shape_of(["peer_id", "info_hash"]));
    assert_eq!(agent_id("qBittorrent/4.5.2"), agent_id("QBITTORRENT"));
    assert_eq!((agent_id(""), agent_id("/1")), (0, 0));
}

#[test]
fn ways_of_writing_that_a_program_does_not_have_are_found() {
    let table = table();
    let judged = |shape: Shape| {
        let spoof = Observation { shape: shape.bits(), ..report(1, b"-qB4520-") };
        let found = Looks::default().observe(&spoof, &table, &Weights::default());
        found.map_or_else(String::new, |it| {
            let broken = it.inputs.iter().filter(|input| input.value > 0.0);
            broken.map(|input| input.name.to_string()).collect::<Vec<_>>().join(" ")
        })
    };
    let query = format!("{}=", LIBTORRENT.replace(' ', "=&"));
    let with = |hash: &str, key: &str| {
        let query = query.replace("info_hash=", &format!("info_hash={hash}"));
        Shape::of_query(query.replace("key=", &format!("key={key}")).as_bytes())
    };
    let real = with("%8e%01", "22F3A72B");
    assert_eq!(judged(real), "");
    assert_eq!(judged(with("%8E%01", "22F3A72B")), "escapes");
    assert_eq!(judged(with("%8e%01", "2F3A72B")), "key");
    assert_eq!(judged(with("%8e%01", "22f3a72b")), "key");
    let headers = |names: &[&str]| real.with_headers(names.iter().map(|it| it.as_bytes()));
    assert_eq!(judged(headers(&["Host", "User-Agent", "Accept-Encoding", "Connection"])), "");
    assert_eq!(judged(headers(&["User-Agent", "Host", "Accept-Encoding"])), "headers");
}
