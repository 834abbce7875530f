//! Sites: what their users and they themselves see, preset by preset.

mod gazelle;
mod order;
mod slots;
mod unit3d;
mod xbt;

use super::*;
use crate::registry::{TorrentStatus, TorrentTerms, UserTerms};
use crate::reply::{Explanation, Headers};
use crate::site::{Form, Preset, SiteProfile};

/// 32 bytes, as sites have them.
fn long_passkey(user: u32) -> Passkey {
    Passkey::new(format!("{user:032}").as_bytes()).unwrap()
}

fn site_of(preset: Preset) -> Site {
    let tracker = Tracker::new(Mode::Private, preset.settings(), KEY);
    tracker.put_named_role(ROLE, "user");
    for id in 1..=9 {
        tracker.put_user(UserSpec { passkey: long_passkey(id), ..user(id) }).unwrap();
    }
    for id in 1..=9 {
        tracker.put_torrent(torrent(id)).unwrap();
    }
    Site { tracker, now: START, list: PeerList::new(1), written: Vec::new() }
}

/// An announce as a client of these sites sends it.
fn visit(user: u32) -> By {
    let mut by = by(user);
    by.request.passkey = Some(long_passkey(user));
    By { agent: Agent::from("qBittorrent/4.6.5"), ..by }
}

fn change(site: &Site, change: impl FnOnce(&mut SiteProfile)) {
    site.set(|settings| change(std::sync::Arc::make_mut(&mut settings.site)));
}

impl Site {
    /// How an announce is refused.
    fn told(&mut self, by: By) -> Explanation {
        let refusal = self.refused(by);
        self.tracker.explain(refusal)
    }

    fn told_text(&mut self, by: By) -> String {
        self.told(by).text
    }

    /// The answer's counts, its peers and the text of its warning.
    fn seen(&mut self, by: By) -> (u32, u32, u32, Vec<SocketAddr>, Option<String>) {
        let answer = self.announce(by).unwrap();
        let warning = answer.warning.map(|reason| self.tracker.explain(reason).text);
        let peers = endpoints(&self.list);
        (answer.seeders, answer.leechers, answer.snatches, peers, warning)
    }

    /// Credited up and down of a user's next batch.
    fn credited(&mut self, user: u32) -> (u64, u64) {
        let batch = self.drain();
        let row = batch.users.iter().find(|row| row.user_id == user);
        row.map_or((0, 0), |row| (row.traffic.uploaded_credited, row.traffic.downloaded_credited))
    }
}
