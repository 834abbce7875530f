use std::fs;
use std::io::Write;

use mika_core::batch::{Batch, Traffic, UserRow};
use tempfile::TempDir;

use super::*;
use crate::config::FlushConfig;

const NO_LIMIT: u64 = u64::MAX;

fn batch(number: u64) -> Batch {
    let uploaded_raw = number * 1000;
    let row = UserRow {
        user_id: 7,
        traffic: Traffic { uploaded_raw, ..Traffic::default() },
        seed_seconds: 0,
        snatches: 0,
        announced_at_seconds: 1,
    };
    Batch { number, users: vec![row], ..Batch::default() }
}

fn append(journal: &mut Journal, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        journal.append(&batch(number), &FlushConfig::default(), NO_LIMIT).unwrap();
    }
}

fn numbers_after(dir: &TempDir, after: u64) -> Vec<u64> {
    let mut reader = if after == 0 {
        JournalReader::all(dir.path())
    } else {
        JournalReader::after(dir.path(), after)
    };
    std::iter::from_fn(|| reader.next_batch().unwrap()).map(|batch| batch.number).collect()
}

fn only_segment(dir: &TempDir) -> PathBuf {
    segments(dir.path()).unwrap().pop().unwrap().1
}

#[test]
fn batches_come_back_in_order_and_whole() {
    let dir = TempDir::new().unwrap();
    let (mut journal, cut_bytes) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=3);
    assert_eq!((journal.last_number(), cut_bytes), (3, 0));
    let mut reader = JournalReader::after(dir.path(), 1);
    assert_eq!(reader.next_batch().unwrap(), Some(batch(2)));
    assert_eq!(reader.next_batch().unwrap(), Some(batch(3)));
    assert_eq!(reader.next_batch().unwrap(), None);
    append(&mut journal, 4..=4);
    assert_eq!(reader.next_batch().unwrap(), Some(batch(4)));
}

#[test]
fn a_reader_follows_over_closed_segments() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    let mut reader = JournalReader::all(dir.path());
    assert_eq!(reader.next_batch().unwrap(), None);
    append(&mut journal, 1..=2);
    assert_eq!(reader.next_batch().unwrap().unwrap().number, 1);
    journal.close_segment().unwrap();
    append(&mut journal, 3..=3);
    assert_eq!(reader.next_batch().unwrap().unwrap().number, 2);
    assert_eq!(reader.next_batch().unwrap().unwrap().number, 3);
    assert_eq!(reader.next_batch().unwrap(), None);
}

#[test]
fn a_torn_tail_of_every_length_is_cut_at_the_last_whole_batch() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=2);
    let two = journal.bytes();
    append(&mut journal, 3..=3);
    drop(journal);
    let path = only_segment(&dir);
    let whole = fs::read(&path).unwrap();
    for length in two..whole.len() as u64 {
        fs::write(&path, &whole[..length as usize]).unwrap();
        let (mut journal, cut_bytes) = Journal::open(dir.path()).unwrap();
        assert_eq!((journal.last_number(), cut_bytes), (2, length - two), "{length}");
        append(&mut journal, 3..=4);
        assert_eq!(numbers_after(&dir, 0), [1, 2, 3, 4]);
    }
}

#[test]
fn a_segment_torn_within_its_first_bytes_is_begun_anew() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=1);
    journal.close_segment().unwrap();
    drop(journal);
    fs::write(segment_path(dir.path(), 2), &MAGIC[..3]).unwrap();
    let (mut journal, cut_bytes) = Journal::open(dir.path()).unwrap();
    assert_eq!((journal.last_number(), cut_bytes), (1, 3));
    append(&mut journal, 2..=2);
    assert_eq!(numbers_after(&dir, 0), [1, 2]);
}

/// A journal of batches 1 to 9 in one segment: its path, its bytes, and where each frame begins.
fn nine(dir: &TempDir) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    let mut starts = Vec::new();
    for number in 1..=9 {
        append(&mut journal, number..=number - 1);
        starts.push(if number == 1 { MAGIC.len() } else { journal.bytes() as usize });
        append(&mut journal, number..=number);
    }
    let path = only_segment(dir);
    let bytes = fs::read(&path).unwrap();
    (path, bytes, starts)
}

#[test]
fn damage_before_whole_batches_is_an_error_and_cuts_nothing() {
    let dir = TempDir::new().unwrap();
    let (path, whole, starts) = nine(&dir);
    // Every byte of the first, a middle and the last but one batch: length, checksum, payload.
    for number in [1, 5, 8] {
        for at in starts[number - 1]..starts[number] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            fs::write(&path, &bytes).unwrap();
            let error = Journal::open(dir.path()).unwrap_err();
            assert!(matches!(error, JournalError::DamagedBefore { .. }), "byte {at}: {error}");
            let error = error.to_string();
            let (offset, next) = (starts[number - 1], number + 1);
            for words in [
                format!("{} is damaged at byte {offset}", path.display()),
                format!("the batches {next} to 9 behind it are whole"),
                format!("truncate --size={offset} {}", path.display()),
            ] {
                assert!(error.contains(&words), "byte {at}: {words}: {error}");
            }
            assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is cut");
        }
    }
}

#[test]
fn several_batches_that_are_damaged_before_whole_ones_are_an_error() {
    let dir = TempDir::new().unwrap();
    let (path, whole, starts) = nine(&dir);
    for (from, to) in [(1, 3), (2, 7), (0, 7), (4, 5)] {
        for filler in [0, 0xff, 7] {
            let mut bytes = whole.clone();
            bytes[starts[from] + 3..starts[to] + 2].fill(filler);
            fs::write(&path, &bytes).unwrap();
            let error = Journal::open(dir.path()).unwrap_err().to_string();
            let words = format!("the batches {} to 9 behind it are whole", to + 2);
            assert!(error.contains(&words), "{from} to {to}: {error}");
        }
    }
    // Bytes that are missing or too many in the midst.
    for (from, to) in [(starts[3] + 4, starts[3] + 9), (starts[3] + 9, starts[6])] {
        fs::write(&path, [&whole[..from], &whole[to..]].concat()).unwrap();
        assert!(matches!(Journal::open(dir.path()), Err(JournalError::DamagedBefore { .. })));
        fs::write(&path, [&whole[..to], &whole[from..]].concat()).unwrap();
        assert!(matches!(Journal::open(dir.path()), Err(JournalError::DamagedBefore { .. })));
    }
}

#[test]
fn damage_in_the_last_batch_is_a_torn_tail() {
    let dir = TempDir::new().unwrap();
    let (path, whole, starts) = nine(&dir);
    for at in starts[8]..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        fs::write(&path, &bytes).unwrap();
        let (journal, cut_bytes) = Journal::open(dir.path()).unwrap();
        assert_eq!((journal.last_number(), cut_bytes), (8, (whole.len() - starts[8]) as u64));
    }
    // What was cut before, and is written over, does not come back.
    let old = &whole[starts[2]..starts[8]];
    fs::write(&path, [&whole[..starts[8]], &[9; 5], old].concat()).unwrap();
    assert_eq!(Journal::open(dir.path()).unwrap().0.last_number(), 8);
}

#[test]
fn no_damage_makes_a_whole_batch_disappear() {
    let dir = TempDir::new().unwrap();
    let (path, whole, mut starts) = nine(&dir);
    starts.push(whole.len());
    let frames: Vec<&[u8]> = starts.windows(2).map(|ends| &whole[ends[0]..ends[1]]).collect();
    let mut rng = fastrand::Rng::with_seed(11);
    let (mut refused, mut cut) = (0, 0);
    for round in 0..1500 {
        let mut bytes = whole.clone();
        let from = rng.usize(MAGIC.len()..bytes.len());
        let to = rng.usize(from..=bytes.len().min(from + 60));
        match rng.u8(..4) {
            0 => drop(bytes.drain(from..to)),
            1 => bytes[from..to].fill(rng.u8(..)),
            2 => bytes[from] ^= 1 << rng.u8(..8),
            _ => drop(bytes.splice(from..from, (from..to).map(|_| rng.u8(..)))),
        }
        fs::write(&path, &bytes).unwrap();
        let last = match Journal::open(dir.path()) {
            Ok((journal, 0)) if bytes == whole => journal.last_number(),
            Ok((journal, _)) => {
                cut += 1;
                journal.last_number()
            }
            Err(JournalError::DamagedBefore { .. } | JournalError::Damaged { .. }) => {
                refused += 1;
                assert_eq!(fs::read(&path).unwrap(), bytes, "round {round}");
                continue;
            }
            Err(error) => panic!("round {round}: {error}"),
        };
        for (number, frame) in (1..).zip(&frames) {
            let is_there = bytes.windows(frame.len()).any(|window| window == *frame);
            assert!(number <= last || !is_there, "round {round}: batch {number} was cut");
        }
    }
    assert!(refused > 500 && cut > 50, "{refused} and {cut}");
}

#[test]
fn a_large_torn_tail_is_cut_without_a_long_search() {
    let dir = TempDir::new().unwrap();
    let (path, whole, _) = nine(&dir);
    let mut rng = fastrand::Rng::with_seed(7);
    let mut random = || {
        let mut bytes = vec![0; 4 << 20];
        rng.fill(&mut bytes);
        bytes
    };
    // Numbers that may be lengths, times and numbers of batches.
    let small: Vec<u8> = (0..4 << 20).map(|at: u32| (at % 13) as u8).collect();
    for tail in [vec![0; 4 << 20], random(), small] {
        fs::write(&path, [&whole[..], &tail].concat()).unwrap();
        let (journal, cut_bytes) = Journal::open(dir.path()).unwrap();
        assert_eq!((journal.last_number(), cut_bytes), (9, 4 << 20));
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_segment_is_an_error() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=1);
    let one = journal.bytes() as usize;
    append(&mut journal, 2..=3);
    let path = only_segment(&dir);
    let mut bytes = fs::read(&path).unwrap();
    bytes[one + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(numbers_after(&dir, 0), [1]);

    fs::write(segment_path(dir.path(), 2), MAGIC).unwrap();
    let mut reader = JournalReader::all(dir.path());
    reader.next_batch().unwrap();
    let error = reader.next_batch().unwrap_err().to_string();
    assert!(error.contains(&format!("damaged at byte {one}: a checksum does not fit")), "{error}");
    assert!(Journal::open(dir.path()).is_err());
    assert_eq!(segments(dir.path()).unwrap().len(), 2);
}

#[test]
fn garbage_is_not_taken_for_a_journal() {
    let dir = TempDir::new().unwrap();
    fs::write(segment_path(dir.path(), 1), b"#!/bin/sh\necho").unwrap();
    let error = Journal::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("is not a journal of this version"), "{error}");
}

#[test]
fn a_full_journal_refuses_and_holds_what_it_has() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=1);
    let full = journal.append(&batch(2), &FlushConfig::default(), journal.bytes());
    assert!(matches!(full, Err(JournalError::Full { .. })));
    append(&mut journal, 2..=2);
    assert_eq!(numbers_after(&dir, 0), [1, 2]);
}

#[test]
fn only_closed_segments_that_are_done_with_are_removed() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=2);
    journal.close_segment().unwrap();
    append(&mut journal, 3..=4);
    journal.close_segment().unwrap();
    append(&mut journal, 5..=5);
    journal.retire(1).unwrap();
    assert_eq!(numbers_after(&dir, 0), [1, 2, 3, 4, 5]);
    journal.retire(3).unwrap();
    assert_eq!(numbers_after(&dir, 0), [3, 4, 5]);
    journal.retire(5).unwrap();
    assert_eq!(numbers_after(&dir, 0), [5]);
    let bytes: u64 =
        segments(dir.path()).unwrap().iter().map(|(_, path)| path.metadata().unwrap().len()).sum();
    assert_eq!(journal.bytes(), bytes);
}

#[test]
fn a_missing_batch_is_an_error_and_not_a_silent_gap() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=1);
    append(&mut journal, 3..=3);
    let mut reader = JournalReader::all(dir.path());
    reader.next_batch().unwrap();
    let error = reader.next_batch().unwrap_err().to_string();
    assert!(error.contains("batch 3 follows batch 1"), "{error}");
}

#[test]
fn trailing_garbage_after_a_whole_batch_is_cut() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=1);
    drop(journal);
    let mut file = fs::OpenOptions::new().append(true).open(only_segment(&dir)).unwrap();
    file.write_all(&[0xff; 100]).unwrap();
    let (journal, cut_bytes) = Journal::open(dir.path()).unwrap();
    assert_eq!((journal.last_number(), cut_bytes), (1, 100));
}

#[test]
fn fuzz_no_bytes_panic_and_damage_is_never_taken_for_a_batch() {
    let mut whole = Vec::new();
    frame::write(&mut whole, &batch(7)).unwrap();
    bolero::check!().with_iterations(20_000).with_max_len(512).for_each(|bytes: &[u8]| {
        // What comes from nowhere is at most a frame whose checksum fits.
        frame::read::<Batch>(&mut &*bytes).unwrap();
        let [at, change, ..] = *bytes else { return };
        let mut damaged = whole.clone();
        let at = usize::from(at) % damaged.len();
        damaged[at] ^= change;
        let read = frame::read::<Batch>(&mut damaged.as_slice()).unwrap();
        match read {
            frame::Frame::Whole(read, _) => assert_eq!((read, change), (batch(7), 0)),
            frame::Frame::Torn(_) => assert_ne!(change, 0),
            frame::Frame::End => panic!("a frame is not the end"),
        }
    });
}

#[test]
fn batches_that_the_store_needs_and_that_are_gone_are_an_error() {
    let dir = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    append(&mut journal, 1..=2);
    journal.close_segment().unwrap();
    append(&mut journal, 3..=3);
    journal.retire(2).unwrap();
    assert_eq!(numbers_after(&dir, 2), [3]);
    for (after, words) in [(0, "batch 0 is the last one"), (1, "batch 1 is the last one")] {
        let error = JournalReader::after(dir.path(), after).next_batch().unwrap_err().to_string();
        assert!(error.contains("begins with batch 3") && error.contains(words), "{error}");
    }
    assert_eq!(JournalReader::after(dir.path(), 7).next_batch().unwrap(), None);
}

#[test]
fn a_batch_of_an_older_version_is_read_without_the_list_that_it_lacks() {
    let mut frame = Vec::new();
    super::frame::write(&mut frame, &batch(1)).unwrap();
    // The last byte says that nothing is withheld from anybody.
    assert_eq!(frame.pop(), Some(0));
    let payload = frame[8..].to_vec();
    frame[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    frame[4..8].copy_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    let dir = TempDir::new().unwrap();
    fs::write(segment_path(dir.path(), 1), [&MAGIC[..], &frame].concat()).unwrap();
    let (mut journal, cut_bytes) = Journal::open(dir.path()).unwrap();
    assert_eq!((journal.last_number(), cut_bytes), (1, 0));
    let row = mika_core::batch::WithheldRow { user_id: 3, uploaded_bytes: 500 };
    let newer = Batch { withheld: vec![row], ..batch(2) };
    journal.append(&newer, &FlushConfig::default(), u64::MAX).unwrap();
    let mut reader = JournalReader::all(dir.path());
    assert_eq!(reader.next_batch().unwrap(), Some(batch(1)));
    assert_eq!(reader.next_batch().unwrap(), Some(newer));
}
