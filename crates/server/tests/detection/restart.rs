//! What a restart leaves as it was.

use std::os::unix::fs::PermissionsExt;

use mika_client::types::{ConfigPatch, RestraintChange};

use super::support::{Announce, GB, files};
use super::whole::Whole;

/// Users 1 and 2 are found to be faster than any line, user 2 also to have too many networks.
async fn cheat(server: &Whole) {
    for user in 1..=2 {
        server.add_user(user).await;
        let seeder = Announce::of(user, user).left(0);
        server.announce(&seeder.clone().event("started"));
        server.announce(&seeder.uploaded(900 * GB + 1));
    }
    for user in 1..=2 {
        server.finding(user, "speed").await;
    }
    for network in 1..=6 {
        let (letters, agent) =
            [("qB", "qBittorrent/4.5"), ("DE", "Deluge/2"), ("TR", "Transmission/3.00")]
                [usize::from(network) % 3];
        let torrent = 10 + u32::from(network);
        server.announce(&Announce::of(2, torrent).client(letters, agent, network));
    }
    server.finding(2, "networks").await;
}

async fn scores(server: &Whole) -> Vec<f64> {
    let mut scores = Vec::new();
    for user in ["user1", "user2"] {
        scores.push(server.client.suspect(user).await.unwrap().score);
    }
    scores
}

#[tokio::test(flavor = "multi_thread")]
async fn b15_a_restart_changes_no_score_by_more_than_a_thousandth() {
    let dir = tempfile::tempdir().unwrap();
    let server = Whole::start(dir.path(), &[]).await;
    cheat(&server).await;
    let wrong = server.finding(1, "speed").await.id;
    server.client.dismiss_finding(wrong, "a new line").await.unwrap();
    let findings = server.findings().await;
    let before = scores(&server).await;
    server.stop().await;
    let state = dir.path().join("detection.state");
    assert_eq!(state.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let server = Whole::start(dir.path(), &[]).await;
    let after = scores(&server).await;
    assert!(before[0] < 0.01 && before[1] > 4.0, "{before:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!((before - after).abs() < 1e-3, "{before} {after}");
    }
    assert_eq!(server.findings().await, findings);
    let dismissed = server.client.finding(wrong).await.unwrap();
    assert_eq!(dismissed.verdict_text.as_deref(), Some("a new line"));
    assert!(server.client.detection().await.unwrap().state_bytes > 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_the_tracker_runs() {
    let dir = tempfile::tempdir().unwrap();
    let server = Whole::start(dir.path(), &[]).await;
    cheat(&server).await;
    server.stop().await;
    let state = dir.path().join("detection.state");
    let mut bytes = std::fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&state, &bytes).unwrap();

    let server = Whole::start(dir.path(), &[]).await;
    assert!(server.findings().await.is_empty());
    server.announce(&Announce::of(1, 1).left(0));
    let names = files(dir.path());
    assert!(names.contains(&"detection.state.unusable".to_owned()), "{names:?}");
    assert_eq!(std::fs::read(dir.path().join("detection.state.unusable")).unwrap(), bytes);
    server.stop().await;
    assert!(files(dir.path()).contains(&"detection.state".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_and_what_it_withholds_survive_a_restart_until_a_person_decides() {
    let dir = tempfile::tempdir().unwrap();
    let keys = [("detection.mode", "\"enforce\"")];
    let server = Whole::start(dir.path(), &keys).await;
    server.add_user(1).await;
    let seeder = Announce::of(1, 1).left(0);
    server.announce(&seeder.clone().event("started"));
    let change = RestraintChange {
        warning: Some(true),
        quarantine: Some(true),
        ..RestraintChange::default()
    };
    server.client.restrain("user1", &change).await.unwrap();
    server.announce(&seeder.clone().uploaded(1000));
    server.client.flush().await.unwrap();
    assert_eq!(server.client.suspect("user1").await.unwrap().withheld, 1000);
    server.stop().await;

    let server = Whole::start(dir.path(), &keys).await;
    let reply = server.announce(&seeder.clone().uploaded(3000));
    assert!(reply.contains("15:warning message"), "{reply}");
    let credit = server.client.release_withheld("user1").await.unwrap();
    assert_eq!(credit.bytes, 3000);
    let user = server.client.user("user1").await.unwrap();
    assert_eq!((user.uploaded, user.uploaded_raw), (3000, 3000));
    // It goes on until it is lifted.
    server.announce(&seeder.clone().uploaded(4000));
    assert_eq!(server.client.drop_withheld("user1").await.unwrap().bytes, 1000);
    let change = RestraintChange { quarantine: Some(false), ..RestraintChange::default() };
    server.client.restrain("user1", &change).await.unwrap();
    server.announce(&seeder.uploaded(9000));
    server.client.flush().await.unwrap();
    let user = server.client.user("user1").await.unwrap();
    assert_eq!((user.uploaded, user.uploaded_raw), (8000, 9000));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn detection_is_switched_off_and_on_again_in_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Whole::start(dir.path(), &[]).await;
    cheat(&server).await;
    let before = server.findings().await.len();
    let mode = async |mode: &str| {
        let patch = ConfigPatch([("detection.mode".to_owned(), mode.into())].into());
        server.client.change_config(&patch).await.unwrap();
        assert_eq!(server.client.detection().await.unwrap().mode, mode);
    };
    mode("off").await;
    server.add_user(3).await;
    let seeder = Announce::of(3, 3).left(0);
    server.announce(&seeder.clone().event("started"));
    server.announce(&seeder.clone().uploaded(900 * GB + 1));
    mode("shadow").await;
    // It is a second until what waits is thrown away or looked at.
    let seen = server.client.detection().await.unwrap().observations;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(server.findings().await.len(), before);
    server.announce(&seeder.clone().uploaded(1900 * GB + 2));
    server.finding(3, "speed").await;
    assert!(server.client.detection().await.unwrap().observations > seen);
    server.stop().await;
}
