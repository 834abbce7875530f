use mika_protocol::PeerId;

use super::super::looks::Look;
use super::super::plan::SitePlan;
use super::super::{people, session::Kept};
use super::*;
use crate::cheats::mask::{Counters, Told};

const SIZE: u64 = 1_000_000_000;

fn session(user: u32, left: u64, sources: &[SessionId]) -> Session {
    let real = Counters { left, ..Counters::default() };
    Session {
        user,
        torrent: 0,
        network: 0,
        look: Look::QBittorrent,
        peer_id: PeerId([0; 20]),
        port: 20_000,
        real,
        corrupt: 0,
        wants: left,
        size: SIZE,
        waste: (0.0, 0.0),
        alive: true,
        known: true,
        next_seconds: 0,
        seeds_until_seconds: 0,
        sources: sources.to_vec(),
        told: Told::default(),
        told_seconds: 0,
        shown: real,
        was: real,
        is_magnet: false,
        mask: None,
        fake: None,
        leeching: left > 0,
    }
}

fn people() -> Vec<Person> {
    let mut people = people::draw(&SitePlan::short(), &mut Rng::new(1, 1));
    for person in &mut people {
        (person.up, person.down) = (1e6, 5e6);
    }
    people
}

/// Steps until nothing is wanted any more, at most an hour; how many it took.
fn steps(sessions: &mut [Session], world: &impl Fn(u32, u32) -> (bool, bool)) -> u32 {
    let people = people();
    let mut lines = Lines::new(people.len());
    let mut rng = Rng::new(2, 2);
    for step in 1..=360 {
        let leeching: Vec<SessionId> =
            (0..sessions.len() as u32).filter(|it| sessions[*it as usize].wants > 0).collect();
        lines.step(&people, sessions, &leeching, world, &mut rng);
        if sessions.iter().all(|it| it.wants == 0) {
            return step;
        }
    }
    360
}

fn online(_: u32, _: u32) -> (bool, bool) {
    (true, false)
}

#[test]
fn a_line_is_shared_and_every_byte_sent_is_received() {
    let mut sessions = [session(0, 0, &[]), session(1, SIZE, &[0]), session(2, SIZE, &[0])];
    // Two gigabytes over one megabyte a second, less what the leechers would give each other.
    let steps = steps(&mut sessions, &online);
    assert!((200..=202).contains(&steps), "{steps} steps");
    let sent: u64 = sessions.iter().map(|it| it.real.uploaded).sum();
    let received: u64 = sessions.iter().map(|it| it.real.downloaded).sum();
    assert_eq!(sent, received);
    assert!((2 * SIZE..2 * SIZE + 100_000).contains(&sent), "{sent}");
    assert!(sessions.iter().all(|it| it.real.left == 0));
}

#[test]
fn nothing_moves_without_an_edge_or_from_who_is_offline_or_gone() {
    let mut apart = [session(0, 0, &[]), session(1, SIZE, &[])];
    assert_eq!((steps(&mut apart, &online), apart[1].real.left), (360, SIZE));
    let mut offline = [session(0, 0, &[]), session(1, SIZE, &[0])];
    assert_eq!(steps(&mut offline, &|user, _| (user != 0, false)), 360);
    assert_eq!(offline[0].real.uploaded, 0);
    let mut gone = [session(0, 0, &[]), session(1, SIZE, &[0])];
    gone[0].alive = false;
    assert_eq!((steps(&mut gone, &online), gone[1].sources.len()), (360, 0));
}

#[test]
fn what_fails_its_check_is_corrupt_and_a_web_seed_is_nobodys_upload() {
    let mut wasteful = [session(0, 0, &[]), session(1, SIZE, &[0])];
    wasteful[1].waste = (0.01, 0.005);
    steps(&mut wasteful, &online);
    let [seeder, leecher] = &wasteful;
    let missing = seeder.real.uploaded - leecher.real.downloaded - leecher.corrupt;
    let twice = missing as f64 / seeder.real.uploaded as f64;
    assert!((twice - 0.005).abs() < 1e-4, "{twice}");
    assert!(leecher.corrupt > SIZE / 100 && leecher.real.left == 0);

    let mut web = [session(0, SIZE, &[])];
    steps(&mut web, &|_, _| (true, true));
    assert_eq!((web[0].real.left, web[0].real.uploaded), (0, 0));
    assert!(web[0].real.downloaded >= SIZE);
}

#[test]
fn what_a_session_keeps_is_what_it_lacks_and_wants() {
    let Kept { left, wants, torrent, .. } = session(0, 7, &[]).kept();
    assert_eq!((left, wants, torrent), (7, 7, 0));
}
