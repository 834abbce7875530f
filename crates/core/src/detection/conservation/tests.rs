use super::*;

const NOW: u32 = 1_800_000_000;
const MB: f32 = 1e6;

/// A user's program uploads to user 8, who reports only some of it.
fn epoch(number: u32, client: u32, uploaded: f32, downloaded: f32) -> ClosedEpoch {
    ClosedEpoch {
        torrent_id: number,
        opened_seconds: NOW - 10_000 * number,
        closed_seconds: NOW - 10_000 * number + 9000,
        uploaded: uploaded as u64,
        downloaded: downloaded as u64,
        corrupt: 0,
        pending: 0,
        size: 0,
        soft_bytes: 0.0,
        shares: vec![
            Share { uploaded, ..Share::new(7, client) },
            Share { downloaded, ..Share::new(8, 5) },
        ],
    }
}

fn suspects(epochs: &[ClosedEpoch]) -> Vec<(u32, u32)> {
    let epochs: Vec<&ClosedEpoch> = epochs.iter().collect();
    let found = attribute(&epochs, NOW, &DetectionSettings::default());
    found.iter().map(|it| (it.user_id, it.client)).collect()
}

#[test]
fn whoever_fakes_with_one_program_is_not_hidden_by_another_that_shares() {
    let honest = (1..=60).map(|number| epoch(number, 1, 900.0 * MB, 900.0 * MB));
    let faked = (61..=70).map(|number| epoch(number, 2, 300.0 * MB, 0.0));
    let mut epochs: Vec<ClosedEpoch> = honest.chain(faked).collect();
    assert_eq!(suspects(&epochs), [(7, 2)]);
    // With one column for both the honest epochs would win.
    epochs.iter_mut().for_each(|epoch| epoch.shares[0].client = 1);
    assert_eq!(suspects(&epochs), []);
}

#[test]
fn findings_are_about_the_program_that_is_suspected() {
    let honest = (1..=60).map(|number| epoch(number, 1, 900.0 * MB, 900.0 * MB));
    let faked = (61..=70).map(|number| epoch(number, 2, 300.0 * MB, 0.0));
    let epochs: Vec<ClosedEpoch> = honest.chain(faked).collect();
    let epochs: Vec<&ClosedEpoch> = epochs.iter().collect();
    let found = attribute(&epochs, NOW, &DetectionSettings::default());
    let drafts = drafts_of(&found[0], &epochs, NOW);
    assert_eq!(drafts.len(), 10);
    assert!(drafts.iter().all(|(at, _)| epochs[*at].torrent_id > 60));
}

#[test]
fn what_a_user_s_programs_received_in_silence_is_one_column() {
    let mut epochs = Vec::new();
    for number in 1..=12 {
        let mut epoch = epoch(number, 1, 900.0 * MB, 0.0);
        epoch.shares = vec![
            Share { uploaded: 900.0 * MB, ..Share::new(number + 100, 1) },
            Share { missing: 500.0 * MB, frozen: 4, ..Share::new(9, 1) },
            Share { missing: 400.0 * MB, ..Share::new(9, 2) },
        ];
        epochs.push(epoch);
        // Its uploaders balance with others.
        for more in 1..=5 {
            let mut honest = self::epoch(number + 100 * more, 1, 900.0 * MB, 900.0 * MB);
            honest.shares[0].user_id = number + 100;
            epochs.push(honest);
        }
    }
    let epochs: Vec<&ClosedEpoch> = epochs.iter().collect();
    let found = attribute(&epochs, NOW, &DetectionSettings::default());
    let of_nine: Vec<_> = found.iter().filter(|it| it.user_id == 9).collect();
    let [suspicion] = of_nine[..] else { panic!("{found:?}") };
    assert_eq!(suspicion.side, Side::Downloads);
    let drafts = drafts_of(suspicion, &epochs, NOW);
    let amount = drafts[0].1.inputs.iter().find(|input| input.name == "amount").unwrap();
    assert_eq!(amount.value, 900e6);
    assert!(drafts.iter().all(|(_, draft)| draft.detector == Detector::Ledger));
}

#[test]
fn data_that_was_received_once_is_not_missing_in_later_books() {
    let mut silent = Silent::default();
    let mut room = |excess: u64, missing: f64| {
        let mut epoch = epoch(1, 1, 0.0, 0.0);
        epoch.uploaded = excess;
        silent.room(&epoch, 9, missing)
    };
    assert_eq!(room(600_000_000, 1e9), 1e9);
    assert_eq!(room(0, 1e9), 400e6, "the books had room for the rest");
    // It says to lack less now: what went is not what it had received before.
    assert_eq!(room(0, 500e6), 400e6);
    assert_eq!(room(700_000_000, 300e6), 300e6);
    assert_eq!(room(0, 300e6), 0.0);
}

/// User 9, whose books balance elsewhere, says to have uploaded so much beside user 7, and nobody
/// has received anything.
fn beside_nine(number: u32, by_seven: f32, by_nine: f32) -> ClosedEpoch {
    let mut epoch = epoch(number, 1, by_seven + by_nine, 0.0);
    epoch.shares = vec![
        Share { uploaded: by_seven, ..Share::new(7, 1) },
        Share { uploaded: by_nine, ..Share::new(9, 1) },
    ];
    epoch
}

fn suspicion_of_seven(by_nine: f32) -> (Suspicion, Vec<(usize, Draft)>) {
    let honest = (1..=200).map(|number| {
        let mut epoch = epoch(number, 1, 900.0 * MB, 900.0 * MB);
        epoch.shares[0].user_id = 9;
        epoch
    });
    let faked = (201..=210).map(|number| beside_nine(number, 300.0 * MB, by_nine));
    let epochs: Vec<ClosedEpoch> = honest.chain(faked).collect();
    let epochs: Vec<&ClosedEpoch> = epochs.iter().collect();
    let found = attribute(&epochs, NOW, &DetectionSettings::default());
    let suspicion = found.into_iter().find(|it| it.user_id == 7).unwrap();
    let drafts = drafts_of(&suspicion, &epochs, NOW);
    (suspicion, drafts)
}

#[test]
fn whoever_explains_what_is_missing_may_come_to_a_review_by_one_torrent() {
    let (suspicion, drafts) = suspicion_of_seven(10.0 * MB);
    assert_eq!(drafts.len(), 10);
    assert!(suspicion.is_sure(), "{:?}", suspicion.proof);
    assert_eq!(suspicion.nats_max(), SCORE_MAX);
}

#[test]
fn whoever_is_merely_near_where_far_more_is_missing_is_not_accused_of_that() {
    let (suspicion, drafts) = suspicion_of_seven(900.0 * MB);
    assert!(suspicion.proof.z >= Z_REVIEW, "{:?}", suspicion.proof);
    assert!(suspicion.proof.unexplained > 0.5, "{:?}", suspicion.proof);
    assert!(drafts.is_empty());
    assert!(!suspicion.is_sure());
    assert_eq!(suspicion.nats_max(), NATS_BELOW_REVIEW);
}

/// User 7 uploads after answers without leechers, in every third epoch as much after answers with
/// some, and says to have uploaded half more of the latter.
fn epoch_of_a_multiplier(number: u32) -> ClosedEpoch {
    let (before, after) = (300.0 * MB, if number.is_multiple_of(3) { 300.0 * MB } else { 0.0 });
    let mut epoch = epoch(number, 1, before + 1.5 * after, before + after);
    epoch.shares[0].without_leechers = before;
    epoch
}

#[test]
fn whoever_adds_a_part_only_after_answers_with_leechers_is_found_by_that_part() {
    let mut epochs: Vec<ClosedEpoch> = (1..=36).map(epoch_of_a_multiplier).collect();
    let found = attribute(&epochs.iter().collect::<Vec<_>>(), NOW, &DetectionSettings::default());
    let [suspicion] = &found[..] else { panic!("{found:?}") };
    assert_eq!((suspicion.user_id, suspicion.side), (7, Side::WithLeechers));
    let part = suspicion.proof.fraction;
    assert!((part - 1.0 / 3.0).abs() < 0.01, "{part}");
    // Of all that it uploads no part fits: a fifth in one epoch of three, nothing in the others.
    epochs.iter_mut().for_each(|epoch| epoch.shares[0].without_leechers = 0.0);
    let found = attribute(&epochs.iter().collect::<Vec<_>>(), NOW, &DetectionSettings::default());
    let part = found.first().map_or(0.0, |it| it.proof.fraction);
    assert!(part < 0.15, "{part}");
}
