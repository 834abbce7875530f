use mika_client::types::NotificationKind;
use tempfile::TempDir;

use super::*;

const ROOM: u64 = 1 << 20;

fn events(count: u32) -> Vec<Notification> {
    let of = |user_id| {
        let event = Notification::of(NotificationKind::Snatch, 5);
        Notification { user_id: Some(user_id), ..event }
    };
    (1..=count).map(of).collect()
}

fn read_all(log: &EventLog, after_id: u64) -> (Vec<u64>, u64) {
    let mut reader = LogReader::after(log.dir(), after_id);
    let (mut ids, mut missed) = (Vec::new(), 0);
    loop {
        let chunk = reader.read(7, log.last_id()).unwrap();
        if chunk.events.is_empty() {
            return (ids, missed);
        }
        missed += chunk.missed;
        ids.extend(chunk.events.iter().map(|event| event.id));
    }
}

#[test]
fn what_is_appended_is_read_in_order_across_entries_and_restarts() {
    let dir = TempDir::new().unwrap();
    let mut log = EventLog::open(dir.path()).unwrap();
    log.append(4, &mut events(2500), ROOM).unwrap();
    log.append(0, &mut events(3), ROOM).unwrap();
    assert_eq!(read_all(&log, 0), ((1..=2503).collect(), 0));
    assert_eq!(read_all(&log, 2501), (vec![2502, 2503], 0));
    drop(log);
    let mut log = EventLog::open(dir.path()).unwrap();
    assert_eq!((log.last_id(), log.last_batch()), (2503, 4));
    log.append(5, &mut events(1), ROOM).unwrap();
    assert_eq!(read_all(&log, 2500), (vec![2501, 2502, 2503, 2504], 0));
}

#[test]
fn a_batch_that_was_not_written_whole_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let mut log = EventLog::open(dir.path()).unwrap();
    log.append(1, &mut events(2), ROOM).unwrap();
    log.append(2, &mut events(2500), ROOM).unwrap();
    let (path, bytes) = log.segments.back().unwrap().clone();
    for cut in [1, bytes / 4, bytes / 2] {
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(bytes - cut).unwrap();
        let log = EventLog::open(dir.path()).unwrap();
        assert_eq!((log.last_id(), log.last_batch()), (2, 1));
    }
    let mut log = EventLog::open(dir.path()).unwrap();
    log.append(2, &mut events(1), ROOM).unwrap();
    assert_eq!(read_all(&log, 0), (vec![1, 2, 3], 0));
}

#[test]
fn the_oldest_make_room_and_a_late_reader_is_told_how_many_it_missed() {
    let dir = TempDir::new().unwrap();
    let mut log = EventLog::open(dir.path()).unwrap();
    for batch in 1..=100 {
        log.append(batch, &mut events(10), 8192).unwrap();
    }
    assert!(log.bytes() <= 8192 && log.segments.len() > 3, "{:?}", log.segments);
    let (ids, missed) = read_all(&log, 5);
    assert_eq!(ids.last(), Some(&1000));
    assert_eq!(missed + 5, ids[0] - 1);
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1));
    // An id is never given twice, even if nothing of before is left.
    drop(log);
    let log = EventLog::open(dir.path()).unwrap();
    assert_eq!((log.last_id(), log.last_batch()), (1000, 100));
}

#[test]
fn a_reader_does_not_tell_what_is_not_published() {
    let dir = TempDir::new().unwrap();
    let mut log = EventLog::open(dir.path()).unwrap();
    log.append(1, &mut events(2), ROOM).unwrap();
    log.append(2, &mut events(2), ROOM).unwrap();
    let mut reader = LogReader::after(log.dir(), 0);
    assert_eq!(reader.read(9, 2).unwrap().events.len(), 2);
    assert_eq!(reader.read(9, 2).unwrap(), Chunk::default());
    assert_eq!(reader.read(9, 4).unwrap().events.len(), 2);
}
