//! What detection is told of a private announce.

use mika_protocol::Event;

use super::{Change, Visit};
use crate::detection::{Feed, Observation, Signs};
use crate::reply::{Answer, PeerList};
use crate::shard::Shard;
use crate::swarm::session::{Flags, Private, Session};

impl Visit<'_> {
    /// Tells detection, if it is on and if there is anything to tell. `answer` is what the client
    /// is told, which an experiment may change; `None` of a client that is refused.
    #[inline(always)]
    pub(in crate::tracker) fn observe(
        &self,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        answer: Option<&mut Answer>,
        list: &mut PeerList,
    ) {
        let Some(feed) = &self.rules.settings.detection else { return };
        if self.is_idle_seeder(change, list) && !feed.experiments && !self.is_sampled() {
            return;
        }
        self.tell(*feed, shard, slot, change, answer, list);
    }

    /// Nothing but a sign of life of a client that has everything: nine of ten announces.
    #[inline(always)]
    fn is_idle_seeder(&self, change: &Change, list: &PeerList) -> bool {
        let Some(before) = &change.before else { return false };
        before.left.get() == 0
            && self.request.left == 0
            && list.counted.is_zero()
            && self.request.event == Event::None
            && before.v4 == change.after.v4
            && before.uploaded == change.after.uploaded
            && before.downloaded == change.after.downloaded
    }

    /// One of 32 signs of life is told, too: that a seeder is there and uploads nothing is worth
    /// knowing after some days.
    #[inline(always)]
    fn is_sampled(&self) -> bool {
        /// One such window of 32 is the session's.
        const WINDOW_SECONDS: u32 = 1024;
        (u64::from(self.now_seconds / WINDOW_SECONDS) ^ self.id.key) & 31 == 0
    }

    #[inline(never)]
    fn tell(
        &self,
        feed: Feed,
        shard: &mut Shard<Private>,
        slot: u32,
        change: &Change,
        answer: Option<&mut Answer>,
        list: &mut PeerList,
    ) {
        let Some(torrent_id) = shard.torrents.get(slot).map(|torrent| torrent.id) else { return };
        let known = change.before.as_ref().or(change.silent.as_ref());
        let mut told = (0, 0);
        let mut tested = false;
        if let Some(answer) = answer {
            if feed.experiments {
                let leecher = self.request.left > 0;
                tested = self.tracker.experiment(self.user.id, torrent_id, leecher, answer, list);
                if !tested && self.is_idle_seeder(change, list) && !self.is_sampled() {
                    return;
                }
            }
            told = (answer.seeders, answer.leechers);
        }
        let first = known.is_none();
        let observation = Observation {
            at_seconds: self.now_seconds,
            user_id: self.user.id,
            torrent_id,
            gap_seconds: known
                .map_or(0, |before| self.now_seconds.saturating_sub(before.last_seconds())),
            session: self.id.key,
            uploaded_bytes: list.counted.uploaded_raw,
            downloaded_bytes: list.counted.downloaded_raw,
            corrupt_bytes: self.request.corrupt,
            left_before_bytes: known.map_or(Observation::LEFT_UNKNOWN, |before| {
                Observation::known_left(before.left.get())
            }),
            left_bytes: Observation::known_left(self.request.left),
            client: self.request.peer_id.client_prefix(),
            network: self.tracker.network(self.source.ip),
            place: if first { self.place() } else { 0 },
            seeders: u16::try_from(told.0).unwrap_or(u16::MAX),
            leechers: u16::try_from(told.1).unwrap_or(u16::MAX),
            agent: if first { self.source.agent.id() } else { 0 },
            shape: self.source.shape,
            peers_given: u16::try_from(list.len()).unwrap_or(u16::MAX),
            signs: self.signs(change, known).with(Signs::TESTED, tested),
        };
        shard.observed.push(observation, feed.queued_per_shard_max);
    }

    /// The number of the client's place; 0 if it is unknown.
    fn place(&self) -> u32 {
        self.rules.places.as_ref().map_or(0, |places| places.place_of(self.source.ip).0)
    }

    fn signs(&self, change: &Change, known: Option<&Session>) -> Signs {
        let event = self.request.event;
        let went_back = |before: &Session| {
            change.after.uploaded.get() < before.uploaded.get()
                || change.after.downloaded.get() < before.downloaded.get()
        };
        Signs::default()
            .with(Signs::FIRST, known.is_none())
            .with(Signs::STARTED, event == Event::Started)
            .with(Signs::STOPPED, event == Event::Stopped)
            .with(Signs::COMPLETED, event == Event::Completed)
            .with(Signs::FINISHED, change.finished)
            .with(Signs::RESTARTED, known.is_some_and(went_back))
            .with(Signs::RESTORED, known.is_some_and(|row| row.flags.has(Flags::STALE)))
            .with(Signs::V6, self.source.ip.is_ipv6())
            .with(Signs::DUAL_STACK, change.after.has_v4() && change.v6.is_some())
            .with(Signs::PAUSED, change.after.flags.has(Flags::PAUSED))
            .with(Signs::REFUSED, change.refusal.is_some())
    }
}
