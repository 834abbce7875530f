//! D2 and D6: whose reports the torrents' books do not balance for, and what that weighs.
//!
//! All closed epochs of the window are solved together, see [`attribution`](super::attribution).
//! A user whose part is beyond [`Z_NOTE`] gets a finding for each epoch that shows it, which weighs
//! how much better the epoch is explained with the user than without. Each epoch counts once.

use super::attribution::{Cell, HUBER, Proof, Row, System, Told, huber};
use super::closed::{ClosedEpoch, Share};
use super::evidence::SCORE_MAX;
use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::noise::Noise;
use super::settings::DetectionSettings;
use crate::shard::IntegerMap;

/// Where evidence begins: no honest user of 38,000 months of a simulation came to three.
pub(super) const Z_NOTE: f64 = 4.0;
/// Where it is enough for a review.
const Z_REVIEW: f64 = 6.0;
/// What is beyond doubt if both halves of the window show it.
const Z_BEYOND_DOUBT: f64 = 10.0;
/// The same for one torrent's books alone.
const Z_SURE: f64 = 12.0;
/// If more of the loss is left than this part, somebody else has made up some of it, who may have
/// made up all of it: no review.
const UNEXPLAINED_REVIEW: f64 = 0.3;
/// The same for one torrent's books alone.
const UNEXPLAINED_SURE: f64 = 0.2;
/// Of what an epoch lacks, the part that a finding leaves at most.
const LEFT_OVER_MAX: f64 = 0.5;
/// What the books add to a score at most if they are not good for a review.
const NATS_BELOW_REVIEW: f64 = 7.5;
/// Findings of one user at a time.
const DRAFTS_MAX: usize = 12;
/// What is not worth a finding.
const LLR_MIN: f64 = 0.1;
/// Cells of the latest shares of a user, among which the one of the user's downloads is.
const SIDES: usize = 24;
/// Uploads below this are of no program's: what is left of them by rounding, say.
const UPLOADED_MIN: f32 = 1e6;
/// Announces in a row that make a leecher frozen.
const FROZEN: u8 = 4;

/// The side of a user that a column stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// Says to have uploaded more than that, where the answer before had told of leechers: some
    /// tools add something only there, and then the same part everywhere.
    WithLeechers,
    /// Says to have uploaded more than that, where the answer before had told of none.
    WithoutLeechers,
    /// Says to have downloaded less than that.
    Downloads,
}

/// A column: for uploads two of each program, for whoever fakes with one may share with another;
/// for downloads one of each user, client 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Column {
    user_id: u32,
    client: u32,
    side: Side,
}

impl Column {
    fn is_of(self, share: &Share) -> bool {
        let same_client = self.side == Side::Downloads || share.client == self.client;
        share.user_id == self.user_id && same_client
    }
}

/// One user beyond [`Z_NOTE`].
#[derive(Debug)]
pub(super) struct Suspicion {
    pub(super) user_id: u32,
    /// The program whose uploads it is about.
    client: u32,
    pub(super) side: Side,
    /// What the site's books are like.
    noise: Noise,
    pub(super) proof: Proof,
}

impl Suspicion {
    /// Whether it is about a share.
    pub(super) fn is_about(&self, share: &Share) -> bool {
        Column { user_id: self.user_id, client: self.client, side: self.side }.is_of(share)
    }

    /// The score of the family that the books alone lead to at most.
    pub(super) fn nats_max(&self) -> f64 {
        let is_clear = self.proof.z >= Z_REVIEW && self.proof.unexplained <= UNEXPLAINED_REVIEW;
        if is_clear { SCORE_MAX } else { NATS_BELOW_REVIEW }
    }

    /// Whether one torrent's books are enough for a review.
    pub(super) fn is_sure(&self) -> bool {
        self.proof.z >= Z_SURE && self.proof.unexplained <= UNEXPLAINED_SURE
    }

    pub(super) fn is_beyond_doubt(&self) -> bool {
        self.proof.z_halves.iter().all(|z| *z >= Z_BEYOND_DOUBT)
    }
}

/// What users have received in silence, as far as earlier books of the torrent had room for it:
/// nobody receives the same data twice.
#[derive(Debug, Default)]
struct Silent {
    /// By torrent and user: what was missing last, and how much of it the books had room for.
    received: IntegerMap<(u32, u32), (f64, f64)>,
}

impl Silent {
    /// Of what a user lacks, the part that may have been received in this epoch.
    fn room(&mut self, epoch: &ClosedEpoch, user_id: u32, missing: f64) -> f64 {
        let (before, received) =
            self.received.entry((epoch.torrent_id, user_id)).or_insert((missing, 0.0));
        // What is not missing any more is no part of what may come yet.
        *received = (*received - (*before - missing).max(0.0)).max(0.0);
        *before = missing;
        let room = (missing - *received).max(0.0);
        *received += epoch.excess().clamp(0.0, room);
        room
    }
}

/// What a share adds to the columns of its user.
fn sides_of(share: &Share) -> impl Iterator<Item = (Side, f32)> {
    let told = share.uploaded - share.without_leechers;
    let sides = [
        (Side::WithLeechers, told),
        (Side::WithoutLeechers, share.without_leechers),
        (Side::Downloads, share.missing),
    ];
    sides.into_iter().filter(|(side, amount)| match side {
        Side::WithLeechers | Side::WithoutLeechers => *amount >= UPLOADED_MIN,
        Side::Downloads => *amount > 0.0,
    })
}

/// A row for each epoch, and what each column stands for.
fn system_of(epochs: &[&ClosedEpoch], noise: Noise) -> (System, Vec<Column>) {
    let (mut rows, mut cells) = (Vec::with_capacity(epochs.len()), Vec::new());
    let mut columns: IntegerMap<Column, u32> = IntegerMap::default();
    let mut named: Vec<Column> = Vec::new();
    let mut silent = Silent::default();
    for (row, epoch) in (0u32..).zip(epochs) {
        rows.push(Row { excess: epoch.unusual(noise), sigma: epoch.sigma(noise) });
        let first_cell = cells.len();
        for share in &epoch.shares {
            for (side, amount) in sides_of(share) {
                let next = named.len() as u32;
                let client = if side == Side::Downloads { 0 } else { share.client };
                let name = Column { user_id: share.user_id, client, side };
                let column = *columns.entry(name).or_insert_with(|| {
                    named.push(name);
                    next
                });
                let amount = f64::from(amount);
                let same = |cell: &&mut Cell| (cell.row, cell.column) == (row, column);
                match cells.iter_mut().rev().take(SIDES).find(same) {
                    Some(cell) => cell.amount += amount,
                    None => cells.push(Cell { row, column, amount }),
                }
            }
        }
        for cell in cells.iter_mut().skip(first_cell) {
            let name = named.get(cell.column as usize);
            if let Some(name) = name.filter(|it| it.side == Side::Downloads) {
                cell.amount = silent.room(epoch, name.user_id, cell.amount);
            }
        }
    }
    (System::new(rows, cells, named.len()), named)
}

/// Solves all epochs for who explains what is left over.
pub(super) fn attribute(
    epochs: &[&ClosedEpoch],
    now_seconds: u32,
    settings: &DetectionSettings,
) -> Vec<Suspicion> {
    let noise = Noise::of(epochs);
    let (mut system, named) = system_of(epochs, noise);
    let middle = now_seconds.saturating_sub(settings.window_seconds / 2);
    let later: Vec<bool> = epochs.iter().map(|it| it.closed_seconds > middle).collect();
    system.solve();
    let mut found = Vec::new();
    for (column, name) in (0u32..).zip(&named) {
        let Column { user_id, client, side } = *name;
        if system.z_plain(column) < Z_NOTE {
            continue;
        }
        let is_later = |row: u32| later.get(row as usize).copied().unwrap_or(false);
        let is_same_user =
            |other: u32| named.get(other as usize).is_some_and(|it| it.user_id == user_id);
        let proof = system.prove(column, is_same_user, is_later);
        if proof.z < Z_NOTE {
            continue;
        }
        found.push(Suspicion { user_id, client, side, noise, proof });
    }
    found
}

/// The findings of a suspicion: one for each epoch that has not counted yet, the clearest first.
/// Each comes with the place of its epoch.
pub(super) fn drafts_of(
    suspicion: &Suspicion,
    epochs: &[&ClosedEpoch],
    now_seconds: u32,
) -> Vec<(usize, Draft)> {
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    for Told { row, amount, sigma, without, with, left } in &suspicion.proof.rows {
        let (explained, amount) = (suspicion.proof.fraction * *amount, *amount);
        // Where others err without the user, that says nothing of what the user has reported.
        let alone = with + explained / sigma;
        let llr = huber(*without).min(huber(alone)) - huber(*with);
        // Somebody else has made up most of what is missing there, or has received it.
        let is_others = *left > HUBER && *left > LEFT_OVER_MAX * without;
        let tells = llr >= LLR_MIN && !is_others;
        let Some(epoch) = epochs.get(*row as usize).filter(|_| tells) else { continue };
        let (mut scored, mut frozen, mut teleported) = (false, 0, false);
        for share in epoch.shares.iter().filter(|it| suspicion.is_about(it)) {
            let [as_uploader, as_downloader] = share.scored;
            scored |= match suspicion.side {
                Side::WithLeechers | Side::WithoutLeechers => as_uploader,
                Side::Downloads => as_downloader,
            };
            frozen = share.frozen.max(frozen);
            teleported |= share.teleported;
        }
        if scored || amount <= 0.0 {
            continue;
        }
        let ledger = suspicion.side == Side::Downloads
            && (frozen >= FROZEN || teleported)
            && epoch.excess() >= amount / 2.0;
        let detector = if ledger { Detector::Ledger } else { Detector::Conservation };
        let unusual = epoch.unusual(suspicion.noise);
        let others = (unusual - without * sigma, unusual - with * sigma - explained);
        let residuals = (*without, *with);
        let mut draft = draft(epoch, suspicion, amount, others, residuals, now_seconds);
        draft.detector = detector;
        draft.inputs.push(Input::new("frozen", frozen.into(), Unit::Number));
        draft.llr = llr;
        drafts.push((*row as usize, draft));
    }
    drafts.sort_by(|(_, a), (_, b)| b.llr.total_cmp(&a.llr));
    drafts.truncate(DRAFTS_MAX);
    drafts
}

/// The formula of a finding, with what `amount` is.
macro_rules! formula {
    ($amount:literal) => {
        concat!(
            "R = uploaded − downloaded − discarded; moved = uploaded + downloaded; \
             sigma = 10e6 + noise·moved + 0.4·pending + soft; \
             y = R − pending/2 − usual·moved; r0 = (y − others without)/sigma; \
             r1 = (y − others with − fraction·amount)/sigma; \
             H(r) = r²/2 if |r| ≤ 3, else 3·(|r| − 1.5); \
             llr = min(H(r0), H(r1 + fraction·amount/sigma)) − H(r1); \
             observed = R, bound = pending + 3·sigma; amount = ",
            $amount
        )
    };
}

const WITH_LEECHERS: &str = formula!(
    "what the user says to have uploaded with this client after answers that told of leechers"
);
const WITHOUT_LEECHERS: &str = formula!(
    "what the user says to have uploaded with this client after answers that told of no leechers"
);
const DOWNLOADS: &str =
    formula!("what the user lacked and may have received, less what earlier books had room for");

fn draft(
    epoch: &ClosedEpoch,
    suspicion: &Suspicion,
    amount: f64,
    (others_without, others_with): (f64, f64),
    (without, with): (f64, f64),
    now_seconds: u32,
) -> Draft {
    let sigma = epoch.sigma(suspicion.noise);
    let bytes = |name, value| Input::new(name, value, Unit::Bytes);
    let number = |name, value| Input::new(name, value, Unit::Number);
    Draft {
        at_seconds: now_seconds,
        user_id: suspicion.user_id,
        torrent_id: Some(epoch.torrent_id),
        detector: Detector::Conservation,
        key: epoch.key(),
        window_seconds: (epoch.opened_seconds, epoch.closed_seconds),
        observed: epoch.residual(),
        bound: epoch.pending as f64 + 3.0 * sigma,
        unit: Unit::Bytes,
        formula: match suspicion.side {
            Side::WithLeechers => WITH_LEECHERS,
            Side::WithoutLeechers => WITHOUT_LEECHERS,
            Side::Downloads => DOWNLOADS,
        },
        inputs: vec![
            Input::bytes("uploaded", epoch.uploaded),
            Input::bytes("downloaded", epoch.downloaded),
            Input::bytes("discarded", epoch.corrupt),
            Input::bytes("pending", epoch.pending),
            bytes("soft", epoch.soft_bytes),
            number("usual", suspicion.noise.usual),
            number("noise", suspicion.noise.sigma),
            bytes("sigma", sigma),
            bytes("amount", amount),
            bytes("others without", others_without),
            bytes("others with", others_with),
            number("fraction", suspicion.proof.fraction),
            number("z", suspicion.proof.z),
            number("unexplained", suspicion.proof.unexplained),
            number("r0", without),
            number("r1", with),
        ],
        excuses: vec![
            Excuse::new(
                "leechers that vanished, or restarted",
                epoch.pending > 0,
                epoch.pending as f64,
            ),
            Excuse::new("closed while busy", epoch.soft_bytes > 0.0, epoch.soft_bytes),
            Excuse::new("bad data that was discarded", epoch.corrupt > 0, epoch.corrupt as f64),
            Excuse::new("another user explains it as well", false, suspicion.proof.z),
            Excuse::new("torrent of other trackers, too", false, 0.0),
        ],
        llr: 0.0,
        rebased: false,
    }
}

#[cfg(test)]
mod tests;
