//! Sums of bytes.

/// What totals consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Bytes uploaded, credited.
    pub uploaded: u64,
    /// Bytes downloaded, credited.
    pub downloaded: u64,
    /// Bytes uploaded, as reported.
    pub uploaded_raw: u64,
    /// Bytes downloaded, as reported.
    pub downloaded_raw: u64,
    /// Downloads finished.
    pub snatches: u64,
}

impl Amounts {
    /// Adds.
    pub fn add(&mut self, other: Self) {
        self.uploaded += other.uploaded;
        self.downloaded += other.downloaded;
        self.uploaded_raw += other.uploaded_raw;
        self.downloaded_raw += other.downloaded_raw;
        self.snatches += other.snatches;
    }

    /// Bytes by which two sums differ, in all columns together.
    pub fn difference(&self, other: &Self) -> u64 {
        self.uploaded.abs_diff(other.uploaded)
            + self.downloaded.abs_diff(other.downloaded)
            + self.uploaded_raw.abs_diff(other.uploaded_raw)
            + self.downloaded_raw.abs_diff(other.downloaded_raw)
    }

    /// Whether no column of bytes is larger than the other's. A completion that the tracker may
    /// have counted before it lost its memory is counted again: it is no credit.
    pub fn is_at_most(&self, other: &Self) -> bool {
        self.uploaded <= other.uploaded
            && self.downloaded <= other.downloaded
            && self.uploaded_raw <= other.uploaded_raw
            && self.downloaded_raw <= other.downloaded_raw
    }
}

/// Multipliers of upload and download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percents {
    /// Of upload.
    pub upload: u16,
    /// Of download.
    pub download: u16,
}

impl Percents {
    /// Every byte counts once.
    pub const NORMAL: Self = Self { upload: 100, download: 100 };
}

/// What bytes count under three multipliers. There is nothing to round: see
/// [`GRAIN_BYTES`](super::GRAIN_BYTES).
pub(super) fn credit(raw: u64, percents: [u16; 3]) -> u64 {
    let product: u64 = percents.iter().map(|percent| u64::from(*percent)).product();
    let exact = u128::from(raw) * u128::from(product);
    assert_eq!(exact % 1_000_000, 0, "{raw} bytes leave a fraction");
    u64::try_from(exact / 1_000_000).expect("a total")
}
