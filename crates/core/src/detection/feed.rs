//! How much of announces detection is told, as a setting of the tracker.

/// Detection is on. Without it an announce pays one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// Observations that wait in each of the tracker's 1024 shards at most, 96 bytes each; more
    /// are dropped and counted.
    pub queued_per_shard_max: u32,
    /// Replies may have the counts of an experiment. Off, they are what they are without
    /// detection, byte for byte.
    pub experiments: bool,
}

impl Feed {
    /// Bytes that all queues take at most.
    pub fn bytes_max(&self) -> u64 {
        // The vector that is being read has had the same limit.
        let shards = crate::Tracker::PARTS as u64 + 1;
        let bytes = size_of::<super::Observation>() as u64;
        // A vector that grows has up to twice the room.
        u64::from(self.queued_per_shard_max).saturating_mul(2).saturating_mul(bytes * shards)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self { queued_per_shard_max: 256, experiments: false }
    }
}
