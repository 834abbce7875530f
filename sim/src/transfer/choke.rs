//! Whom a peer uploads to: four who sent most lately and one at random, more on fast lines. A
//! seeder goes round.

use super::{PeerNumber, Transfer};

/// Steps between two choices of a peer.
const STEPS_PER_CHOICE: u64 = 3;

/// Bytes per second for each upload slot beyond the first five, and slots at most.
const BYTES_PER_SECOND_PER_SLOT: f64 = 1e6;
const SLOTS: usize = 5;
const SLOTS_MAX: usize = 60;

/// Scratch memory.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    /// The step at which a peer was last listed.
    listed: Vec<u64>,
    uploaders: Vec<PeerNumber>,
    candidates: Vec<(u64, u64, usize)>,
}

impl Transfer<'_> {
    /// Every peer that could upload chooses, each in its turn.
    pub(super) fn choose(&mut self) {
        let mut chooser = std::mem::take(&mut self.chooser);
        chooser.listed.resize(self.peers.len(), u64::MAX);
        chooser.uploaders.clear();
        for leecher in &self.leechers {
            for link in &self.peers[*leecher].links {
                let other = self.links[*link].other(*leecher);
                let its_turn = (self.steps + other as u64).is_multiple_of(STEPS_PER_CHOICE);
                if its_turn && chooser.listed[other] != self.steps {
                    chooser.listed[other] = self.steps;
                    chooser.uploaders.push(other);
                }
            }
        }
        for at in 0..chooser.uploaders.len() {
            let uploader = chooser.uploaders[at];
            self.choose_for(uploader, &mut chooser.candidates);
        }
        self.chooser = chooser;
    }

    fn choose_for(&mut self, number: PeerNumber, candidates: &mut Vec<(u64, u64, usize)>) {
        let peer = &self.peers[number];
        let seeds = peer.pieces.are_complete();
        candidates.clear();
        for link_number in &peer.links {
            let link = &mut self.links[*link_number];
            let side = link.side(number);
            let other = &self.peers[link.other(number)];
            let was_unchoked = std::mem::take(&mut link.flows[side].unchoked);
            let received = std::mem::take(&mut link.flows[1 - side].recent);
            if !other.pieces.want_from(&peer.pieces) {
                continue;
            }
            let luck = self.rng.bits();
            // A seeder keeps two of three, and so goes round.
            let merit = match seeds {
                true => u64::from(was_unchoked && !luck.is_multiple_of(3)),
                false => received,
            };
            candidates.push((merit, luck, *link_number));
        }
        let slots = slots(self.world.users[peer.user].up);
        if candidates.len() > slots {
            let (_, _, rest) =
                candidates.select_nth_unstable_by(slots - 1, |one, other| other.cmp(one));
            // The last slot is for anybody, so that newcomers get something to offer.
            let lucky = self.rng.below(rest.len());
            let lucky = rest[lucky];
            candidates[slots - 1] = lucky;
            candidates.truncate(slots);
        }
        for (_, _, link_number) in candidates.iter() {
            let link = &mut self.links[*link_number];
            let side = link.side(number);
            link.flows[side].unchoked = true;
        }
    }
}

fn slots(up: f64) -> usize {
    (SLOTS + (up / BYTES_PER_SECOND_PER_SLOT) as usize).min(SLOTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_has_five_slots_and_a_fast_one_more() {
        assert_eq!(slots(1e5), 5);
        assert_eq!(slots(10e6), 15);
        assert_eq!(slots(1e9), SLOTS_MAX);
    }
}
