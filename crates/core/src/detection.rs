//! Cheater detection: evidence, not verdicts.
//!
//! Announces are looked at from behind. Each that tells anything leaves an [`Observation`] in a
//! bounded queue of its shard, which never blocks; a full one drops and counts. Whoever runs
//! [`Detection`] takes them (`Tracker::take_observations`), feeds them and calls
//! [`Detection::advance`] now and then. It is a state machine without clock, thread or I/O.
//!
//! # Tour
//!
//! * `book`, `closed`: what a torrent's clients report between two quiet times has to balance;
//!   `noise`: how exactly; `attribution`, `conservation`: whose reports it does not balance for.
//! * `sink`, `vanish`, `resets`, `almost`, `collusion`, `stall`: more about bytes.
//! * `probe`: what a client shows that is asked for a handshake. Off unless turned on.
//! * `speed`, `history`: more than a line carries, and more than ever before.
//! * [`fingerprint`], `networks`, `places`: who it is, and where.
//! * [`experiment`]: what a suspect makes of counts that are not so. Off unless turned on.
//! * [`evidence`]: how findings add up and fade; [`finding`]: what each of them has to contain so
//!   that somebody can recompute or refute it.
//!
//! Torrents that other trackers have, too, are exempt from everything that needs to know all
//! peers: see [`Detection::set_exempt`].

mod almost;
mod attribution;
mod book;
mod closed;
mod collusion;
mod conservation;
mod demand;
pub mod evidence;
pub mod experiment;
mod feed;
pub mod finding;
mod findings;
pub mod fingerprint;
mod history;
mod model;
mod networks;
mod noise;
mod observation;
mod pairs;
pub mod places;
mod possession;
mod probe;
pub(crate) mod queue;
mod resets;
mod settings;
mod sink;
mod speed;
mod stall;
mod state;
mod tails;
mod user;
mod vanish;
pub mod weights;

use std::collections::BTreeSet;

use hashbrown::hash_map::Entry;

pub use evidence::{Evidence, Family, Level};
pub use feed::Feed;
pub use finding::{Detector, Excuse, Finding, Input, Unit, Verdict};
pub use fingerprint::Fingerprints;
pub use observation::{Observation, Signs};
pub use places::Place;
pub use probe::Probe;
pub use settings::{DetectionSettings, ExperimentSettings};
pub use state::{Precision, State};
pub use weights::{Weights, WeightsError};

use closed::ClosedEpoch;
use conservation::Side;
use experiment::Plan;
use finding::Draft;
use fingerprint::Table;
use places::Places;
use user::UserState;

use crate::selection::place::{PlaceId, PlaceTable};

/// Whoever has this score is tested, if tests are on.
const SUSPECT_NATS: f64 = 3.0;
/// Whoever has this score is asked for a handshake: one finding of full weight, for some days.
const PROBED_NATS: f64 = 2.5;
/// Room below this is not worth a finding.
const LEAST_NATS: f64 = 0.5;
/// A forgotten user has had less than this.
const FORGOTTEN_NATS: f64 = 0.05;

/// The detection of a tracker.
#[derive(Debug)]
pub struct Detection {
    settings: DetectionSettings,
    table: Table,
    places: Places,
    /// Torrents whose peers are not all known.
    exempt: BTreeSet<u32>,
    state: State,
    drafts: Vec<Draft>,
}

/// What is held against a user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The store's id.
    pub user_id: u32,
    /// The score in nats, all families together.
    pub score: f64,
    /// The scores of the families, in the order of [`Family::ALL`].
    pub families: [f64; 5],
    /// What that means.
    pub level: Level,
    /// Findings that counted.
    pub records: u32,
}

/// How much detection has seen, and what it had no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Observations fed.
    pub observations: u64,
    /// Observations lost because a queue was full.
    pub dropped: u64,
    /// Observations of users beyond the limit.
    pub users_ignored: u64,
    /// Observations of torrents, or sessions of them, beyond the limit.
    pub books_ignored: u64,
    /// Epochs that were closed and balanced.
    pub epochs: u64,
    /// Epochs that were not looked at, for observations of them were lost.
    pub epochs_void: u64,
    /// Findings made.
    pub findings: u64,
}

/// A finding that there is not, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such finding, or it was judged already")]
pub struct FindingUnknown;

impl Detection {
    /// Detection that has seen nothing yet. `key` is random and secret: it decides who is tested
    /// for comparison.
    pub fn new(
        settings: DetectionSettings,
        fingerprints: &Fingerprints,
        key: u64,
        now_seconds: u32,
    ) -> Self {
        Self::with_state(settings, fingerprints, State::new(key, now_seconds))
    }

    /// Detection that goes on where another one was when its state was kept. `complete`: nothing
    /// was announced since; otherwise books that are open are thrown away, for something is missing
    /// in them.
    pub fn resume(
        settings: DetectionSettings,
        fingerprints: &Fingerprints,
        state: State,
        complete: bool,
        now_seconds: u32,
    ) -> Self {
        let mut detection = Self::with_state(settings, fingerprints, state);
        if !complete {
            detection.state.blind_seconds = now_seconds;
        }
        detection
    }

    fn with_state(settings: DetectionSettings, of: &Fingerprints, state: State) -> Self {
        Self {
            settings,
            table: Table::new(of),
            places: Places::default(),
            exempt: BTreeSet::new(),
            state,
            drafts: Vec::new(),
        }
    }

    /// All that has to survive a restart.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Replaces the settings.
    pub fn set_settings(&mut self, settings: DetectionSettings) {
        self.settings = settings;
    }

    /// Says whether other trackers have a torrent, too, or whether it is not private: then nobody
    /// knows all of its peers, and its books need not balance.
    pub fn set_exempt(&mut self, torrent_id: u32, exempt: bool) {
        if exempt {
            self.exempt.insert(torrent_id);
            self.state.books.remove(&torrent_id);
        } else {
            self.exempt.remove(&torrent_id);
        }
    }

    /// Says where a network is, by its keyed hash.
    pub fn put_place(&mut self, network: u32, place: Place) {
        self.places.put(network, place);
    }

    /// Learns where networks are from what first reports tell; `table` has what their places stand
    /// for. To be called before these observations are fed.
    pub fn learn_places(&mut self, observations: &[Observation], table: &PlaceTable) {
        for of in observations.iter().filter(|of| of.place != 0) {
            let point = table.get(PlaceId(of.place)).point();
            if let Some(place) = point.and_then(|(north, east)| Place::of_degrees(north, east)) {
                self.places.put(of.network, place);
            }
        }
    }

    /// Where a network is, as far as anybody has told.
    pub fn place_of(&self, network: u32) -> Option<Place> {
        self.places.get(network)
    }

    /// Says that observations were lost: what is open is not to be judged.
    pub fn note_dropped(&mut self, dropped: u64, now_seconds: u32) {
        if dropped > 0 {
            self.state.counters.dropped = self.state.counters.dropped.saturating_add(dropped);
            self.state.blind_seconds = self.state.blind_seconds.max(now_seconds);
        }
    }

    /// Looks at what announces told. Those of one torrent have to be in order.
    pub fn observe(&mut self, observations: &[Observation]) {
        for of in observations {
            self.state.counters.observations = self.state.counters.observations.saturating_add(1);
            self.observe_user(of);
            if !self.exempt.contains(&of.torrent_id) {
                self.observe_torrent(of);
            }
        }
        self.count_drafts();
    }

    fn observe_user(&mut self, of: &Observation) {
        let State { users, counters, site, models, .. } = &mut self.state;
        let weights = &self.settings.weights;
        let has_room = users.len() < self.settings.users_max;
        let user = match users.entry(of.user_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) if has_room => place.insert(Box::default()),
            Entry::Vacant(_) => {
                counters.users_ignored = counters.users_ignored.saturating_add(1);
                return;
            }
        };
        user.seen_seconds = user.seen_seconds.max(of.at_seconds);
        if of.downloaded_bytes > 0 {
            user.downloaded_seconds = of.at_seconds;
        }
        let vanished = of.signs.has(Signs::VANISHED);
        let leecher_ends = of.signs.has(Signs::FINISHED)
            || (of.left_bytes > 0 && (vanished || of.signs.has(Signs::STOPPED)));
        if leecher_ends {
            user.vanishing.ended(vanished);
            site.ended(vanished);
        }
        if of.uploaded_bytes > 0 {
            let speed = user.speed.get_or_insert_default();
            self.drafts.extend(speed.observe(of, &self.settings));
            self.drafts.extend(user.profiles.get_or_insert_default().observe(of, weights));
        }
        self.drafts.extend(user.resets.observe(of, weights));
        self.drafts.extend(user.looks.observe(of, &self.table, weights));
        let one_name = user.looks.one_name();
        if let Some(model) = &mut user.model {
            // What a real client beside the tool uploads follows no formula.
            if one_name.is_none_or(|name| name == of.session) {
                self.drafts.extend(model.observe(of, weights));
            }
        } else if *models < self.settings.suspects_max
            && (one_name.is_some() || user.evidence.total(of.at_seconds) >= SUSPECT_NATS)
        {
            *models += 1;
            user.model = Some(Box::default());
        }
        let networks = user.networks.observe(of, &self.places, &self.settings);
        self.drafts.extend(networks.into_iter().flatten());
    }

    fn observe_torrent(&mut self, of: &Observation) {
        let State { users, books, counters, almost, experiments, entries, blind_seconds, .. } =
            &mut self.state;
        let has_room =
            books.len() < self.settings.books_max && *entries < self.settings.entries_max;
        let book = match books.entry(of.torrent_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) if has_room => place.insert(Box::default()),
            Entry::Vacant(_) => {
                counters.books_ignored = counters.books_ignored.saturating_add(1);
                return;
            }
        };
        if of.signs.has(Signs::VANISHED) {
            book.vanish(of, &self.settings);
            almost.observe(of, book.size);
            return;
        }
        self.drafts.extend(sink::judge(of, book, *blind_seconds, &self.settings));
        let alone = book
            .other_leecher_seconds(of.session, &self.settings)
            .is_none_or(|until| until < of.at_seconds.saturating_sub(of.gap_seconds));
        if self.settings.experiments.is_some() {
            self.drafts.extend(experiments.observe(of, alone, &self.settings.weights));
        }
        let user = users.get_mut(&of.user_id);
        let client = user.map_or(0, |user| {
            let possession = book.seeds.observe(of, &mut user.possession);
            self.drafts.extend(possession.into_iter().flatten());
            user.looks.client(of)
        });
        *entries += book.enter(of, client, &self.settings);
        self.drafts.extend(almost.observe(of, book.size));
        let last_download = |id: u32| users.get(&id).map_or(0, |user| user.downloaded_seconds);
        self.drafts.extend(stall::judge(of, book, last_download, &self.settings));
    }

    /// Closes books, attributes what they lack, and forgets what is old. Once a minute is enough.
    pub fn advance(&mut self, now_seconds: u32) {
        self.close_books(now_seconds);
        let since_solved = now_seconds.saturating_sub(self.state.solved_seconds);
        if since_solved >= self.settings.solve_every_seconds {
            self.state.solved_seconds = now_seconds;
            self.attribute(now_seconds);
            self.judge_vanishing(now_seconds);
            self.forget(now_seconds);
        }
        self.count_drafts();
    }

    fn close_books(&mut self, now_seconds: u32) {
        let settings = &self.settings;
        let mut closed = Vec::new();
        let State { books, entries, blind_seconds, counters, .. } = &mut self.state;
        let clear_from = blind_seconds.saturating_add(settings.late_seconds());
        books.retain(|torrent_id, book| {
            if let Some(soft) = book.is_over(now_seconds, settings) {
                *entries = entries.saturating_sub(book.entries());
                let clear = book.opened_seconds > clear_from;
                match book.close(*torrent_id, now_seconds, soft, settings) {
                    Some(epoch) if clear => closed.push(epoch),
                    Some(_) => counters.epochs_void = counters.epochs_void.saturating_add(1),
                    None => {}
                }
            }
            !book.is_stale(now_seconds, settings)
        });
        // In an order that a repetition has, too.
        closed.sort_unstable_by_key(|epoch| epoch.torrent_id);
        closed.into_iter().for_each(|epoch| self.keep(epoch));
    }

    /// Keeps a closed epoch for attribution.
    fn keep(&mut self, epoch: ClosedEpoch) {
        let state = &mut self.state;
        state.counters.epochs = state.counters.epochs.saturating_add(1);
        let residual = epoch.residual();
        for share in &epoch.shares {
            self.drafts.extend(collusion::over_download(share, &epoch));
            let Some(user) = state.users.get_mut(&share.user_id) else { continue };
            let missing = f64::from(share.missing);
            if share.vanished && residual >= missing / 2.0 {
                user.vanishing.missed(missing.min(residual));
            }
            if collusion::counts(share) {
                let partner = collusion::partner_of(share, &epoch);
                let partners = user.partners.get_or_insert_default();
                self.drafts.extend(partners.note(partner, &epoch, share.user_id));
            }
        }
        state.shares += epoch.shares.len();
        state.closed.push_back(epoch);
        let settings = &self.settings;
        while state.closed.len() > settings.closed_max || state.shares > settings.shares_max {
            let Some(oldest) = state.closed.pop_front() else { return };
            state.shares = state.shares.saturating_sub(oldest.shares.len());
        }
    }

    fn attribute(&mut self, now_seconds: u32) {
        let epochs: Vec<&ClosedEpoch> =
            self.state.closed.iter().filter(|it| !self.exempt.contains(&it.torrent_id)).collect();
        let suspicions = conservation::attribute(&epochs, now_seconds, &self.settings);
        self.state.users.values_mut().for_each(|user| user.evidence.forget_proofs());
        // Torrent, beginning of the epoch, and place of the suspicion.
        let mut scored: Vec<(u32, u32, usize)> = Vec::new();
        for (number, suspicion) in suspicions.iter().enumerate() {
            let Some(user) = self.state.users.get_mut(&suspicion.user_id) else { continue };
            if suspicion.side != Side::Downloads && suspicion.is_beyond_doubt() {
                user.evidence.set_beyond_doubt(true);
            }
            if suspicion.is_sure() {
                user.evidence.set_sure(true);
            }
            let score = user.evidence.score(Family::Accounting, now_seconds);
            let mut room = suspicion.nats_max() - score;
            for (at, draft) in conservation::drafts_of(suspicion, &epochs, now_seconds) {
                let nats = Family::Accounting.clip(draft.llr);
                let fits = nats.max(LEAST_NATS) <= room;
                let Some(epoch) = epochs.get(at).filter(|_| fits) else { continue };
                room -= nats;
                scored.push((epoch.torrent_id, epoch.opened_seconds, number));
                self.drafts.push(draft);
            }
        }
        drop(epochs);
        scored.sort_unstable();
        for epoch in &mut self.state.closed {
            let place = (epoch.torrent_id, epoch.opened_seconds);
            let from = scored.partition_point(|it| (it.0, it.1) < place);
            let of_epoch = scored.iter().skip(from).take_while(|it| (it.0, it.1) == place);
            for suspicion in of_epoch.filter_map(|(.., number)| suspicions.get(*number)) {
                let shares = epoch.shares.iter_mut().filter(|it| suspicion.is_about(it));
                for share in shares {
                    let [uploads, downloads] = &mut share.scored;
                    *(if suspicion.side == Side::Downloads { downloads } else { uploads }) = true;
                }
            }
        }
    }

    fn judge_vanishing(&mut self, now_seconds: u32) {
        let State { users, site, .. } = &mut self.state;
        let mut found: Vec<Draft> = users
            .iter_mut()
            .filter_map(|(id, user)| user.vanishing.judge(*id, site, now_seconds, &self.settings))
            .collect();
        found.sort_unstable_by_key(|draft| draft.user_id);
        self.drafts.append(&mut found);
    }

    fn forget(&mut self, now_seconds: u32) {
        let State { users, closed, shares, findings, almost, tails, models, .. } = &mut self.state;
        let since = |seconds: u32| now_seconds.saturating_sub(seconds);
        let window = since(self.settings.window_seconds);
        while closed.front().is_some_and(|it| it.closed_seconds < window) {
            let oldest = closed.pop_front();
            *shares = shares.saturating_sub(oldest.map_or(0, |it| it.shares.len()));
        }
        users.retain(|_, user| {
            user.seen_seconds >= window || user.evidence.total(now_seconds) >= FORGOTTEN_NATS
        });
        for user in users.values_mut().filter(|user| user.model.is_some()) {
            if user.evidence.total(now_seconds) < FORGOTTEN_NATS && user.looks.one_name().is_none()
            {
                user.model = None;
            }
        }
        *models = users.values().filter(|user| user.model.is_some()).count();
        tails.advance(now_seconds, self.settings.window_seconds, users.len());
        let kept_from = since(self.settings.retention_seconds);
        findings.forget(kept_from);
        almost.forget(kept_from);
    }

    /// Turns what detectors found into findings, each with what it does to the score.
    fn count_drafts(&mut self) {
        if self.drafts.is_empty() {
            return;
        }
        let State { users, findings, counters, precision, tails, .. } = &mut self.state;
        let users_known = users.len();
        for mut draft in self.drafts.drain(..) {
            let Some(user) = users.get_mut(&draft.user_id) else { continue };
            let family = draft.detector.family();
            let seen = draft.observed;
            let share =
                tails.note(&mut user.shown, draft.detector, seen, users_known, draft.at_seconds);
            if let Some(share) = share.filter(|_| family != Family::Experiment) {
                draft.rebase(share, self.settings.weights.site_share.value());
            }
            let counted =
                user.evidence.add(family, draft.key, draft.torrent_id, draft.llr, draft.at_seconds);
            precision.count(draft.detector);
            findings.put(draft, counted, &self.settings);
            counters.findings = findings.made();
        }
    }

    /// Who is to be told what from now on: for [`Tracker::set_experiments`]. Empty unless tests
    /// are on.
    ///
    /// [`Tracker::set_experiments`]: crate::Tracker::set_experiments
    pub fn plan(&mut self, now_seconds: u32) -> Plan {
        let Some(settings) = &self.settings.experiments else { return Plan::default() };
        let State { users, experiments, books, blind_seconds, .. } = &mut self.state;
        let wanted = |id: &u32, user: &UserState, experiments: &experiment::Experiments| {
            user.evidence.total(now_seconds) >= SUSPECT_NATS
                || experiments.is_control(*id, settings)
        };
        let mut tested: Vec<u32> = users
            .iter()
            .filter(|(id, user)| wanted(id, user, experiments))
            .map(|(id, _)| *id)
            .collect();
        tested.sort_unstable();
        experiments.keep(|id| tested.binary_search(&id).is_ok());
        tested.into_iter().for_each(|id| experiments.watch(id, settings));
        let exempt = &self.exempt;
        let blind = *blind_seconds;
        let late_seconds = self.settings.late_seconds();
        experiments.plan(now_seconds, settings, |user_id, torrent_id| {
            let known_for = now_seconds.saturating_sub(blind);
            if exempt.contains(&torrent_id) || known_for <= late_seconds.saturating_mul(2) {
                return None;
            }
            let book = books.get(&torrent_id)?;
            Some(book.leecher_of_others(user_id, now_seconds, &self.settings))
        })
    }

    /// Users whose clients are to be asked for a handshake now, at most so many: suspects that were
    /// not asked in the last six hours. They count as asked.
    pub fn to_probe(&mut self, now_seconds: u32, most: usize) -> Vec<u32> {
        let users = self.state.users.iter_mut();
        let suspects = users.filter(|(_, user)| user.evidence.total(now_seconds) >= PROBED_NATS);
        suspects
            .filter_map(|(id, user)| user.probed.ask(now_seconds).then_some(*id))
            .take(most)
            .collect()
    }

    /// Says what a client of a user showed that was asked for a handshake.
    pub fn note_probe(&mut self, user_id: u32, torrent_id: u32, probe: Probe, now_seconds: u32) {
        let Some(user) = self.state.users.get_mut(&user_id) else { return };
        let of = (user_id, torrent_id);
        self.drafts.extend(user.probed.judge(of, probe, now_seconds, &self.settings.weights));
        self.count_drafts();
    }

    /// Findings with a number above `id`, oldest first.
    pub fn findings_after(&self, id: u64) -> impl Iterator<Item = &Finding> {
        self.state.findings.after(id)
    }

    /// One finding.
    pub fn finding(&self, id: u64) -> Option<&Finding> {
        self.state.findings.get(id)
    }

    /// What is held against a user; `None` of one that detection does not know.
    pub fn standing(&self, user_id: u32, now_seconds: u32) -> Option<Standing> {
        let user = self.state.users.get(&user_id)?;
        Some(standing_of(user_id, user, now_seconds))
    }

    /// Users of a level or above, the highest score first.
    pub fn suspects(&self, level: Level, now_seconds: u32) -> Vec<Standing> {
        let all = self.state.users.iter().map(|(id, user)| standing_of(*id, user, now_seconds));
        let mut found: Vec<Standing> = all.filter(|it| it.level >= level).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.user_id.cmp(&b.user_id)));
        found
    }

    /// Takes back what a finding added, and remembers why.
    ///
    /// # Errors
    ///
    /// [`FindingUnknown`]
    pub fn dismiss(
        &mut self,
        id: u64,
        reason: &str,
        now_seconds: u32,
    ) -> Result<Standing, FindingUnknown> {
        let verdict = Verdict::Dismissed { reason: shortened(reason), at_seconds: now_seconds };
        let (user_id, family, gained, at_seconds) = self.judge(id, verdict)?;
        let user = self.state.users.entry(user_id).or_default();
        user.evidence.take_back(family, gained, at_seconds, now_seconds);
        Ok(standing_of(user_id, user, now_seconds))
    }

    /// Says that a finding is right: two nats more.
    ///
    /// # Errors
    ///
    /// [`FindingUnknown`]
    pub fn confirm(
        &mut self,
        id: u64,
        label: &str,
        now_seconds: u32,
    ) -> Result<Standing, FindingUnknown> {
        let verdict = Verdict::Confirmed { label: shortened(label), at_seconds: now_seconds };
        let (user_id, family, ..) = self.judge(id, verdict)?;
        let user = self.state.users.entry(user_id).or_default();
        user.evidence.change(family, self.settings.weights.confirmed.value(), now_seconds);
        Ok(standing_of(user_id, user, now_seconds))
    }

    fn judge(
        &mut self,
        id: u64,
        verdict: Verdict,
    ) -> Result<(u32, Family, f64, u32), FindingUnknown> {
        let finding = self.state.findings.get_mut(id).ok_or(FindingUnknown)?;
        if finding.verdict != Verdict::Open {
            return Err(FindingUnknown);
        }
        self.state.precision.judge(finding.detector, &verdict);
        finding.verdict = verdict;
        let family = finding.detector.family();
        Ok((finding.user_id, family, finding.gained, finding.at_seconds))
    }

    /// How much was seen, and what there was no room for.
    pub fn counters(&self) -> Counters {
        self.state.counters
    }

    /// What people made of each detector's findings.
    pub fn precision(&self) -> &[Precision] {
        self.state.precision.all()
    }

    /// Users, open books, closed epochs and findings that are held now.
    pub fn held(&self) -> [usize; 4] {
        let State { users, books, closed, findings, .. } = &self.state;
        [users.len(), books.len(), closed.len(), findings.len()]
    }
}

/// Words that people give are kept up to this length.
const WORDS_BYTES_MAX: usize = 500;

fn shortened(words: &str) -> String {
    words
        .chars()
        .scan(0, |bytes, it| {
            *bytes += it.len_utf8();
            (*bytes <= WORDS_BYTES_MAX).then_some(it)
        })
        .collect()
}

fn standing_of(user_id: u32, user: &UserState, now_seconds: u32) -> Standing {
    let evidence = &user.evidence;
    Standing {
        user_id,
        score: evidence.total(now_seconds),
        families: Family::ALL.map(|family| evidence.score(family, now_seconds)),
        level: evidence.level(now_seconds),
        records: evidence.records(),
    }
}

#[cfg(test)]
mod tests;
