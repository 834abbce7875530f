//! Kinds of arguments that several commands take.

use std::str::FromStr;

use clap::Args;

/// A value, or `none` for the absence of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrNone<T>(pub Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|value| Self(Some(value))).map_err(|_| "a value or `none`".to_owned())
    }
}

/// Multipliers of what is counted.
#[derive(Debug, Clone, Copy, Args)]
pub struct Percents {
    /// Upload multiplier in percent, 200 for double upload.
    #[arg(long, value_name = "PERCENT")]
    pub upload_percent: Option<u16>,
    /// Download multiplier in percent, 0 for a freeleech.
    #[arg(long, value_name = "PERCENT")]
    pub download_percent: Option<u16>,
}

/// Which part of a list that has a cursor.
#[derive(Debug, Clone, Args)]
pub struct CursorArguments {
    /// Where a list went on that was cut by --limit.
    #[arg(long)]
    pub cursor: Option<String>,
    /// At most so many.
    #[arg(long)]
    pub limit: Option<u32>,
}
