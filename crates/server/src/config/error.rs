//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// Everything that is wrong with a configuration: at least one [`Problem`].
///
/// Its text has one paragraph per problem, of which the first line begins like a compiler's
/// message: `mika.toml:3:1: …`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// The problems: those in the file by line, then environment, overrides and all others.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One mistake. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// The key that it is about, as in `tracker.interval_seconds`, as far as there is one.
    pub key: Option<String>,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unknown => write!(f, "{}", self.message),
            place => write!(f, "{place}: {}", self.message),
        }?;
        if let Place::Line { text: Some(text), column, width, .. } = &self.place {
            // Tabs stay tabs, so that the mark is below what it marks.
            let before = text.chars().take(column.saturating_sub(1));
            let indent: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
            write!(f, "\n    {text}\n    {indent}{}", "^".repeat((*width).max(1)))?;
        }
        Ok(())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of the file.
    Line {
        /// The file, as it was named.
        file: String,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// How many characters are meant.
        width: usize,
        /// The line, unless it may contain a secret or is very long.
        text: Option<String>,
    },
    /// A file as a whole.
    File(String),
    /// An environment variable.
    Variable(String),
    /// An override, by its key.
    Override(String),
    /// Nowhere in particular: a default.
    Unknown,
}

impl Place {
    /// What problems are sorted by.
    pub(super) fn rank(&self) -> (u8, usize, usize) {
        match self {
            Self::Line { line, column, .. } => (0, *line, *column),
            Self::Variable(_) => (1, 0, 0),
            Self::Override(_) => (2, 0, 0),
            Self::File(_) | Self::Unknown => (3, 0, 0),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line, column, .. } => write!(f, "{file}:{line}:{column}"),
            Self::File(file) => write!(f, "{file}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Override(key) => write!(f, "override of {key}"),
            Self::Unknown => write!(f, "the defaults"),
        }
    }
}

/// The text of a configuration file, to find places in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// Longer lines are not repeated in a message.
    const LINE_CHARS_MAX: usize = 160;

    /// Words that say that a secret may be near, whether or not the key exists.
    const SECRET_WORDS: [&'static str; 5] = ["token", "secret", "passw", "passkey", "pwd"];

    /// The place of a range of bytes.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        let rest = self.text.get(line_start..).unwrap_or_default();
        let text = rest.lines().next().unwrap_or_default();
        // A secret in several lines is named in the line before.
        let earlier = before.get(..line_start).unwrap_or_default();
        let column = chars(before.get(line_start..).unwrap_or_default()).saturating_add(1);
        let marked = self.text.get(start..span.end).unwrap_or_default();
        let width = chars(marked.lines().next().unwrap_or_default());
        let may_be_shown = chars(text) <= Self::LINE_CHARS_MAX
            && !hints_at_secret(text)
            && !hints_at_secret(earlier.lines().next_back().unwrap_or_default());
        Place::Line {
            file: self.file.to_owned(),
            line: before.matches('\n').count().saturating_add(1),
            column,
            width,
            text: may_be_shown.then(|| text.to_owned()),
        }
    }

    /// The text of a range of bytes, short enough for a message.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> String {
        shortened(self.text.get(span.clone()).unwrap_or_default())
    }
}

/// The first line of a text, cut to what a message can bear.
pub(super) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && chars(line) <= CHARS_MAX {
        line.to_owned()
    } else {
        line.chars().take(CHARS_MAX).chain(['…']).collect()
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn hints_at_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    Source::SECRET_WORDS.iter().any(|word| line.contains(word))
}
