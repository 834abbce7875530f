//! Who is on the site.

use std::net::Ipv4Addr;

use mika_client::types::{NewRole, NewToken, NewTorrent, NewUser};
use mika_protocol::InfoHash;

use super::{Families, GRAIN_BYTES, Machine, Percents, Seat, Torrent, User};
use crate::server::Admin;
use crate::wire::Carrier;

/// The users and torrents of a site, and the tokens of users on torrents.
#[derive(Debug)]
pub struct Population {
    /// Users.
    pub users: Vec<User>,
    /// Torrents.
    pub torrents: Vec<Torrent>,
    /// Users, torrents, and what they have there, by index.
    pub tokens: Vec<(usize, usize, Percents)>,
    terms: Terms,
}

/// The multipliers that the tables of a site have a place for.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Roles by index; the first one is that of half the users.
    pub roles: &'static [(&'static str, Percents)],
    /// Those of torrents; the first ones are those of half the torrents.
    pub torrents: &'static [Percents],
    /// Those of tokens.
    pub token: Percents,
    /// Whether a torrent may have two hashes.
    pub has_hybrids: bool,
}

impl Terms {
    /// Everything that the tracker's own tables have.
    pub const MIKA: Self = Self {
        roles: &[
            ("plain", Percents::NORMAL),
            ("double", Percents { upload: 200, download: 50 }),
            ("free", Percents { upload: 100, download: 0 }),
            ("half", Percents { upload: 50, download: 200 }),
        ],
        torrents: &[
            Percents::NORMAL,
            Percents { upload: 100, download: 0 },
            Percents { upload: 200, download: 50 },
            Percents { upload: 50, download: 100 },
        ],
        token: Percents { upload: 200, download: 0 },
        has_hybrids: true,
    };
}

impl Population {
    /// Makes up a site and the machines of its users, about `seats` clients on torrents.
    pub fn new(
        rng: &mut fastrand::Rng,
        users: usize,
        torrents: usize,
        seats: usize,
    ) -> (Self, Vec<Machine>) {
        Self::with_terms(rng, [users, torrents, seats], Terms::MIKA)
    }

    /// As [`new`](Self::new), with other multipliers; `sizes` are users, torrents and seats.
    pub fn with_terms(
        rng: &mut fastrand::Rng,
        sizes: [usize; 3],
        terms: Terms,
    ) -> (Self, Vec<Machine>) {
        let [users, torrents, seats] = sizes;
        let (people, records) = (Vec::new(), Vec::new());
        let mut site = Self { users: people, torrents: records, tokens: Vec::new(), terms };
        for number in 0..users {
            let passkey = format!("{:032x}", rng.u128(..));
            let role = if rng.bool() { 0 } else { rng.usize(..terms.roles.len()) };
            site.users.push(User { name: format!("user{number:04}"), passkey, role });
        }
        for number in 0..torrents {
            let mut hash = || InfoHash(std::array::from_fn(|_| rng.u8(..)));
            let (info_hash, second) = (hash(), hash());
            // Every eighth torrent is a hybrid with two hashes.
            let info_hash_v2 = (terms.has_hybrids && number % 8 == 0).then_some(second);
            let at = if rng.bool() { 0 } else { rng.usize(..terms.torrents.len()) };
            let percents = terms.torrents[at];
            site.torrents.push(Torrent { info_hash, info_hash_v2, percents });
        }
        let machines = site.machines(rng, seats);
        (site, machines)
    }

    fn machines(&mut self, rng: &mut fastrand::Rng, seats: usize) -> Vec<Machine> {
        let mut machines = Vec::new();
        let mut port = 2000;
        for user in 0..self.users.len() {
            let mut machine = Self::machine(rng, user, machines.len());
            let mut order: Vec<usize> = (0..self.torrents.len()).collect();
            rng.shuffle(&mut order);
            for torrent in order.into_iter().take(seats.div_ceil(self.users.len())) {
                port += 1;
                let seeder = rng.u8(..) < 120;
                // Between nothing and 4 GiB: some finish soon, some never.
                let left = if seeder { 0 } else { rng.u64(1..1 << 28) * GRAIN_BYTES };
                let mut seat = Seat::new(torrent, port, left);
                let token = (rng.u8(..) < 25).then_some(self.terms.token);
                self.tokens.extend(token.map(|token| (user, torrent, token)));
                let token = token.unwrap_or(Percents::NORMAL);
                let role = self.terms.roles[self.users[user].role].1;
                let torrent = self.torrents[torrent].percents;
                seat.upload_percents = [role.upload, torrent.upload, token.upload];
                seat.download_percents = [role.download, torrent.download, token.download];
                machine.seats.push(seat);
            }
            // Some users seed the same torrents from a second machine. Seed only: the tracker
            // charges a new session by what the user was known to lack on whichever machine.
            if user % 8 == 0 {
                let mut second = Self::machine(rng, user, machines.len() + 1);
                for seat in machine.seats.iter().filter(|seat| seat.left == 0) {
                    port += 1;
                    let mut copy = Seat::new(seat.torrent, port, 0);
                    copy.upload_percents = seat.upload_percents;
                    second.seats.push(copy);
                }
                machines.push(machine);
                machine = second;
            }
            machines.push(machine);
        }
        for machine in &mut machines {
            let can_crash = machine.families != Families::V6;
            machine.seats.iter_mut().for_each(|seat| seat.can_crash = can_crash);
        }
        machines.retain(|machine| !machine.seats.is_empty());
        machines
    }

    fn machine(rng: &mut fastrand::Rng, user: usize, number: usize) -> Machine {
        let [_, _, high, low] = u32::try_from(number + 256).expect("few").to_be_bytes();
        let families = match rng.u8(..10) {
            0 => Families::V6,
            1..=3 => Families::Both,
            _ => Families::V4,
        };
        let carrier = match rng.u8(..10) {
            0..=3 => Carrier::KeepAlive,
            4..=5 => Carrier::Close,
            _ => Carrier::Udp,
        };
        let v4 = Ipv4Addr::new(127, 7, high, low);
        Machine { user, v4, families, carrier, seats: Vec::new() }
    }
}

/// Adds everything to a tracker by its admin API.
pub fn register(site: &Population, admin: &Admin) {
    admin.call(async |client| {
        for (name, percents) in site.terms.roles {
            let role = NewRole {
                name: (*name).to_owned(),
                upload_percent: Some(percents.upload),
                download_percent: Some(percents.download),
                ..NewRole::default()
            };
            client.add_role(&role).await.expect("a role");
        }
        for user in &site.users {
            let mut new = NewUser::named(&user.name);
            new.passkey = Some(user.passkey.clone());
            new.role = Some(site.terms.roles[user.role].0.to_owned());
            client.add_user(&new).await.expect("a user");
        }
        for torrent in &site.torrents {
            let mut new = NewTorrent::new(torrent.info_hash);
            new.info_hash_v2 = torrent.info_hash_v2;
            new.upload_percent = Some(torrent.percents.upload);
            new.download_percent = Some(torrent.percents.download);
            client.add_torrent(&new).await.expect("a torrent");
        }
        for (user, torrent, percents) in &site.tokens {
            let token = NewToken {
                upload_percent: Some(percents.upload),
                download_percent: Some(percents.download),
                ends_at: None,
            };
            let name = format!("name:{}", site.users[*user].name);
            let hash = site.torrents[*torrent].info_hash;
            client.put_token(&name, hash, &token).await.expect("a token");
        }
    });
}
