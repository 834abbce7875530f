//! Proxies and patched clients: what they tell of what a real client has moved.

use super::Cheat;
use crate::rng::Rng;

/// A client's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes uploaded since the session began.
    pub uploaded: u64,
    /// Bytes downloaded since the session began.
    pub downloaded: u64,
    /// Bytes that it lacks.
    pub left: u64,
}

/// What a tracker has said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// Peers that have everything.
    pub seeders: u32,
    /// Peers that lack something.
    pub leechers: u32,
}

/// What a user's proxy is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Which one it is.
    pub cheat: Cheat,
    /// Of the upload, so much more.
    pub of_upload: f64,
    /// Of the download, so much as upload.
    pub of_download: f64,
    /// Bytes per second at most.
    pub boost: f64,
}

impl Options {
    /// What a user sets.
    pub fn draw(cheat: Cheat, rng: &mut Rng) -> Self {
        let (of_upload, of_download, boost) = match cheat {
            Cheat::GhostMultiplier => (0.3 + 1.2 * rng.unit(), 0.0, 0.0),
            Cheat::GhostSmall => (0.05 + 0.25 * rng.unit(), 0.0, 0.0),
            Cheat::GhostShare => (0.0, 0.5 + 0.5 * rng.unit(), 0.0),
            Cheat::GhostBoost => (0.0, 0.0, 100e3),
            Cheat::Adaptive => (0.1, 0.0, 0.0),
            _ => (0.0, 0.0, 0.0),
        };
        Self { cheat, of_upload, of_download, boost }
    }

    /// Leechers below which it adds nothing.
    fn leechers_min(&self) -> u32 {
        if self.cheat == Cheat::Adaptive { ADAPTIVE_LEECHERS_MIN } else { 1 }
    }
}

/// Leechers from which an adaptive cheat thinks itself safe.
pub const ADAPTIVE_LEECHERS_MIN: u32 = 6;

/// A proxy's memory of one session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mask {
    real: Counters,
    shown: Counters,
    at_seconds: u32,
    begun: bool,
}

impl Mask {
    /// What is told of the client's true counters.
    pub fn show(
        &mut self,
        options: &Options,
        real: Counters,
        told: Told,
        now_seconds: u32,
        rng: &mut Rng,
    ) -> Counters {
        let up = real.uploaded.saturating_sub(self.real.uploaded) as f64;
        let down = real.downloaded.saturating_sub(self.real.downloaded) as f64;
        let seconds = f64::from(now_seconds.saturating_sub(self.at_seconds));
        let adds = self.begun && told.leechers >= options.leechers_min();
        let more = match adds {
            true => {
                up * options.of_upload
                    + down * options.of_download
                    + options.boost * seconds * rng.unit()
            }
            false => 0.0,
        };
        let mut shown = Counters {
            uploaded: self.shown.uploaded + up as u64 + more as u64,
            downloaded: real.downloaded,
            left: real.left,
        };
        match options.cheat {
            Cheat::DownloadZero => {
                shown.downloaded = 0;
                shown.left = if self.begun { self.shown.left } else { real.left };
            }
            Cheat::GhostSeed => (shown.downloaded, shown.left) = (0, 0),
            Cheat::ResetTrick => {
                // One byte less than last time: both counters have gone back.
                shown.uploaded = self.shown.uploaded.saturating_sub(1);
                shown.downloaded = 0;
            }
            _ => {}
        }
        (self.real, self.shown) = (real, shown);
        (self.at_seconds, self.begun) = (now_seconds, true);
        shown
    }

    /// Whether the proxy lets `completed` through.
    pub fn tells_completed(cheat: Cheat) -> bool {
        !matches!(cheat, Cheat::DownloadZero | Cheat::GhostSeed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Told = Told { seeders: 3, leechers: 2 };

    fn shown(options: Options, told: Told) -> Counters {
        let mut rng = Rng::new(1, 1);
        let mut mask = Mask::default();
        let real = |uploaded, downloaded, left| Counters { uploaded, downloaded, left };
        mask.show(&options, real(0, 0, 5000), told, 0, &mut rng);
        mask.show(&options, real(100, 2000, 3000), told, 1800, &mut rng);
        mask.show(&options, real(300, 5000, 0), told, 3600, &mut rng)
    }

    fn options(cheat: Cheat) -> Options {
        Options { cheat, of_upload: 0.0, of_download: 0.0, boost: 0.0 }
    }

    #[test]
    fn a_multiplier_adds_to_upload_only_while_leechers_are_told_of() {
        let half = Options { of_upload: 0.5, ..options(Cheat::GhostMultiplier) };
        let expected = Counters { uploaded: 450, downloaded: 5000, left: 0 };
        assert_eq!(shown(half, TOLD), expected);
        assert_eq!(shown(half, Told::default()).uploaded, 300);
        let share = Options { of_download: 0.5, ..options(Cheat::GhostShare) };
        assert_eq!(shown(share, TOLD).uploaded, 300 + 2500);
    }

    #[test]
    fn download_zero_lacks_everything_for_ever_and_a_pretended_seeder_nothing() {
        let zero = shown(options(Cheat::DownloadZero), TOLD);
        assert_eq!((zero.uploaded, zero.downloaded, zero.left), (300, 0, 5000));
        let seed = shown(options(Cheat::GhostSeed), TOLD);
        assert_eq!((seed.uploaded, seed.downloaded, seed.left), (300, 0, 0));
        assert!(!Mask::tells_completed(Cheat::GhostSeed));
    }

    #[test]
    fn counters_that_are_reset_never_grow() {
        let reset = shown(options(Cheat::ResetTrick), TOLD);
        assert_eq!((reset.uploaded, reset.downloaded, reset.left), (0, 0, 0));
    }

    #[test]
    fn an_adaptive_cheat_stays_honest_in_small_swarms() {
        let adaptive = Options { of_upload: 0.1, ..options(Cheat::Adaptive) };
        assert_eq!(shown(adaptive, TOLD).uploaded, 300);
        let many = Told { seeders: 9, leechers: ADAPTIVE_LEECHERS_MIN };
        assert_eq!(shown(adaptive, many).uploaded, 330);
    }
}
