//! D11 and D12: books that balance because two accounts agree. Friends look the same, so that
//! these are flags and weigh nothing.

use serde::{Deserialize, Serialize};

use super::closed::{ClosedEpoch, Share};
use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::vanish::binomial_tail;

const SLOTS: usize = 4;
/// Epochs below this are not looked at.
const UPLOADED_MIN: f32 = 100e6;
const EPOCHS_MIN: u16 = 20;
/// What the most common partner of an honest user has, generously.
const SHARE: f64 = 0.2;
const P_MAX: f64 = 1e-6;
/// Downloads above the torrent's size: pieces that were bad, and some more.
const OVER: f64 = 1.2;

/// The users that a user's uploads went to, when there was only one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Partners {
    epochs: u16,
    /// The most common ones, by user id; counts may be too low, never too high.
    slots: [(u32, u16); SLOTS],
    found: u32,
}

impl Partners {
    /// Notes an epoch with the only other user who downloaded in it, if there was only one.
    pub(super) fn note(
        &mut self,
        partner: Option<u32>,
        epoch: &ClosedEpoch,
        user_id: u32,
    ) -> Option<Draft> {
        if self.epochs >= 1000 {
            self.epochs /= 2;
            self.slots.iter_mut().for_each(|(_, count)| *count /= 2);
        }
        self.epochs = self.epochs.saturating_add(1);
        let partner = partner?;
        let known = self.slots.iter().position(|(id, count)| *id == partner && *count > 0);
        let free = || self.slots.iter().position(|(_, count)| *count == 0);
        let Some(at) = known.or_else(free) else {
            self.slots.iter_mut().for_each(|(_, count)| *count -= 1);
            return None;
        };
        let slot = self.slots.get_mut(at)?;
        *slot = (partner, slot.1.saturating_add(1));
        let (_, count) = *slot;
        let p = binomial_tail(count.into(), self.epochs.into(), SHARE);
        if count < EPOCHS_MIN || p >= P_MAX || self.found == partner {
            return None;
        }
        self.found = partner;
        Some(Draft {
            at_seconds: epoch.closed_seconds,
            user_id,
            torrent_id: Some(epoch.torrent_id),
            detector: Detector::Pair,
            key: 0,
            window_seconds: (epoch.opened_seconds, epoch.closed_seconds),
            observed: count.into(),
            bound: SHARE * f64::from(self.epochs),
            unit: Unit::Number,
            formula: "p = Σ_{k ≥ observed} C(epochs, k)·0.2^k·0.8^(epochs − k) < 1e-6; \
                      bound = 0.2·epochs; llr = 0",
            inputs: vec![
                Input::new("partner", partner.into(), Unit::Number),
                Input::new("epochs", self.epochs.into(), Unit::Number),
                Input::new("p", p, Unit::Number),
            ],
            excuses: vec![Excuse::new("friends on rare torrents", true, 0.0)],
            llr: 0.0,
            rebased: false,
        })
    }
}

/// The only other user who downloaded in an epoch.
pub(super) fn partner_of(share: &Share, epoch: &ClosedEpoch) -> Option<u32> {
    let others = epoch.shares.iter().filter(|it| it.user_id != share.user_id);
    let mut downloaders = others.filter(|it| it.downloaded > 0.0);
    let partner = downloaders.next()?.user_id;
    downloaders.all(|it| it.user_id == partner).then_some(partner)
}

/// Whether a share is large enough to be noted.
pub(super) fn counts(share: &Share) -> bool {
    share.uploaded >= UPLOADED_MIN
}

/// A user who has downloaded much more in an epoch than there is.
pub(super) fn over_download(share: &Share, epoch: &ClosedEpoch) -> Option<Draft> {
    let sessions = f64::from(share.finished.max(1));
    let bound = OVER * epoch.size as f64 * sessions;
    let observed = f64::from(share.downloaded);
    if epoch.size == 0 || observed <= bound {
        return None;
    }
    Some(Draft {
        at_seconds: epoch.closed_seconds,
        user_id: share.user_id,
        torrent_id: Some(epoch.torrent_id),
        detector: Detector::OverDownload,
        key: 0,
        window_seconds: (epoch.opened_seconds, epoch.closed_seconds),
        observed,
        bound,
        unit: Unit::Bytes,
        formula: "observed = Σ downloaded > bound = 1.2·size·max(1, finished); llr = 0",
        inputs: vec![
            Input::bytes("size", epoch.size),
            Input::new("finished", share.finished.into(), Unit::Number),
        ],
        excuses: vec![Excuse::new("bad data downloaded again", true, epoch.corrupt as f64)],
        llr: 0.0,
        rebased: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(shares: Vec<Share>) -> ClosedEpoch {
        ClosedEpoch {
            torrent_id: 1,
            opened_seconds: 1000,
            closed_seconds: 9000,
            uploaded: 0,
            downloaded: 0,
            corrupt: 0,
            pending: 0,
            size: 1_000_000_000,
            soft_bytes: 0.0,
            shares,
        }
    }

    fn share(user_id: u32, uploaded: f32, downloaded: f32) -> Share {
        Share { uploaded, downloaded, ..Share::new(user_id, 0) }
    }

    fn flags(partners: impl Iterator<Item = u32>) -> Vec<Draft> {
        let mut noted = Partners::default();
        let epochs = partners.map(|it| epoch(vec![share(7, 1e9, 0.0), share(it, 0.0, 1e9)]));
        epochs.filter_map(|it| noted.note(partner_of(&it.shares[0], &it), &it, 7)).collect()
    }

    #[test]
    fn who_uploads_to_the_same_user_again_and_again_is_flagged_once_and_it_weighs_nothing() {
        let found = flags((0..60).map(|it| if it % 10 == 0 { 100 + it } else { 8 }));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].detector, found[0].observed, found[0].llr),
            (Detector::Pair, 20.0, 0.0)
        );
        assert_eq!(found[0].inputs[0].value, 8.0);
    }

    #[test]
    fn who_uploads_to_many_is_not() {
        assert!(flags((0..400).map(|it| it % 9)).is_empty());
    }

    #[test]
    fn an_epoch_with_two_downloaders_has_no_pair() {
        let two = epoch(vec![share(7, 1e9, 0.0), share(8, 0.0, 1e9), share(9, 0.0, 1.0)]);
        assert_eq!(partner_of(&two.shares[0], &two), None);
    }

    #[test]
    fn downloading_a_torrent_again_within_an_epoch_is_flagged_unless_it_was_finished_twice() {
        let twice = share(8, 0.0, 2e9);
        let found = over_download(&twice, &epoch(vec![twice])).unwrap();
        assert_eq!((found.observed, found.llr), (2e9, 0.0));
        assert!((found.bound - 1.2e9).abs() < 1.0);
        let finished = Share { finished: 2, ..twice };
        assert!(over_download(&finished, &epoch(vec![finished])).is_none());
    }
}
