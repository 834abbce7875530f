use std::net::SocketAddrV4;

use mika_core::registry::{TorrentSpec, UserSpec};
use mika_core::{Mode, PeerList, Settings, Source};
use mika_protocol::{AnnounceRequest, InfoHash, Passkey, PeerId};
use tempfile::TempDir;

use super::*;

const NOW: u32 = 1_700_000_000;

fn tracker() -> Tracker {
    let tracker = Tracker::new(Mode::Private, Settings::default(), [1; 16]);
    for id in 1..=3 {
        let passkey = Passkey::new(format!("key{id}").as_bytes()).unwrap();
        tracker.put_user(UserSpec::new(id, passkey, 1)).unwrap();
    }
    tracker.put_torrent(TorrentSpec::new(9, InfoHash([9; 20]))).unwrap();
    tracker
}

fn announce(tracker: &Tracker, user: u32, uploaded: u64, left: u64) -> usize {
    let request = AnnounceRequest {
        info_hash: InfoHash([9; 20]),
        peer_id: PeerId([user as u8; 20]),
        passkey: Passkey::new(format!("key{user}").as_bytes()),
        port: 6881,
        uploaded,
        downloaded: 0,
        left,
        corrupt: 0,
        event: Default::default(),
        paused: false,
        numwant: None,
        compact: true,
        compact_given: true,
        no_peer_id: true,
        claimed_v4: None,
        claimed_v6: None,
    };
    let ip = format!("127.0.0.{user}").parse().unwrap();
    let mut peers = PeerList::new(1);
    tracker.announce(&request, Source::new(ip), NOW, &mut peers).unwrap();
    peers.len()
}

fn written(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("snapshot");
    let tracker = tracker();
    announce(&tracker, 1, 500, 0);
    announce(&tracker, 2, 0, 100);
    let mut writer = SnapshotWriter::begin(&path, 4, NOW).unwrap();
    tracker.drain_and_snapshot(NOW, |item| writer.put(item));
    assert_eq!(writer.finish(6).unwrap(), path.metadata().unwrap().len() - 8);
    path
}

#[test]
fn every_peer_is_known_after_a_restart_and_credit_goes_on() {
    let dir = TempDir::new().unwrap();
    let path = written(&dir);
    let restarted = tracker();
    let info = restore(&path, &restarted).unwrap().unwrap();
    assert_eq!((info.batch_number, info.needs_number), (4, 6));
    assert_eq!((info.restored, info.left_out), (2, 0));
    assert_eq!(announce(&restarted, 3, 0, 100), 2);
    announce(&restarted, 1, 1200, 0);
    let batch = restarted.drain(NOW, 0, usize::MAX).batch;
    assert_eq!(batch.users.iter().map(|row| row.traffic.uploaded_raw).sum::<u64>(), 700);
    let addresses: Vec<SocketAddrV4> =
        batch.sessions.iter().filter_map(|row| row.address_v4).collect();
    assert!(addresses.contains(&"127.0.0.3:6881".parse().unwrap()));
}

#[test]
fn no_snapshot_is_not_an_error() {
    let dir = TempDir::new().unwrap();
    assert_eq!(restore(&dir.path().join("snapshot"), &tracker()).unwrap(), None);
}

#[test]
fn a_snapshot_cut_anywhere_or_with_a_flipped_bit_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = written(&dir);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = restore(&path, &tracker()).unwrap_err().to_string();
        assert!(error.contains("is damaged"), "{length}: {error}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        assert!(restore(&path, &tracker()).is_err(), "{at}");
    }
}

#[test]
fn an_unfinished_snapshot_leaves_the_old_one_in_place() {
    let dir = TempDir::new().unwrap();
    let path = written(&dir);
    let before = fs::read(&path).unwrap();
    let writer = SnapshotWriter::begin(&path, 5, NOW).unwrap();
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_snapshot_that_is_given_up_leaves_no_file_that_takes_up_room() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("snapshot");
    let tracker = tracker();
    announce(&tracker, 1, 10, 0);
    let mut writer = SnapshotWriter::begin(&path, 3, NOW).unwrap();
    tracker.drain_and_snapshot(NOW, |item| writer.put(item));
    assert!(path.with_extension("new").exists());
    // As when the journal does not take the batch, because the disk is full.
    drop(writer);
    assert!(!path.with_extension("new").exists());
    assert!(!path.exists());
}
