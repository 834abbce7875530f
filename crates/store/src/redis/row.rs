//! A batch's rows as the scripts see them.

use mika_core::batch::{HistoryRow, RegisteredRow, TorrentRow, Traffic, UserRow};
use serde::{Serialize, Serializer};

/// Below this, Lua's numbers (doubles) are exact; from here on values go as text.
const EXACT: u64 = 1 << 53;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Number(u64),
    Text(String),
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) if *number < EXACT => serializer.serialize_u64(*number),
            // No counter is larger: HINCRBY counts in signed 64 bits.
            Self::Number(number) => serializer.collect_str(number.min(&(i64::MAX as u64))),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<T: Into<u64>> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::Number(value.into())
    }
}

/// The largest value of a field that is smaller than the others.
#[derive(Debug, Serialize)]
pub(super) struct Limits {
    pub(super) snatches: u32,
}

/// What the fold script does with the values of a kind of row. It goes with every chunk, so that
/// one that an older version has committed is folded as it was meant.
#[derive(Debug, Serialize)]
pub(super) struct Layout {
    /// Which kind, as in [`DeadLetter::table`](crate::DeadLetter::table).
    pub(super) table: &'static str,
    /// The keys of its records, without the prefix, up to the ids.
    pub(super) key: &'static str,
    /// How many of the first values are ids.
    pub(super) ids: u8,
    /// A field without which there is no such record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requires: Option<&'static str>,
    /// What to say then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<&'static str>,
    /// Fields that the next values are added to.
    pub(super) sums: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Limits>,
    /// Fields that the next values are written to.
    pub(super) sets: &'static [&'static str],
    /// Fields that are written unless the record has a later announce.
    pub(super) newer: &'static [&'static str],
}

/// A kind of row that is stored.
pub(super) trait StoredRow: Serialize {
    const LAYOUT: Layout;

    /// Ids, then one value per name in `sums`, `sets` and `newer`, then the time of the announce.
    fn cells(&self) -> Vec<Cell>;
}

/// In the order of the fields in `sums`.
fn traffic(traffic: &Traffic) -> [Cell; 4] {
    [
        traffic.uploaded_credited.into(),
        traffic.downloaded_credited.into(),
        traffic.uploaded_raw.into(),
        traffic.downloaded_raw.into(),
    ]
}

impl StoredRow for UserRow {
    const LAYOUT: Layout = Layout {
        table: "users",
        key: "user:",
        ids: 1,
        requires: Some("role_id"),
        unknown: Some("no such user"),
        sums: &[
            "uploaded",
            "downloaded",
            "uploaded_raw",
            "downloaded_raw",
            "seed_seconds",
            "snatches",
        ],
        limits: None,
        sets: &[],
        newer: &[],
    };

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![self.user_id.into()];
        cells.extend(traffic(&self.traffic));
        cells.extend([self.seed_seconds.into(), self.snatches.into()]);
        cells.push(self.announced_at_seconds.into());
        cells
    }
}

impl StoredRow for TorrentRow {
    const LAYOUT: Layout = Layout {
        table: "torrents",
        key: "torrent:",
        ids: 1,
        requires: Some("info_hash"),
        unknown: Some("no such torrent"),
        sums: &["uploaded", "downloaded", "uploaded_raw", "downloaded_raw", "snatches"],
        limits: Some(Limits { snatches: u32::MAX }),
        sets: &["seeders", "leechers"],
        newer: &[],
    };

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![self.torrent_id.into()];
        cells.extend(traffic(&self.traffic));
        cells.extend([self.snatches.into(), self.seeders.into(), self.leechers.into()]);
        cells.push(self.announced_at_seconds.into());
        cells
    }
}

impl StoredRow for HistoryRow {
    const LAYOUT: Layout = Layout {
        table: "history",
        key: "history:",
        ids: 2,
        requires: None,
        unknown: None,
        sums: &[
            "uploaded",
            "downloaded",
            "uploaded_raw",
            "downloaded_raw",
            "seed_seconds",
            "snatches",
        ],
        limits: None,
        sets: &["active"],
        newer: &["left_bytes"],
    };

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![self.user_id.into(), self.torrent_id.into()];
        cells.extend(traffic(&self.traffic));
        cells.extend([self.seed_seconds.into(), self.snatches.into()]);
        cells.extend([u64::from(self.active).into(), self.left_bytes.into()]);
        cells.push(self.announced_at_seconds.into());
        cells
    }
}

impl StoredRow for RegisteredRow {
    const LAYOUT: Layout = Layout {
        table: "registered",
        key: "torrent:",
        ids: 1,
        requires: None,
        unknown: None,
        sums: &[],
        limits: None,
        sets: &[],
        newer: &[],
    };

    fn cells(&self) -> Vec<Cell> {
        let info_hash = Cell::Text(self.info_hash.to_string());
        vec![self.torrent_id.into(), info_hash, self.registered_at_seconds.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_lua_would_round_is_text() {
        let cells = [0, EXACT - 1, EXACT, u64::MAX].map(Cell::Number);
        let json = serde_json::to_string(&cells).unwrap();
        assert_eq!(json, r#"[0,9007199254740991,"9007199254740992","9223372036854775807"]"#);
    }
}
