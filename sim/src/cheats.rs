//! Cheats that behave as the tools do: what they make of the counters that their user's client
//! has, or which counters they make up.
//!
//! * [`mask`]: between a real client and the tracker. Data is real, some numbers are not.
//! * [`faker`]: no client at all.

pub mod faker;
pub mod mask;

/// What a user does beside being an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cheat {
    /// Nothing.
    Honest,
    /// JOAL as it is shipped: 30 to 170 kB/s in all on 20 torrents.
    Joal,
    /// RatioMaster.NET 0.43: a constant rate, whole blocks of 16 KiB, over for good once a swarm
    /// has no leechers.
    RatioMasterOld,
    /// RatioMaster 1.0: the same, but it waits for leechers, and draws a new rate now and then.
    RatioMasterNew,
    /// rustatio with its defaults: uploads into empty swarms, too.
    Rustatio,
    /// rustatio that idles when there are no leechers.
    RustatioIdle,
    /// Ratio Ghost: upload times 1.3 to 2.5.
    GhostMultiplier,
    /// Ratio Ghost: upload times 1.05 to 1.3.
    GhostSmall,
    /// Ratio Ghost: half to all of the download counted as upload, too.
    GhostShare,
    /// Ratio Ghost: up to 100 kB/s on top, while there are leechers.
    GhostBoost,
    /// Ratio Ghost: says that it seeds from the start, and downloads nothing.
    GhostSeed,
    /// Ratio Ghost: downloads nothing, and lacks everything for ever.
    DownloadZero,
    /// Ratio.py: begins, and stops at once with an interval's upload.
    RatioPy,
    /// Stops at 99.3 %, so that nothing is ever finished.
    NinetyNine,
    /// Leaves without a word before the first report.
    GhostLeech,
    /// Counters go back before each report, to hide what was downloaded.
    ResetTrick,
    /// Six people, one passkey.
    PasskeySharer,
    /// Announces 150 torrents that it does not have, for seed time.
    BulkAnnouncer,
    /// Uploads to an accomplice who only says so, on torrents that nobody wants.
    PairUploader,
    /// The accomplice.
    PairDownloader,
    /// Knows all of this: 10 % more, and only in swarms with many leechers.
    Adaptive,
}

impl Cheat {
    /// All of them but the honest.
    pub const ALL: [Cheat; 20] = [
        Self::Joal,
        Self::RatioMasterOld,
        Self::RatioMasterNew,
        Self::Rustatio,
        Self::RustatioIdle,
        Self::GhostMultiplier,
        Self::GhostSmall,
        Self::GhostShare,
        Self::GhostBoost,
        Self::GhostSeed,
        Self::DownloadZero,
        Self::RatioPy,
        Self::NinetyNine,
        Self::GhostLeech,
        Self::ResetTrick,
        Self::PasskeySharer,
        Self::BulkAnnouncer,
        Self::PairUploader,
        Self::PairDownloader,
        Self::Adaptive,
    ];

    /// As in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Joal => "JOAL, 30–170 kB/s",
            Self::RatioMasterOld => "RatioMaster.NET 0.43",
            Self::RatioMasterNew => "RatioMaster 1.0",
            Self::Rustatio => "rustatio",
            Self::RustatioIdle => "rustatio, idles without leechers",
            Self::GhostMultiplier => "Ratio Ghost, +30 to +150 %",
            Self::GhostSmall => "Ratio Ghost, +5 to +30 %",
            Self::GhostShare => "Ratio Ghost, download as upload",
            Self::GhostBoost => "Ratio Ghost, boost ≤ 100 kB/s",
            Self::GhostSeed => "Ratio Ghost, pretends to seed",
            Self::DownloadZero => "Ratio Ghost, download zero",
            Self::RatioPy => "Ratio.py",
            Self::NinetyNine => "stops at 99.3 %",
            Self::GhostLeech => "ghost leech",
            Self::ResetTrick => "reset trick",
            Self::PasskeySharer => "shared passkey",
            Self::BulkAnnouncer => "bulk announcer",
            Self::PairUploader => "colluding pair: uploader",
            Self::PairDownloader => "colluding pair: downloader",
            Self::Adaptive => "adaptive",
        }
    }

    /// Whether a proxy adds to the upload that a real client tells.
    pub fn adds_upload(self) -> bool {
        matches!(
            self,
            Self::GhostMultiplier
                | Self::GhostSmall
                | Self::GhostShare
                | Self::GhostBoost
                | Self::Adaptive
        )
    }

    /// Whether it makes up whole sessions.
    pub fn fakes(self) -> bool {
        matches!(
            self,
            Self::Joal
                | Self::RatioMasterOld
                | Self::RatioMasterNew
                | Self::Rustatio
                | Self::RustatioIdle
                | Self::RatioPy
                | Self::BulkAnnouncer
                | Self::PairUploader
                | Self::PairDownloader
        )
    }
}
