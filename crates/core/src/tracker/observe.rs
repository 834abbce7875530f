//! How detection gets at what announces tell, and experiments into what they are told.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mika_protocol::{InfoHash, Passkey, ScrapeCounts};

use super::{Swarms, Tracker};
use crate::detection::experiment::Plan;
use crate::detection::{Feed, Observation, Signs, queue};
use crate::reply::{Answer, PeerList};
use crate::shard::Shard;
use crate::swarm::session::{Private, Session};
use crate::users::User;

impl Tracker {
    /// Takes what the announces of one part (of [`Tracker::PARTS`]) have told detection since the
    /// last time, into an emptied `taken`; observations of one torrent are in order. Returns how
    /// many were dropped, because nobody took them in time.
    pub fn take_observations(&self, part: usize, taken: &mut Vec<Observation>) -> u64 {
        queue::empty(taken);
        let Swarms::Private(shards) = &self.swarms else { return 0 };
        let Some(shard) = shards.get(part) else { return 0 };
        shard.lock().observed.swap(taken)
    }

    /// Whether detection is told of announces: then it is worth while to look at how they are
    /// written.
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Replaces what clients under test are told; in force if
    /// [`Feed::experiments`](crate::detection::Feed::experiments) is on.
    pub fn set_experiments(&self, plan: Plan) {
        self.experiments.store(Arc::new(plan));
    }

    /// Changes an answer if its client is under test; whether it did.
    pub(super) fn experiment(
        &self,
        user_id: u32,
        torrent_id: u32,
        asker_leeches: bool,
        answer: &mut Answer,
        list: &mut PeerList,
    ) -> bool {
        let plan = self.experiments.load();
        !plan.is_empty() && plan.apply(user_id, torrent_id, asker_leeches, answer, list)
    }

    /// The counts of one torrent as [`Tracker::scrape`] tells them, or as whoever has a passkey is
    /// told them in answers to announces, being under test.
    pub fn scrape_as(
        &self,
        passkey: Option<&Passkey>,
        info_hash: InfoHash,
    ) -> Option<ScrapeCounts> {
        let counts = self.scrape(info_hash)?;
        let plan = self.experiments.load();
        if plan.is_empty() {
            return Some(counts);
        }
        Some(self.scrape_tested(&plan, passkey, info_hash, counts))
    }

    #[cold]
    fn scrape_tested(
        &self,
        plan: &Plan,
        passkey: Option<&Passkey>,
        info_hash: InfoHash,
        counts: ScrapeCounts,
    ) -> ScrapeCounts {
        let is_on = |feed: &Feed| feed.experiments;
        let Swarms::Private(shards) = &self.swarms else { return counts };
        let user = passkey.and_then(|passkey| self.user_of(passkey, Some(info_hash)));
        let (Some(user), Ok((shard, slot))) = (user, shards.find(info_hash)) else { return counts };
        let Some(torrent_id) = shard.torrents.get(slot).map(|torrent| torrent.id) else {
            return counts;
        };
        let leeches = self.leeches(&shard, slot, user.index);
        let there_are = (counts.seeders, counts.leechers);
        let told = plan.told(user.id, torrent_id, leeches, there_are);
        match told.filter(|_| self.rules.load().settings.detection.as_ref().is_some_and(is_on)) {
            Some((_, (seeders, leechers))) => {
                let partial = counts.leechers.saturating_sub(counts.downloaders);
                let downloaders = leechers.saturating_sub(partial);
                ScrapeCounts { seeders, leechers, downloaders, ..counts }
            }
            None => counts,
        }
    }

    /// A keyed hash of an address's network, /24 or /48.
    pub(super) fn network(&self, ip: IpAddr) -> u32 {
        let hash = match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                self.hash_key.bytes(&[4, a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                self.hash_key.bytes(&[6, a, b, c, d, e, f])
            }
        };
        // The lower half of a keyed hash is one, too.
        (hash & u64::from(u32::MAX)) as u32
    }

    /// Tells detection of a leecher that has gone without a word.
    pub(super) fn observe_departure(
        &self,
        shard: &mut Shard<Private>,
        torrent_id: u32,
        row: &Session,
        user: Option<&User>,
    ) {
        let Some(feed) = self.rules.load().settings.detection else { return };
        let Some(user) = user else { return };
        let left_bytes = Observation::known_left(row.left.get());
        if left_bytes == 0 {
            return;
        }
        let observation = Observation {
            at_seconds: row.last_seconds(),
            user_id: user.id,
            torrent_id,
            session: crate::swarm::Row::id(row).key,
            left_before_bytes: left_bytes,
            left_bytes,
            signs: Signs::default().with(Signs::VANISHED, true),
            ..Observation::default()
        };
        shard.observed.push(observation, feed.queued_per_shard_max);
    }
}
