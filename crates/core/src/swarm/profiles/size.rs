//! How large a torrent is, which nobody tells a tracker.

/// The size of a torrent, as its leechers tell it: the median of what they have and what they lack,
/// so that a few liars do not matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SizeEstimate {
    /// In 64ths of a doubling; 0 if nobody has told it.
    log: u16,
    /// How often it was told, up to a limit.
    told: u8,
}

impl SizeEstimate {
    const PARTS: f64 = 64.0;
    /// An eighth of a doubling: by so much it moves in the end.
    const STEP_MIN: u16 = 8;
    /// Eight doublings: the first to tell it may be a client that does not know it yet.
    const STEP_MAX: u16 = 512;

    /// A leecher tells what it has and lacks.
    pub(crate) fn tell(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let told = ((bytes as f64).log2() * Self::PARTS).round() as u16;
        let step = (Self::STEP_MAX >> self.told).max(Self::STEP_MIN);
        self.told = self.told.saturating_add(1).min(15);
        self.log = match self.log {
            0 => told.max(1),
            log if told > log => told.min(log.saturating_add(step)),
            log => told.max(log.saturating_sub(step)).max(1),
        };
    }

    pub(crate) fn bytes(self) -> Option<f64> {
        (self.log > 0).then(|| (f64::from(self.log) / Self::PARTS).exp2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_what_most_tell_whoever_is_first_and_whoever_lies() {
        let mut size = SizeEstimate::default();
        assert_eq!(size.bytes(), None);
        size.tell(0);
        assert_eq!(size.bytes(), None);
        // A client that has no metadata yet says 16 KiB.
        size.tell(16_384);
        for _ in 0..10 {
            size.tell(4 << 30);
        }
        for number in 0..1000 {
            // One in five tells more than there is.
            size.tell(if number % 5 == 0 { 1 << 50 } else { 4 << 30 });
        }
        let bytes = size.bytes().unwrap() / (4_u64 << 30) as f64;
        assert!((0.9..1.2).contains(&bytes), "{bytes}");
    }
}
