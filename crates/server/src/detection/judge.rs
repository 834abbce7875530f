//! What people make of findings.

use mika_client::types;
use mika_core::detection::Verdict;
use tracing::warn;

use super::verdicts::Line;
use super::{Inspector, Watched};
use crate::control::{ControlError, Expected};

/// The longest text, in bytes.
const TEXT_BYTES_MAX: usize = 500;

fn text(name: &str, text: &str) -> Result<String, ControlError> {
    let text = text.trim();
    if (1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(ControlError::Invalid(format!("{name} has {} bytes: it is 1 to 500", text.len())))
}

impl Inspector {
    /// Takes back what a finding added to the score.
    pub(crate) fn dismiss(
        &self,
        id: u64,
        reason: &str,
        expected: &Expected,
    ) -> Result<types::Finding, ControlError> {
        let (reason, at_seconds) = (text("reason", reason)?, self.shared.clock.now_seconds());
        self.judge(id, Verdict::Dismissed { reason, at_seconds }, expected)
    }

    /// Says that a finding is right.
    pub(crate) fn confirm(
        &self,
        id: u64,
        label: &str,
        expected: &Expected,
    ) -> Result<types::Finding, ControlError> {
        let (label, at_seconds) = (text("label", label)?, self.shared.clock.now_seconds());
        self.judge(id, Verdict::Confirmed { label, at_seconds }, expected)
    }

    fn judge(
        &self,
        id: u64,
        verdict: Verdict,
        expected: &Expected,
    ) -> Result<types::Finding, ControlError> {
        let mut watched = self.shared.watched.lock();
        let now_seconds = self.shared.clock.now_seconds();
        let found = watched.detection.finding(id).ok_or_else(|| unknown(id))?;
        expected.check(&watched.finding_json(found, now_seconds))?;
        if found.verdict != Verdict::Open {
            let detail = "somebody has judged this finding already: it stays as it is";
            return Err(ControlError::conflict("finding_judged", detail));
        }
        let line = Line::new(found, verdict);
        let user_id = found.user_id;
        let unavailable = |error: std::io::Error| ControlError::Unavailable(error.to_string());
        self.shared.verdicts.add(&line).map_err(unavailable)?;
        watched.carry_out(&line);
        watched.touched.push(user_id);
        let judged = watched.detection.finding(id).ok_or_else(|| unknown(id))?;
        let json = watched.finding_json(judged, now_seconds);
        drop(watched);
        self.with_hashes(vec![json]).pop().ok_or_else(|| unknown(id))
    }

    /// Carries out what people decided after the state was written.
    pub(super) fn repeat_verdicts(&self, watched: &mut Watched) {
        for line in self.shared.verdicts.read() {
            let found = watched.detection.finding(line.finding_id);
            if found.is_some_and(|found| line.is_about(found)) {
                watched.carry_out(&line);
            } else {
                let finding_id = line.finding_id;
                warn!(finding_id, "a finding that somebody has judged got lost with the process");
            }
        }
    }
}

impl Watched {
    fn carry_out(&mut self, line: &Line) {
        let id = line.finding_id;
        // Of one that was judged already nothing is left to do.
        let _ = match &line.verdict {
            Verdict::Open => return,
            Verdict::Dismissed { reason, at_seconds } => {
                self.detection.dismiss(id, reason, *at_seconds)
            }
            Verdict::Confirmed { label, at_seconds } => {
                self.detection.confirm(id, label, *at_seconds)
            }
        };
    }
}

pub(super) fn unknown(id: u64) -> ControlError {
    let detail = format!("there is no finding {id}, or it is kept no more");
    ControlError::not_found("finding_not_found", detail)
}
