//! D1: upload while no other client lacked anything.

use super::closed::epoch_key;
use super::finding::{Detector, Draft, Excuse, Input, Unit};
use super::settings::DetectionSettings;
use super::{Observation, Signs, book::Book};

const MIB_16: f64 = 16_777_216.0;

/// Judges an upload by the books of its torrent, into which it has not been entered yet.
/// `known_since_seconds`: since when detection has seen everything.
pub(super) fn judge(
    of: &Observation,
    book: &Book,
    known_since_seconds: u32,
    settings: &DetectionSettings,
) -> Option<Draft> {
    if of.uploaded_bytes < settings.no_sink_bytes_min || of.signs.has(Signs::RESTORED) {
        return None;
    }
    let began_seconds = of.at_seconds.saturating_sub(of.gap_seconds);
    let from_seconds = began_seconds.saturating_sub(settings.late_seconds());
    let remembered = of.at_seconds.saturating_sub(from_seconds) <= settings.remembered_seconds();
    if from_seconds < known_since_seconds || !remembered {
        return None;
    }
    let leecher_seconds = book.other_leecher_seconds(of.session, settings);
    if leecher_seconds.is_some_and(|until| until >= began_seconds) {
        return None;
    }
    // One that says it seeds may have downloaded all the same.
    let newcomer_seconds = book.newcomer_seconds(of.session);
    let newcomer = newcomer_seconds.filter(|at| *at >= from_seconds);
    let observed = of.uploaded_bytes as f64;
    let weights = &settings.weights;
    let llr = match newcomer {
        Some(_) => weights.no_sink_newcomer.value(),
        None => {
            let doublings = (observed / MIB_16).log2();
            let more = weights.no_sink_per_doubling.value() * doublings;
            (weights.no_sink.value() + more).clamp(0.0, 3.0)
        }
    };
    let opened = if book.opened_seconds == 0 { of.at_seconds } else { book.opened_seconds };
    Some(Draft {
        at_seconds: of.at_seconds,
        user_id: of.user_id,
        torrent_id: Some(of.torrent_id),
        detector: Detector::NoSink,
        key: epoch_key(of.torrent_id, opened),
        window_seconds: (from_seconds, of.at_seconds),
        observed,
        bound: 0.0,
        unit: Unit::Bytes,
        formula: "observed = uploaded > bound = 0, since no other client lacked anything from \
                  (last report − interval − 300 s) to now; \
                  llr = min(3, weight + more·log2(observed / 16 MiB)), or newcomer if a new seeder came",
        inputs: vec![
            Input::new("last report", began_seconds.into(), Unit::UnixSeconds),
            Input::weight(weights.no_sink),
            Input::new("more", weights.no_sink_per_doubling.value(), Unit::Nats),
            Input::new("newcomer", weights.no_sink_newcomer.value(), Unit::Nats),
            Input::new("interval", settings.interval_seconds.into(), Unit::Seconds),
            Input::new(
                "others may have leeched until",
                leecher_seconds.unwrap_or(0).into(),
                Unit::UnixSeconds,
            ),
        ],
        excuses: vec![
            Excuse::new("client restarted", of.signs.has(Signs::RESTARTED), 0.0),
            Excuse::new("second announce of a dual-stack client", false, of.gap_seconds.into()),
            Excuse::new("another session of the same user", false, 0.0),
            Excuse::new("leecher that vanished", false, leecher_seconds.unwrap_or(0).into()),
            Excuse::new(
                "new seeder that may have leeched",
                newcomer.is_some(),
                newcomer_seconds.unwrap_or(0).into(),
            ),
            Excuse::new("observations dropped", false, known_since_seconds.into()),
        ],
        llr,
        rebased: false,
    })
}
