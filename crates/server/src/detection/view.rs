//! Findings and suspects, in JSON.

use std::collections::HashMap;

use mika_client::types::Finding as Json;
use mika_client::types::{
    CursorPage, DetectionStatus, DetectorPrecision, FamilyScores, FindingExcuse, FindingInput,
    FindingQuery, FindingVerdict, PageQuery, Suspect, SuspectLevel, SuspectQuery,
};
use mika_core::detection::{Detector, Family, Finding, Level, Standing, Verdict};
use serde::Serialize;

use super::judge::unknown;
use super::{DATA_SECONDS_MIN, Inspector, Watched};
use crate::config::DetectionMode;
use crate::control::{ControlError, not_a_cursor, page_limit};

/// A level as the API names it.
pub(crate) fn level_of(level: Level) -> SuspectLevel {
    match level {
        Level::None => SuspectLevel::None,
        Level::Note => SuspectLevel::Note,
        Level::Review => SuspectLevel::Review,
        Level::Strong => SuspectLevel::Strong,
    }
}

fn level_from(level: SuspectLevel) -> Level {
    match level {
        SuspectLevel::None => Level::None,
        SuspectLevel::Note => Level::Note,
        SuspectLevel::Review => Level::Review,
        SuspectLevel::Strong => Level::Strong,
    }
}

/// The name of a variant as the API writes it: `NoSink` is `no_sink`.
pub(crate) fn name_of(variant: impl Serialize) -> String {
    let value = serde_json::to_value(variant).unwrap_or_default();
    let mut name = String::new();
    for letter in value.as_str().unwrap_or_default().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// JSON has no other numbers.
fn finite(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(f64::MIN, f64::MAX) }
}

impl Watched {
    pub(super) fn finding_json(&self, of: &Finding, now_seconds: u32) -> Json {
        let standing = self.detection.standing(of.user_id, now_seconds);
        let (verdict, verdict_text, verdict_at) = match &of.verdict {
            Verdict::Open => (FindingVerdict::Open, None, None),
            Verdict::Dismissed { reason, at_seconds } => {
                (FindingVerdict::Dismissed, Some(reason.clone()), Some(*at_seconds))
            }
            Verdict::Confirmed { label, at_seconds } => {
                (FindingVerdict::Confirmed, Some(label.clone()), Some(*at_seconds))
            }
        };
        let input = |it: &mika_core::detection::Input| FindingInput {
            name: it.name.to_string(),
            value: finite(it.value),
            unit: name_of(it.unit),
        };
        let excuse = |it: &mika_core::detection::Excuse| FindingExcuse {
            name: it.name.to_string(),
            applies: it.applies,
            value: finite(it.value),
        };
        Json {
            id: of.id,
            at: of.at_seconds,
            user_id: of.user_id,
            user_level: standing.map_or(SuspectLevel::None, |it| level_of(it.level)),
            torrent_id: of.torrent_id,
            info_hash: None,
            detector: name_of(of.detector),
            version: of.version,
            family: name_of(of.detector.family()),
            says: of.detector.says().to_owned(),
            from: of.window_seconds.0,
            to: of.window_seconds.1,
            observed: finite(of.observed),
            bound: finite(of.bound),
            unit: name_of(of.unit),
            formula: of.formula.to_string(),
            inputs: of.inputs.iter().map(input).collect(),
            excuses: of.excuses.iter().map(excuse).collect(),
            llr: finite(of.llr),
            score_before: finite(of.score_before),
            score_after: finite(of.score_after),
            gained: finite(of.gained),
            verdict,
            verdict_text,
            verdict_at,
        }
    }
}

/// A cursor is the number of the last entry.
fn after(cursor: Option<&str>) -> Result<Option<u64>, ControlError> {
    cursor.map(|cursor| cursor.parse().map_err(|_| not_a_cursor())).transpose()
}

fn limit(given: Option<u32>) -> Result<usize, ControlError> {
    page_limit(given, PageQuery::LIMIT_MAX)
}

impl Inspector {
    /// A part of the findings, the newest first. `user_id`: only about this one.
    pub(crate) fn findings(
        &self,
        query: &FindingQuery,
        user_id: Option<u32>,
    ) -> Result<CursorPage<Json>, ControlError> {
        let (before, limit) = (after(query.cursor.as_deref())?, limit(query.limit)?);
        let detector = query.detector.as_deref().map(detector_named).transpose()?;
        let level = query.level.map(level_from);
        let now_seconds = self.shared.clock.now_seconds();
        let watched = self.shared.watched.lock();
        let mut levels: HashMap<u32, Level> = HashMap::new();
        let mut level_now = |id: u32| {
            *levels.entry(id).or_insert_with(|| {
                let standing = watched.detection.standing(id, now_seconds);
                standing.map_or(Level::None, |it| it.level)
            })
        };
        let verdict_of = |finding: &Finding| match finding.verdict {
            Verdict::Open => FindingVerdict::Open,
            Verdict::Dismissed { .. } => FindingVerdict::Dismissed,
            Verdict::Confirmed { .. } => FindingVerdict::Confirmed,
        };
        let mut fitting: Vec<&Finding> = watched
            .detection
            .findings_after(0)
            .take_while(|it| before.is_none_or(|before| it.id < before))
            .filter(|it| {
                user_id.is_none_or(|id| it.user_id == id)
                    && query.torrent_id.is_none_or(|id| it.torrent_id == Some(id))
                    && detector.is_none_or(|detector| it.detector == detector)
                    && query.verdict.is_none_or(|verdict| verdict_of(it) == verdict)
                    && level.is_none_or(|level| level_now(it.user_id) >= level)
            })
            .collect();
        fitting.reverse();
        let has_more = fitting.len() > limit;
        fitting.truncate(limit);
        let next_cursor = fitting.last().filter(|_| has_more).map(|it| it.id.to_string());
        let items = fitting.iter().map(|it| watched.finding_json(it, now_seconds)).collect();
        drop(watched);
        Ok(CursorPage { items: self.with_hashes(items), next_cursor })
    }

    /// One finding.
    pub(crate) fn finding(&self, id: u64) -> Result<Json, ControlError> {
        let watched = self.shared.watched.lock();
        let found = watched.detection.finding(id).ok_or_else(|| unknown(id))?;
        let json = watched.finding_json(found, self.shared.clock.now_seconds());
        drop(watched);
        self.with_hashes(vec![json]).pop().ok_or_else(|| unknown(id))
    }

    /// At most so many findings after one with a number, the oldest first.
    pub(crate) fn findings_after(&self, id: u64, limit: usize) -> Vec<Json> {
        let now_seconds = self.shared.clock.now_seconds();
        let watched = self.shared.watched.lock();
        let part = watched.detection.findings_after(id).take(limit);
        let items = part.map(|it| watched.finding_json(it, now_seconds)).collect();
        drop(watched);
        self.with_hashes(items)
    }

    pub(super) fn with_hashes(&self, mut findings: Vec<Json>) -> Vec<Json> {
        let mut wanted: Vec<u32> = findings.iter().filter_map(|it| it.torrent_id).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return findings;
        }
        let known = self.shared.tracker.info_hashes_of(|id| wanted.binary_search(&id).is_ok());
        let hashes: HashMap<u32, _> = known.into_iter().collect();
        for finding in &mut findings {
            finding.info_hash = finding.torrent_id.and_then(|id| hashes.get(&id).copied());
        }
        findings
    }

    /// A part of the users of a level and above, the highest score first.
    pub(crate) fn suspects(
        &self,
        query: &SuspectQuery,
    ) -> Result<CursorPage<Suspect>, ControlError> {
        let limit = limit(query.limit)?;
        let skip = after(query.cursor.as_deref())?.unwrap_or_default();
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let level = level_from(query.level.unwrap_or(SuspectLevel::Note));
        let all = {
            let watched = self.shared.watched.lock();
            watched.detection.suspects(level, self.shared.clock.now_seconds())
        };
        let part = all.iter().skip(skip).take(limit);
        let items: Vec<Suspect> = part.map(|standing| self.suspect_json(standing)).collect();
        let end = skip.saturating_add(items.len());
        let next_cursor = (end < all.len()).then(|| end.to_string());
        Ok(CursorPage { items, next_cursor })
    }

    /// What is held against a user; of one that nothing is known of, nothing.
    pub(crate) fn suspect(&self, user_id: u32) -> Suspect {
        let standing = {
            let watched = self.shared.watched.lock();
            watched.detection.standing(user_id, self.shared.clock.now_seconds())
        };
        let nothing =
            Standing { user_id, score: 0.0, families: [0.0; 5], level: Level::None, records: 0 };
        self.suspect_json(&standing.unwrap_or(nothing))
    }

    /// The scores of users, in nats.
    pub fn standings(&self, user_ids: &[u32]) -> Vec<f64> {
        user_ids.iter().map(|id| self.suspect(*id).score).collect()
    }

    fn suspect_json(&self, standing: &Standing) -> Suspect {
        let act = self.shared.acts.lock().of(standing.user_id);
        let of = |family: Family| {
            let at = Family::ALL.iter().position(|it| *it == family);
            at.and_then(|at| standing.families.get(at)).copied().map_or(0.0, finite)
        };
        Suspect {
            user_id: standing.user_id,
            level: level_of(standing.level),
            score: finite(standing.score),
            families: FamilyScores {
                accounting: of(Family::Accounting),
                experiment: of(Family::Experiment),
                identity: of(Family::Identity),
                history: of(Family::History),
                sharing: of(Family::Sharing),
            },
            records: standing.records,
            warning: act.warning,
            quarantine: act.quarantine,
            withheld: self.shared.tracker.withheld(standing.user_id),
            disabled: act.disabled,
            acted_level: level_of(act.level),
        }
    }

    /// What detection has seen and holds.
    pub(crate) fn status(&self) -> DetectionStatus {
        let config = self.shared.config.load_full();
        let numbers = &self.shared.numbers;
        let watched = self.shared.watched.lock();
        let counters = watched.detection.counters();
        let [users, books, epochs, findings] = watched.detection.held();
        DetectionStatus {
            mode: match config.detects() {
                true => name_of(config.detection.mode),
                false => name_of(DetectionMode::Off),
            },
            watched_seconds: watched.seconds,
            may_disable: watched.seconds >= DATA_SECONDS_MIN,
            observations: counters.observations,
            dropped: counters.dropped,
            users_ignored: counters.users_ignored,
            torrents_ignored: counters.books_ignored,
            epochs: counters.epochs,
            epochs_void: counters.epochs_void,
            findings: counters.findings,
            users_held: users as u64,
            torrents_held: books as u64,
            epochs_held: epochs as u64,
            findings_held: findings as u64,
            state_bytes: numbers.state_bytes(),
            bytes_max: watched.settings.bytes_max(),
            cpu_milliseconds: numbers.cpu_milliseconds(),
            detectors: watched.detection.precision().iter().map(precision_json).collect(),
        }
    }
}

fn precision_json(of: &mika_core::detection::Precision) -> DetectorPrecision {
    let judged = of.confirmed.saturating_add(of.dismissed);
    DetectorPrecision {
        detector: name_of(of.detector),
        says: of.detector.says().to_owned(),
        findings: of.findings,
        dismissed: of.dismissed,
        confirmed: of.confirmed,
        precision: (judged > 0).then(|| of.confirmed as f64 / judged as f64),
    }
}

fn detector_named(name: &str) -> Result<Detector, ControlError> {
    let known = Detector::ALL.into_iter().find(|it| name_of(it) == name);
    known.ok_or_else(|| {
        let names: Vec<String> = Detector::ALL.iter().map(name_of).collect();
        ControlError::Invalid(format!("there is no detector `{name}`, only {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_cheaters_explains_every_detector() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cheaters.md");
        let page = std::fs::read_to_string(path).unwrap();
        for detector in Detector::ALL {
            let row = format!("\n| `{}` | ", name_of(detector));
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn names_are_words_with_underscores() {
        assert_eq!(name_of(Detector::NoSink), "no_sink");
        assert_eq!(name_of(Family::Accounting), "accounting");
        assert_eq!(name_of(DetectionMode::Shadow), "shadow");
    }

    #[test]
    fn json_has_finite_numbers_only() {
        assert_eq!((finite(f64::NAN), finite(f64::INFINITY)), (0.0, f64::MAX));
        assert_eq!((finite(f64::NEG_INFINITY), finite(1.5)), (f64::MIN, 1.5));
    }
}
