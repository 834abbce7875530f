//! Users about whom there is something new, and what that makes of them.

use std::collections::BTreeMap;

use mika_client::types::{Notification, NotificationKind};
use mika_core::detection::Level;
use tracing::{error, info, warn};

use super::acts::Act;
use super::view::level_of;
use super::{DATA_SECONDS_MIN, Inspector, Watched};
use crate::config::{Config, DetectionMode};

/// A user about whom there is a new finding, or a new judgement of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct News {
    user_id: u32,
    level: Level,
    score: f64,
    /// The level is higher than it was told.
    has_risen: bool,
    finding: Option<Told>,
}

/// The last finding about a user.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    id: u64,
    torrent_id: Option<u32>,
    says: &'static str,
}

impl Watched {
    /// What is new since the last call, by user.
    pub(super) fn news(&mut self, now_seconds: u32) -> Vec<News> {
        let mut about: BTreeMap<u32, Option<Told>> =
            self.touched.drain(..).map(|user_id| (user_id, None)).collect();
        for finding in self.detection.findings_after(self.last_id) {
            self.last_id = finding.id;
            let (torrent_id, says) = (finding.torrent_id, finding.detector.says());
            about.insert(finding.user_id, Some(Told { id: finding.id, torrent_id, says }));
        }
        let mut news = Vec::new();
        for (user_id, finding) in about {
            let Some(standing) = self.detection.standing(user_id, now_seconds) else { continue };
            let (level, score) = (standing.level, standing.score);
            let told = self.levels.get(&user_id).copied().unwrap_or_default();
            if level > Level::None {
                self.levels.insert(user_id, level);
                news.push(News { user_id, level, score, has_risen: level > told, finding });
            }
        }
        news
    }
}

/// What is configured for a level.
fn actions_of(config: &Config, level: Level) -> &[String] {
    let detection = &config.detection;
    match level {
        Level::None => &[],
        Level::Note => &detection.note_actions,
        Level::Review => &detection.review_actions,
        Level::Strong => &detection.strong_actions,
    }
}

impl Inspector {
    /// Does what is configured. Returns the users whose accounts are to be closed.
    pub(super) fn act(&self, news: &[News], config: &Config, watched_seconds: u64) -> Vec<u32> {
        for it in news.iter().filter(|it| it.has_risen) {
            self.tell(it, config);
        }
        if config.detection.mode != DetectionMode::Enforce {
            return Vec::new();
        }
        let may_disable = watched_seconds >= DATA_SECONDS_MIN;
        let (mut changes, mut to_disable) = (Vec::new(), Vec::new());
        let mut acts = self.shared.acts.lock();
        for it in news {
            let before = acts.of(it.user_id);
            if it.level <= before.level {
                continue;
            }
            let is_to = |name: &str| actions_of(config, it.level).iter().any(|it| it == name);
            let mut act = Act {
                level: it.level,
                warning: before.warning || is_to("warning"),
                quarantine: before.quarantine || is_to("quarantine"),
                disabled: before.disabled,
            };
            if is_to("disable") && !before.disabled && !may_disable {
                let (user_id, days) = (it.user_id, watched_seconds / 86_400);
                warn!(user_id, days, "not closed: there are less than 30 days of data");
                // The next finding may be one day too many.
                act.level = Level::Review;
            } else if is_to("disable") && !before.disabled {
                to_disable.push(it.user_id);
            }
            if act != before {
                changes.push((it.user_id, act));
            }
        }
        if changes.is_empty() {
            return to_disable;
        }
        if let Err(error) = acts.put(&changes) {
            error!(%error, "nothing is done about suspects: it cannot be written down");
            return Vec::new();
        }
        drop(acts);
        for (user_id, act) in changes {
            let Act { warning, quarantine, .. } = act;
            info!(user_id, warning, quarantine, "a suspect is restrained");
            self.restrain(config, user_id, act);
        }
        to_disable
    }

    /// The log and the site.
    fn tell(&self, it: &News, config: &Config) {
        let News { user_id, level, score, ref finding, .. } = *it;
        let finding_id = finding.as_ref().map(|finding| finding.id);
        let says = finding.as_ref().map_or("a finding was confirmed", |finding| finding.says);
        let level = level_of(level);
        for action in actions_of(config, it.level) {
            match (action.as_str(), &self.shared.notify) {
                ("log", _) => {
                    let (level, score) = (level.name(), format!("{score:.1}"));
                    info!(user_id, level, score, finding_id, says, "a suspect");
                }
                ("event", Some(notify)) => {
                    let event = Notification {
                        user_id: Some(user_id),
                        torrent_id: finding.as_ref().and_then(|finding| finding.torrent_id),
                        level: Some(level),
                        finding_id,
                        reason: Some(says.to_owned()),
                        ..Notification::of(
                            NotificationKind::Suspect,
                            self.shared.clock.now_seconds(),
                        )
                    };
                    if let Err(error) = notify.publish(0, &mut [event]) {
                        error!(%error, user_id, "the site was not told of a suspect");
                    }
                }
                _ => {}
            }
        }
    }

    /// Forgets levels that have faded. Who has none any more is warned no longer; what is withheld
    /// waits for a person.
    pub(super) fn lower_levels(&self, watched: &mut Watched, config: &Config, now_seconds: u32) {
        let Watched { levels, detection, .. } = watched;
        levels.retain(|user_id, level| {
            let standing = detection.standing(*user_id, now_seconds);
            *level = (*level).min(standing.map_or(Level::None, |it| it.level));
            *level > Level::None
        });
        let mut acts = self.shared.acts.lock();
        let faded = acts.all().filter(|(id, act)| {
            (act.warning || act.level > Level::None)
                && detection.standing(*id, now_seconds).is_none_or(|it| it.level == Level::None)
        });
        let changes: Vec<(u32, Act)> = faded
            .map(|(id, act)| (id, Act { level: Level::None, warning: false, ..act }))
            .collect();
        if changes.is_empty() {
            return;
        }
        match acts.put(&changes) {
            Ok(()) => {
                changes.iter().for_each(|(user_id, act)| self.restrain(config, *user_id, *act));
            }
            Err(error) => error!(%error, "warnings that are due to end go on"),
        }
    }
}
