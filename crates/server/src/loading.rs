//! How far a load has come, for whoever watches a start.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use mika_store::LoadSink;
use mika_store::record::{
    ClientRuleRecord, EventRecord, PeerRecord, RoleRecord, TokenRecord, TorrentRecord, UserRecord,
};

/// Rows that the store has given so far.
#[derive(Debug, Default)]
pub struct LoadProgress {
    users: AtomicU64,
    torrents: AtomicU64,
    peers: AtomicU64,
    /// Roles, client rules, tokens, events.
    others: AtomicU64,
}

impl fmt::Display for LoadProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [users, torrents, peers, others] =
            [&self.users, &self.torrents, &self.peers, &self.others]
                .map(|count| count.load(Ordering::Relaxed));
        write!(f, "{users} users, {torrents} torrents")?;
        if others > 0 {
            write!(f, ", {others} tokens and rules")?;
        }
        if peers > 0 {
            write!(f, ", {peers} peers")?;
        }
        Ok(())
    }
}

/// Hands everything on, and counts it.
pub(crate) struct Watched<'a> {
    pub(crate) sink: &'a mut dyn LoadSink,
    pub(crate) progress: &'a LoadProgress,
}

fn count(rows: &AtomicU64) {
    rows.fetch_add(1, Ordering::Relaxed);
}

impl LoadSink for Watched<'_> {
    fn role(&mut self, role: RoleRecord) {
        count(&self.progress.others);
        self.sink.role(role);
    }

    fn user(&mut self, user: UserRecord) {
        count(&self.progress.users);
        self.sink.user(user);
    }

    fn torrent(&mut self, torrent: TorrentRecord) {
        count(&self.progress.torrents);
        self.sink.torrent(torrent);
    }

    fn client_rule(&mut self, rule: ClientRuleRecord) {
        count(&self.progress.others);
        self.sink.client_rule(rule);
    }

    fn token(&mut self, token: TokenRecord) {
        count(&self.progress.others);
        self.sink.token(token);
    }

    fn event(&mut self, event: EventRecord) {
        count(&self.progress.others);
        self.sink.event(event);
    }

    fn peer(&mut self, peer: PeerRecord) {
        count(&self.progress.peers);
        self.sink.peer(peer);
    }

    fn bad_row(&mut self, table: &'static str, reason: String) {
        self.sink.bad_row(table, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_is_told_and_what_has_not_is_left_out_unless_everybody_has_it() {
        let progress = LoadProgress::default();
        assert_eq!(progress.to_string(), "0 users, 0 torrents");
        progress.users.store(200_000, Ordering::Relaxed);
        progress.others.store(3, Ordering::Relaxed);
        progress.peers.store(7, Ordering::Relaxed);
        let told = progress.to_string();
        assert_eq!(told, "200000 users, 0 torrents, 3 tokens and rules, 7 peers");
    }
}
