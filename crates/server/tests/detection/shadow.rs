//! In shadow nothing changes but what the tracker knows.

use mika_core::batch::Batch;

use super::support::{Announce, GB, MIB, Site};

/// What some clients announce, with the seconds to wait before each.
fn script() -> Vec<(u32, Announce)> {
    let seeder = |user, torrent| Announce::of(user, torrent).left(0);
    let mut script = vec![(7200, seeder(1, 1).event("started")), (5, seeder(1, 2))];
    // Upload into empty swarms, again and again.
    for number in 1..=6 {
        script.push((1800, seeder(1, 1).uploaded(number * 100 * MIB)));
        script.push((0, seeder(1, 2).uploaded(number * 100 * MIB)));
        script.push((0, seeder(1, 3).uploaded(number * 100 * MIB)));
    }
    // An honest pair, with a recheck and a restart.
    let leecher = Announce::of(3, 4).left(900 * MIB);
    script.push((10, seeder(2, 4).event("started")));
    script.push((10, leecher.clone().event("started")));
    script.push((900, leecher.clone().downloaded(300 * MIB).left(600 * MIB)));
    script.push((900, seeder(2, 4).uploaded(500 * MIB)));
    script.push((60, leecher.clone().downloaded(900 * MIB).left(0).event("completed")));
    script.push((60, leecher.clone().left(MIB)));
    script.push((60, leecher.left(MIB).event("stopped")));
    // Faster than any line.
    script.push((60, seeder(4, 5).event("started")));
    script.push((300, seeder(4, 5).uploaded(900 * GB)));
    // A passkey on many networks, with other programs.
    for network in 1..=6 {
        let (letters, agent) = [("qB", "qBittorrent/4.5"), ("DE", "Deluge/2")][network % 2];
        let network = u8::try_from(network).unwrap();
        script.push((600, Announce::of(5, u32::from(network)).client(letters, agent, network)));
    }
    script.push((60, seeder(1, 1).uploaded(800 * MIB).event("stopped")));
    script
}

/// Replays it through a real server: what each client was told, and what the store is told.
async fn replay(keys: &[(&str, &str)]) -> (Site, Vec<String>, Vec<Batch>) {
    let site = Site::start(keys).await;
    let (mut replies, mut batches) = (Vec::new(), Vec::new());
    for (seconds, announce) in script() {
        site.wait(seconds);
        replies.push(site.announce(&announce));
        site.step();
        batches.push(site.drain());
    }
    (site, replies, batches)
}

#[tokio::test(flavor = "multi_thread")]
async fn b13_replies_credits_and_flags_are_the_same_bytes_with_detection_in_shadow_as_without() {
    let all = [
        ("detection.note_actions", "[\"log\", \"event\", \"warning\"]"),
        ("detection.review_actions", "[\"log\", \"event\", \"warning\", \"quarantine\"]"),
        ("detection.strong_actions", "[\"log\", \"warning\", \"quarantine\", \"disable\"]"),
    ];
    let of_mode = |mode: &'static str| [&all[..], &[("detection.mode", mode)]].concat();
    let (off, replies_off, batches_off) = replay(&of_mode("\"off\"")).await;
    let (shadow, replies, batches) = replay(&of_mode("\"shadow\"")).await;
    assert_eq!(replies, replies_off);
    assert!(replies.iter().all(|reply| reply.contains("8:interval")), "{replies:?}");
    assert_eq!(batches, batches_off);
    assert!(off.findings().await.is_empty());
    assert_eq!(off.client.detection().await.unwrap().mode, "off");
    let detectors: Vec<String> =
        shadow.findings().await.into_iter().map(|it| it.detector).collect();
    for detector in ["no_sink", "speed", "networks"] {
        assert!(detectors.iter().any(|it| it == detector), "{detector}: {detectors:?}");
    }
    let of_user = |site: &Site, id: u32| {
        let control = site.control.clone();
        async move { control.user(&format!("id:{id}")).await.unwrap() }
    };
    for id in 1..=9 {
        let (without, with) = (of_user(&off, id).await, of_user(&shadow, id).await);
        let flags = |user: &mika_client::types::User| (user.download_enabled, user.deleted);
        assert_eq!(flags(&without), flags(&with));
        assert_eq!(shadow.tracker.restraint(id), None);
    }

    // The same with actions in force is not the same.
    let (enforce, replies, batches) = replay(&of_mode("\"enforce\"")).await;
    assert_ne!(replies, replies_off);
    assert_ne!(batches, batches_off);
    assert!(replies.iter().any(|reply| reply.contains("15:warning message")), "{replies:?}");
    assert!(enforce.tracker.withheld(1) > 0);
}
