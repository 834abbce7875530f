//! An export brought in: records that are not there are added with their past, those that are
//! there are made what the export says. Nothing is deleted.

use mika_client::types::{
    BulkTorrent, ImportError, ImportReport, NewClientRule, NewRole, StateLine, StateToken,
};
use mika_store::catalog::{TorrentPast, UserPast};
use mika_store::record::EventRecord;

use super::bulk::{Done, Outcomes, TokenWish, TorrentWish, UserWish, What};
use super::client_rules::rule_spec;
use super::events::event_spec;
use super::export::VERSION;
use super::resync::Key;
use super::{Control, ControlError, now_seconds, validate};

/// Lines that are brought in together.
const CHUNK_LINES: usize = 5000;
/// The longest line.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Errors that are told one by one.
const ERRORS_MAX: usize = 1000;

/// An import under way.
pub struct Import {
    control: Control,
    unread: Vec<u8>,
    waiting: Vec<(u64, StateLine)>,
    report: ImportReport,
    ended: bool,
}

impl Import {
    /// An import into the store.
    pub fn new(control: Control) -> Self {
        let report = ImportReport::default();
        Self { control, unread: Vec::new(), waiting: Vec::new(), report, ended: false }
    }

    /// Takes more bytes.
    ///
    /// # Errors
    ///
    /// Those of the store, and [`ControlError::Invalid`] for what is no export. What came before is
    /// in force.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), ControlError> {
        self.unread.extend_from_slice(bytes);
        let Some(end) = self.unread.iter().rposition(|byte| *byte == b'\n') else {
            return self.check_length(self.unread.len());
        };
        let rest = self.unread.split_off(end.saturating_add(1));
        let lines = std::mem::replace(&mut self.unread, rest);
        for line in lines.split(|byte| *byte == b'\n') {
            self.check_length(line.len())?;
            self.line(line).await?;
        }
        Ok(())
    }

    fn check_length(&self, bytes: usize) -> Result<(), ControlError> {
        if bytes <= LINE_BYTES_MAX {
            return Ok(());
        }
        let after = self.report.lines;
        Err(ControlError::Invalid(format!("the line after line {after} is longer than 64 KiB")))
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), ControlError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.report.lines = self.report.lines.saturating_add(1);
        let number = self.report.lines;
        match serde_json::from_slice::<StateLine>(line) {
            Ok(StateLine::Meta(meta)) if meta.version == VERSION => Ok(()),
            Ok(StateLine::Meta(meta)) => Err(ControlError::Invalid(format!(
                "the export has version {}, this server knows {VERSION}",
                meta.version
            ))),
            Ok(StateLine::End(_)) => {
                self.ended = true;
                Ok(())
            }
            Ok(line) => {
                let same = |(_, other): &(u64, StateLine)| {
                    std::mem::discriminant(other) == std::mem::discriminant(&line)
                };
                if self.waiting.len() >= CHUNK_LINES || !self.waiting.last().is_none_or(same) {
                    self.bring_in().await?;
                }
                self.waiting.push((number, line));
                Ok(())
            }
            Err(error) if number == 1 => {
                Err(ControlError::Invalid(format!("line 1 is not that of an export: {error}")))
            }
            Err(error) => {
                self.failed(number, "invalid_body", error.to_string());
                Ok(())
            }
        }
    }

    /// Brings in what is left.
    ///
    /// # Errors
    ///
    /// As of [`Import::feed`].
    pub async fn finish(mut self) -> Result<ImportReport, ControlError> {
        let last = std::mem::take(&mut self.unread);
        self.check_length(last.len())?;
        self.line(&last).await?;
        self.bring_in().await?;
        if !self.ended {
            let detail = "the last line of the export is missing: it may have been cut short";
            self.failed(self.report.lines, "export_incomplete", detail.to_owned());
        }
        Ok(self.report)
    }

    fn failed(&mut self, line: u64, code: &str, detail: String) {
        self.report.failed = self.report.failed.saturating_add(1);
        if self.report.errors.len() < ERRORS_MAX {
            self.report.errors.push(ImportError { line, code: code.to_owned(), detail });
        }
    }

    async fn bring_in(&mut self) -> Result<(), ControlError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let (numbers, lines): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let outcomes = self.control.change(|control| async move { control.lines_now(lines).await });
        for (number, outcome) in numbers.into_iter().zip(outcomes.await?) {
            match outcome {
                Ok(Done { what: What::Created, .. }) => {
                    self.report.created = self.report.created.saturating_add(1);
                }
                Ok(_) => self.report.updated = self.report.updated.saturating_add(1),
                Err(error) => {
                    let (_, code) = error.status_and_code();
                    self.failed(number, code, error.to_string());
                }
            }
        }
        Ok(())
    }
}

impl Control {
    /// Brings in lines that are all of one kind.
    async fn lines_now(&self, lines: Vec<StateLine>) -> Result<Outcomes, ControlError> {
        let (mut users, mut torrents, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        let mut outcomes = Outcomes::new();
        let mut rules = None;
        let mut events = None;
        for line in lines {
            match line {
                StateLine::User(line) => {
                    let mut user = line.user;
                    let past = UserPast {
                        id: user.id.take().unwrap_or_default(),
                        uploaded_raw: line.uploaded_raw,
                        downloaded_raw: line.downloaded_raw,
                        seed_seconds: line.seed_seconds,
                        snatches: line.snatches,
                        announced_at_seconds: line.announced_at,
                        ..UserPast::default()
                    };
                    let created_at_seconds = Some(line.created_at);
                    users.push(UserWish { user, deletes: false, past, created_at_seconds });
                }
                StateLine::Torrent(line) => torrents.push(torrent_wish(line)),
                StateLine::Token(line) => tokens.push(token_wish(line)),
                StateLine::Role(role) => {
                    let new = NewRole {
                        name: role.name,
                        priority: Some(role.priority),
                        upload_percent: Some(role.upload_percent),
                        download_percent: Some(role.download_percent),
                        upload_enabled: Some(role.upload_enabled),
                        download_enabled: Some(role.download_enabled),
                        download_slots: role.download_slots,
                        immune: Some(role.immune),
                        enabled: Some(role.enabled),
                    };
                    outcomes.push(self.put_role_now(new).await);
                }
                StateLine::ClientRule(rule) => {
                    if rules.is_none() {
                        rules = Some(self.catalog().client_rules().await?);
                    }
                    let (allowed, name) = (Some(rule.allowed), rule.name);
                    let new = NewClientRule { prefix: rule.prefix, allowed, name };
                    let all = rules.get_or_insert_default();
                    outcomes.push(self.put_rule_now(new, all).await);
                }
                StateLine::Event(event) => {
                    if events.is_none() {
                        events = Some(self.catalog().events().await?);
                    }
                    let record = EventRecord {
                        name: event.name,
                        upload_percent: event.upload_percent,
                        download_percent: event.download_percent,
                        starts_at_seconds: event.starts_at,
                        ends_at_seconds: event.ends_at,
                    };
                    let all = events.get_or_insert_default();
                    // One that is over is part of the state, too.
                    outcomes.push(match validate::name("name", &record.name) {
                        Ok(()) => self.put_event_now(record, all).await,
                        Err(error) => Err(error),
                    });
                }
                StateLine::Meta(_) | StateLine::End(_) => {}
            }
        }
        if let Some(rules) = rules {
            self.touch(Key::ClientRules);
            self.tracker().set_client_rules(rules.iter().map(rule_spec).collect());
        }
        if let Some(events) = events {
            self.touch(Key::Events);
            self.tracker().set_events(events.iter().map(event_spec).collect());
        }
        if !users.is_empty() {
            outcomes.extend(self.users_now(users).await?);
        }
        if !torrents.is_empty() {
            outcomes.extend(self.torrents_now(torrents).await?);
        }
        if !tokens.is_empty() {
            outcomes.extend(self.tokens_now(tokens).await?);
        }
        Ok(outcomes)
    }
}

fn torrent_wish(line: mika_client::types::StateTorrent) -> TorrentWish {
    let past = TorrentPast {
        id: line.id,
        snatches: line.snatches,
        uploaded: line.uploaded,
        downloaded: line.downloaded,
        uploaded_raw: line.uploaded_raw,
        downloaded_raw: line.downloaded_raw,
        announced_at_seconds: line.announced_at,
        ..TorrentPast::default()
    };
    let torrent: BulkTorrent = line.torrent;
    TorrentWish { torrent, deletes: false, past, created_at_seconds: Some(line.created_at) }
}

fn token_wish(line: StateToken) -> TokenWish {
    let percents = (line.upload_percent, line.download_percent);
    let mut wish = TokenWish::named(line.user, line.info_hash, percents);
    // One that is over is not brought in; nobody misses it.
    wish.ends_at = line.ends_at.map(|ends_at| ends_at.max(now_seconds().saturating_add(1)));
    wish
}
