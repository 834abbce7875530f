//! What people decided about findings since the state was written last: JSON lines, each on the
//! disk before its author is answered. At a start they are repeated on the state that was kept.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use mika_core::detection::{Detector, Finding, Verdict};
use serde::{Deserialize, Serialize};

/// A decision, and enough of its finding to know that one again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) finding_id: u64,
    user_id: u32,
    made_at_seconds: u32,
    detector: Detector,
    pub(super) verdict: Verdict,
}

impl Line {
    pub(super) fn new(finding: &Finding, verdict: Verdict) -> Self {
        Self {
            finding_id: finding.id,
            user_id: finding.user_id,
            made_at_seconds: finding.at_seconds,
            detector: finding.detector,
            verdict,
        }
    }

    /// Whether it is about a finding: numbers are given anew when findings were lost.
    pub(super) fn is_about(&self, finding: &Finding) -> bool {
        *self == Self::new(finding, self.verdict.clone())
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Verdicts {
    path: PathBuf,
}

impl Verdicts {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes one down; it is on the disk then.
    pub(super) fn add(&self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// All of them. A line that was cut short was never answered for.
    pub(super) fn read(&self) -> Vec<Line> {
        let Ok(file) = fs::File::open(&self.path) else { return Vec::new() };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }

    /// Forgets them: they are in the state.
    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
