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

#[test]
fn a_flipped_bit_in_the_last_segment_cuts_there_and_earlier_it_is_an_error() {
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
