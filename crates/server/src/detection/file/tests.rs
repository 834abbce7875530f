use mika_core::detection::fingerprint::Fingerprints;
use mika_core::detection::{Detection, DetectionSettings};

use super::*;

fn state() -> State {
    Detection::new(DetectionSettings::default(), &Fingerprints::default(), 7, 1000).state().clone()
}

fn write(file: &StateFile, is_complete: bool) {
    let levels = BTreeMap::from([(3, Level::Review)]);
    file.replace(file.write(77, &levels, &state(), is_complete).unwrap()).unwrap();
}

#[test]
fn what_is_written_is_read_again_and_is_the_owner_s_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("detection.state");
    let file = StateFile::new(path.clone(), [1; 16]);
    assert!(file.read(1 << 20).is_none());
    write(&file, true);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (kept, is_complete) = StateFile::new(path, [1; 16]).read(1 << 20).unwrap();
    assert_eq!((kept.watched_seconds, is_complete), (77, true));
    assert_eq!(kept.levels, BTreeMap::from([(3, Level::Review)]));
    assert_eq!(kept.state, state());
    assert_eq!(file.bytes(), bytes_in(dir.path()));
}

#[test]
fn a_file_is_complete_only_until_it_is_in_use_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = StateFile::new(dir.path().join("detection.state"), [1; 16]);
    file.mark_in_use().unwrap();
    write(&file, true);
    file.mark_in_use().unwrap();
    assert!(!file.read(1 << 20).unwrap().1);
}

#[test]
fn a_damaged_or_foreign_file_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("detection.state");
    let file = StateFile::new(path.clone(), [1; 16]);
    write(&file, false);
    let whole = fs::read(&path).unwrap();
    let aside = dir.path().join("detection.state.unusable");
    let is_set_aside = |bytes: &[u8], file: &StateFile, limit: u64| {
        fs::write(&path, bytes).unwrap();
        let read = file.read(limit);
        let told = read.is_none() && !path.exists() && fs::read(&aside).unwrap() == bytes;
        let _ = fs::remove_file(&aside);
        told
    };
    assert!(!is_set_aside(&whole, &file, 1 << 20), "it is whole");
    assert!(is_set_aside(&whole, &StateFile::new(path.clone(), [2; 16]), 1 << 20));
    assert!(is_set_aside(&whole, &file, 1));
    for length in 0..whole.len() {
        assert!(is_set_aside(&whole[..length], &file, 1 << 20), "{length} bytes");
    }
    for at in (0..whole.len()).filter(|at| ![10, 11].contains(at)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert!(is_set_aside(&damaged, &file, 1 << 20), "byte {at}");
    }
}
