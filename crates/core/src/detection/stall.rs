//! T6: the only seeder of a torrent, to whom several leechers were sent, none of which gets
//! anything although each gets something elsewhere. Mostly a fault and not a cheat: a disk that is
//! gone, a closed port. It weighs little and is meant for a word to the user.

use super::Observation;
use super::book::Book;
use super::closed::epoch_key;
use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::settings::DetectionSettings;

/// Judges the only seeder when a leecher reports.
pub(super) fn judge(
    of: &Observation,
    book: &mut Book,
    last_download_seconds: impl Fn(u32) -> u32,
    settings: &DetectionSettings,
) -> Option<Draft> {
    let seeder = book.sole_seeder;
    let stalled = book.stalled;
    let seconds = of.at_seconds.saturating_sub(book.progress_seconds);
    let least_seconds = settings.interval_seconds.saturating_mul(3);
    let all_known = stalled.iter().all(|id| *id != 0 && *id != seeder);
    if seeder == 0 || !all_known || of.left_bytes == 0 || seconds < least_seconds {
        return None;
    }
    let elsewhere = |id: &u32| last_download_seconds(*id) >= book.progress_seconds.max(1);
    if !stalled.iter().all(elsewhere) {
        return None;
    }
    // Asked once a stall.
    let since_seconds = std::mem::replace(&mut book.progress_seconds, of.at_seconds);
    book.stalled = [0; 3];
    Some(Draft {
        at_seconds: of.at_seconds,
        user_id: seeder,
        torrent_id: Some(of.torrent_id),
        detector: Detector::Stall,
        key: epoch_key(of.torrent_id, since_seconds),
        window_seconds: (since_seconds, of.at_seconds),
        observed: seconds.into(),
        bound: least_seconds.into(),
        unit: Unit::Seconds,
        formula: "observed = seconds without any download while leechers = 3 were sent to the \
                  only seeder and downloaded elsewhere ≥ bound = 3·interval; llr = weight",
        inputs: vec![
            Input::weight(settings.weights.stall),
            Input::new("leechers", stalled.len() as f64, Unit::Number),
            Input::new("interval", settings.interval_seconds.into(), Unit::Seconds),
        ],
        excuses: vec![Excuse::new("closed port, slow line or a disk that is gone", true, 0.0)],
        llr: settings.weights.stall.value(),
        rebased: false,
    })
}
