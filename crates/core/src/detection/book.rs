//! The books of one torrent: who has reported what since its epoch began.
//!
//! An epoch lasts while anything moves. When nothing has moved for so long that every live client
//! must have reported, the books are closed: what was uploaded has to have been downloaded.

use serde::{Deserialize, Serialize};

use super::closed::{ClosedEpoch, Share};
use super::demand::Demand;
use super::possession::Seeds;
use super::settings::DetectionSettings;
use super::{Observation, Signs};

/// What one session has reported in an open epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    session: u64,
    pub(super) user_id: u32,
    client: u32,
    /// Announces in a row with the same `left`, nothing downloaded, and a seeder at hand.
    frozen: u8,
    vanished: bool,
    teleported: bool,
    finished: u8,
    /// Bytes uploaded that were reported when the answer before had told of no leechers.
    without_leechers: f32,
    uploaded: u64,
    downloaded: u64,
    /// What the client says it has discarded in all.
    corrupt_total: u64,
    left: u64,
    /// `left` that went without a download.
    unexplained: u64,
}

const _: () = assert!(size_of::<Entry>() == 64);

/// A session that lacked something.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Leecher {
    session: u64,
    user_id: u32,
    seen_seconds: u32,
}

/// The books of one torrent. There is one for each torrent that anything is known of, so that it
/// is kept small.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Book {
    /// When the epoch began; 0 while none is open.
    pub(super) opened_seconds: u32,
    /// When anything happened last that another client may have a part in.
    pub(super) event_seconds: u32,
    /// When a leecher came, went or downloaded anything last.
    sink_seconds: u32,
    lately: Lately,
    demand: Demand,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) corrupt: u64,
    /// What leechers may have received without having said so.
    pub(super) pending: u64,
    /// The largest `left` seen.
    pub(super) size: u64,
    /// The last two.
    leechers: [Leecher; 2],
    /// Which of them have said that they stop, or have finished.
    leechers_ended: [bool; 2],
    /// The last session that began as a seeder.
    newcomer: u64,
    /// When it began; 0 for none.
    newcomer_seconds: u32,
    /// Something was downloaded last.
    pub(super) progress_seconds: u32,
    /// Users who lack something and got nothing since.
    pub(super) stalled: [u32; 3],
    /// The user who was the only seeder when one was seen last; 0 for none.
    pub(super) sole_seeder: u32,
    entries: Vec<Entry>,
    /// Where the entry is expected that is needed next: behind the last one, for clients come round
    /// in about the same order.
    next: u16,
    pub(super) seeds: Seeds,
    /// Bytes that may have been moved before the epoch began: the one before was closed softly.
    soft_bytes: f64,
}

const _: () = assert!(size_of::<Book>() <= 224);

/// Entries that are looked at first.
const NEAR: usize = 8;

/// What was reported lately: in this slice of time, and in the two before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Lately {
    slice: u32,
    uploaded: [f32; 3],
    downloaded: [f32; 3],
}

impl Lately {
    /// As of a time; what is older than three slices is forgotten. Three slices are an interval and
    /// a half, with some delay.
    fn at(mut self, now_seconds: u32, settings: &DetectionSettings) -> Self {
        let slice = now_seconds / (settings.late_seconds() / 2).max(1);
        for _ in 0..slice.saturating_sub(self.slice).min(3) {
            self.uploaded.rotate_right(1);
            self.downloaded.rotate_right(1);
            let ([up, ..], [down, ..]) = (&mut self.uploaded, &mut self.downloaded);
            (*up, *down) = (0.0, 0.0);
        }
        self.slice = self.slice.max(slice);
        self
    }

    fn add(&mut self, of: &Observation, settings: &DetectionSettings) {
        *self = self.at(of.at_seconds, settings);
        let ([up, ..], [down, ..]) = (&mut self.uploaded, &mut self.downloaded);
        *up += of.uploaded_bytes as f32;
        *down += of.downloaded_bytes as f32;
    }

    fn uploaded(self) -> f64 {
        self.uploaded.into_iter().map(f64::from).sum()
    }

    /// What one side may have reported and the other one not yet.
    fn bytes(self) -> f64 {
        self.uploaded().max(self.downloaded.into_iter().map(f64::from).sum())
    }
}

/// Of what may have been cut by a soft close, the part that is one standard deviation.
const CUT: f64 = 0.3;
/// A busy torrent's books are closed early if no more than this part of what they hold may be cut.
const CUT_BUSY_MAX: f64 = 0.05;
/// The same if nobody has downloaded anything since every leecher must have reported.
const CUT_CALM_MAX: f64 = 0.125;

/// What a magnet link says before it knows the size, in the words of libtorrent.
const MAGNET_LEFT: u64 = 16_384;
/// Of what a download adds up to, so much is never missed: the ends of pieces.
const TELEPORT_MIN: u64 = 16 << 20;

impl Book {
    /// Whether nothing is left that anybody may ask for.
    pub(super) fn is_stale(&self, now_seconds: u32, settings: &DetectionSettings) -> bool {
        let seen = self.leechers.iter().map(|it| it.seen_seconds).max().unwrap_or(0);
        let seen = seen.max(self.event_seconds).max(self.newcomer_seconds);
        self.opened_seconds == 0 && now_seconds.saturating_sub(seen) > settings.remembered_seconds()
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The last leechers, each with the time until when it may have downloaded.
    fn leechers(&self, settings: &DetectionSettings) -> impl Iterator<Item = (&Leecher, u32)> {
        let (late, silence) = (settings.late_seconds(), settings.silence_seconds());
        let all = self.leechers.iter().zip(self.leechers_ended);
        all.filter(|(it, _)| it.user_id != 0).map(move |(it, ended)| {
            (it, it.seen_seconds.saturating_add(if ended { late } else { silence }))
        })
    }

    /// When some other session may have downloaded last; `None` if nobody is known.
    pub(super) fn other_leecher_seconds(
        &self,
        session: u64,
        settings: &DetectionSettings,
    ) -> Option<u32> {
        let others = self.leechers(settings).filter(|(it, _)| it.session != session);
        others.map(|(_, until_seconds)| until_seconds).max()
    }

    /// Whether some other user lacks something, or may.
    pub(super) fn leecher_of_others(
        &self,
        user_id: u32,
        now_seconds: u32,
        settings: &DetectionSettings,
    ) -> bool {
        let mut others = self.leechers(settings).filter(|(it, _)| it.user_id != user_id);
        others.any(|(_, until_seconds)| until_seconds >= now_seconds)
    }

    /// When another client came that says it has everything already.
    pub(super) fn newcomer_seconds(&self, session: u64) -> Option<u32> {
        let is_other = self.newcomer_seconds > 0 && self.newcomer != session;
        is_other.then_some(self.newcomer_seconds)
    }

    /// Enters an observation of a user's program; returns how many entries it made.
    pub(super) fn enter(
        &mut self,
        of: &Observation,
        client: u32,
        settings: &DetectionSettings,
    ) -> usize {
        let without_leechers = !self.demand.was_there(of.at_seconds.saturating_sub(of.gap_seconds));
        self.meet(of);
        if !(of.moved() || of.leeched()) {
            return 0;
        }
        let from_seconds = of.at_seconds;
        if self.opened_seconds == 0 {
            self.opened_seconds = from_seconds.max(1);
            self.event_seconds = from_seconds;
        }
        let comes_or_goes = [Signs::FIRST, Signs::STOPPED, Signs::FINISHED];
        if of.moved() || comes_or_goes.into_iter().any(|sign| of.signs.has(sign)) {
            self.event_seconds = self.event_seconds.max(of.at_seconds);
        }
        let is_sink = of.leeched() && comes_or_goes.into_iter().any(|sign| of.signs.has(sign));
        if of.downloaded_bytes > 0 || is_sink {
            self.sink_seconds = self.sink_seconds.max(of.at_seconds);
        }
        self.lately.add(of, settings);
        self.add(of, client, without_leechers, settings)
    }

    /// Remembers who lacks something, and how large the torrent is.
    fn meet(&mut self, of: &Observation) {
        self.demand.note(of);
        for left in [of.left_before_bytes, of.left_bytes] {
            if left != Observation::LEFT_UNKNOWN && left != MAGNET_LEFT {
                self.size = self.size.max(left);
            }
        }
        let left = of.left_bytes;
        if of.signs.has(Signs::FIRST) && left == 0 {
            (self.newcomer, self.newcomer_seconds) = (of.session, of.at_seconds);
        }
        if of.leeched() {
            let ended = left == 0 || of.signs.has(Signs::STOPPED);
            let leecher =
                Leecher { session: of.session, user_id: of.user_id, seen_seconds: of.at_seconds };
            let ([a, b], [a_ended, b_ended]) = (&mut self.leechers, &mut self.leechers_ended);
            let older = a.seen_seconds <= b.seen_seconds;
            let is_a = a.session == of.session || (b.session != of.session && older);
            let (place, place_ended) = if is_a { (a, a_ended) } else { (b, b_ended) };
            (*place, *place_ended) = (leecher, ended);
        }
        self.watch_progress(of);
    }

    fn watch_progress(&mut self, of: &Observation) {
        if of.downloaded_bytes > 0 || self.progress_seconds == 0 {
            self.progress_seconds = of.at_seconds;
            self.stalled = [0; 3];
        }
        if of.seeders != 1 {
            self.sole_seeder = 0;
            self.stalled = [0; 3];
        } else if of.left_bytes == 0 && !of.signs.has(Signs::STOPPED) {
            self.sole_seeder = of.user_id;
        } else if !of.signs.has(Signs::PAUSED)
            && of.peers_given > 0
            && !self.stalled.contains(&of.user_id)
            && let Some(free) = self.stalled.iter_mut().find(|id| **id == 0)
        {
            *free = of.user_id;
        }
    }

    fn add(
        &mut self,
        of: &Observation,
        client: u32,
        without_leechers: bool,
        settings: &DetectionSettings,
    ) -> usize {
        self.uploaded = self.uploaded.saturating_add(of.uploaded_bytes);
        self.downloaded = self.downloaded.saturating_add(of.downloaded_bytes);
        let size = self.size;
        let known = self.position(of.session);
        let is_new = known.is_none() && self.entries.len() < settings.entries_per_book_max;
        if is_new {
            make_room(&mut self.entries);
            let entry = Entry { session: of.session, user_id: of.user_id, ..Entry::default() };
            self.entries.push(entry);
        }
        let at = known.unwrap_or(self.entries.len().saturating_sub(1));
        self.next = u16::try_from(at.saturating_add(1)).unwrap_or(0);
        let mut unlisted = Entry::default();
        let listed = known.is_some() || is_new;
        let entry = match self.entries.get_mut(at).filter(|_| listed) {
            Some(entry) => entry,
            None => &mut unlisted,
        };
        entry.client = client;
        if without_leechers {
            entry.without_leechers += of.uploaded_bytes as f32;
        }
        let (corrupt, pending) = entry.add(of, size, known.is_some(), settings);
        self.corrupt = self.corrupt.saturating_add(corrupt);
        self.pending = self.pending.saturating_add(pending);
        usize::from(is_new)
    }

    /// Where the entry of a session is: looked for where it is expected, and then everywhere.
    fn position(&self, session: u64) -> Option<usize> {
        let expected = usize::from(self.next).saturating_sub(NEAR / 4);
        let near = self.entries.iter().enumerate().skip(expected).take(NEAR);
        let found = near.filter(|(_, it)| it.session == session).map(|(at, _)| at).next();
        found.or_else(|| self.entries.iter().position(|it| it.session == session))
    }

    /// A leecher has gone without a word: what it lacked it may have received.
    pub(super) fn vanish(&mut self, of: &Observation, settings: &DetectionSettings) {
        if self.opened_seconds == 0 {
            return;
        }
        let missing = match of.left_bytes {
            Observation::LEFT_UNKNOWN | MAGNET_LEFT => self.size,
            left => left,
        };
        let missing = missing.min(settings.vanished_bytes_max());
        self.pending = self.pending.saturating_add(missing);
        let at = self.position(of.session);
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.vanished = true;
            entry.left = missing;
        }
    }

    /// Whether the epoch is over, and whether softly: because it has lasted for so long.
    pub(super) fn is_over(&self, now_seconds: u32, settings: &DetectionSettings) -> Option<bool> {
        if self.opened_seconds == 0 {
            return None;
        }
        let since = |seconds: u32| now_seconds.saturating_sub(seconds);
        let (age_seconds, day_seconds) = (since(self.opened_seconds), settings.soft_close_seconds);
        if since(self.event_seconds) > settings.quiet_seconds() {
            return Some(false);
        }
        if age_seconds <= day_seconds / 4 {
            return None;
        }
        let lately = self.lately.at(now_seconds, settings);
        let most = |part: f64| part * self.uploaded as f64;
        let calm = since(self.sink_seconds) > settings.quiet_seconds();
        let is_over = age_seconds > day_seconds
            || lately.bytes() <= most(CUT_BUSY_MAX)
            || (calm && lately.uploaded() <= most(CUT_CALM_MAX));
        is_over.then_some(true)
    }

    /// Closes the epoch and begins with empty books. `None` if nobody has uploaded anything.
    pub(super) fn close(
        &mut self,
        torrent_id: u32,
        now_seconds: u32,
        soft: bool,
        settings: &DetectionSettings,
    ) -> Option<ClosedEpoch> {
        let entries = std::mem::take(&mut self.entries);
        self.next = 0;
        let mut epoch = ClosedEpoch {
            torrent_id,
            opened_seconds: self.opened_seconds,
            closed_seconds: now_seconds,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            corrupt: self.corrupt,
            pending: self.pending,
            size: self.size,
            soft_bytes: std::mem::take(&mut self.soft_bytes),
            shares: Vec::new(),
        };
        if soft {
            self.soft_bytes = CUT * self.lately.at(now_seconds, settings).bytes();
            epoch.soft_bytes += self.soft_bytes;
        }
        self.opened_seconds = 0;
        self.uploaded = 0;
        self.downloaded = 0;
        self.corrupt = 0;
        self.pending = 0;
        if epoch.uploaded == 0 {
            return None;
        }
        epoch.shares = shares_of(&entries, self.size);
        Some(epoch)
    }
}

impl Entry {
    /// Adds what an observation tells of its session; returns bytes discarded, and bytes that it
    /// may have received without having said so.
    fn add(
        &mut self,
        of: &Observation,
        size: u64,
        known: bool,
        settings: &DetectionSettings,
    ) -> (u64, u64) {
        let first = of.signs.has(Signs::FIRST);
        let corrupt = match known || first {
            true => of.corrupt_bytes.saturating_sub(self.corrupt_total),
            false => 0,
        };
        self.corrupt_total = of.corrupt_bytes;
        self.uploaded = self.uploaded.saturating_add(of.uploaded_bytes);
        self.downloaded = self.downloaded.saturating_add(of.downloaded_bytes);
        let progress = of.progress_bytes();
        let unexplained = progress
            .saturating_sub(of.downloaded_bytes)
            .saturating_sub(corrupt)
            .saturating_sub(if of.left_before_bytes == MAGNET_LEFT { MAGNET_LEFT } else { 0 });
        self.unexplained = self.unexplained.saturating_add(unexplained);
        self.teleported |= unexplained > TELEPORT_MIN && unexplained > progress / 2;
        self.finished = self.finished.saturating_add(of.signs.has(Signs::FINISHED).into());
        let stands_still = of.left_bytes > 0
            && of.left_bytes == of.left_before_bytes
            && of.downloaded_bytes == 0
            && !of.signs.has(Signs::PAUSED)
            && of.seeders > 0
            && of.peers_given > 0;
        self.frozen = if stands_still { self.frozen.saturating_add(1) } else { 0 };
        self.left = match of.left_bytes {
            Observation::LEFT_UNKNOWN | MAGNET_LEFT => size,
            left => left,
        };
        // Honest clients lose a report when they are restarted, or when the tracker is.
        // Nothing goes back if it had not reported anything yet.
        let begins_again = of.signs.has(Signs::STARTED) && !first;
        let lost = begins_again || of.signs.has(Signs::RESTARTED) || of.signs.has(Signs::RESTORED);
        let came_back = first && !of.signs.has(Signs::STARTED) && of.left_bytes > 0;
        let pending = match (lost, came_back) {
            (true, _) => unexplained,
            (false, true) => size.saturating_sub(self.left),
            (false, false) => 0,
        };
        (corrupt, pending.min(settings.vanished_bytes_max()))
    }
}

/// Makes room for one more. A vector would begin with four and go on by doubling: most torrents
/// have one or two leechers, and there are many torrents.
pub(super) fn make_room<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 2).max(1));
    }
}

/// What each user has a part in, the sessions of one program together; whoever has none is left
/// out.
fn shares_of(entries: &[Entry], size: u64) -> Vec<Share> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| (entry.user_id, entry.client));
    let mut shares: Vec<Share> = Vec::new();
    for entry in sorted {
        let missing = entry.left.saturating_add(entry.unexplained);
        // What nobody knows the size of cannot be larger than the torrent.
        let missing = if size > 0 { missing.min(size) } else { missing };
        let of_entry = (entry.user_id, entry.client);
        let same = shares.last().is_some_and(|share| (share.user_id, share.client) == of_entry);
        if !same {
            shares.push(Share::new(entry.user_id, entry.client));
        }
        let Some(share) = shares.last_mut() else { continue };
        share.uploaded += entry.uploaded as f32;
        share.without_leechers += entry.without_leechers;
        share.downloaded += entry.downloaded as f32;
        share.missing += missing as f32;
        share.frozen = share.frozen.max(entry.frozen);
        share.teleported |= entry.teleported;
        share.vanished |= entry.vanished;
        share.finished = share.finished.saturating_add(entry.finished);
    }
    shares.retain(|share| share.uploaded > 0.0 || share.missing > 0.0 || share.downloaded > 0.0);
    // They are kept for a month.
    shares.shrink_to_fit();
    shares
}

#[cfg(test)]
mod tests;
