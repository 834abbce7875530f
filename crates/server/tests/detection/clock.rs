//! What is found over HTTP, with a clock that the test moves.

use mika_client::types::{FindingQuery, SuspectLevel, SuspectQuery};

use super::support::{Announce, FAKED, MIB, START_SECONDS, Site, hash};

#[tokio::test(flavor = "multi_thread")]
async fn b1_a_lone_seeder_s_upload_is_one_finding_that_names_its_window() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    site.cheat(1, 1);
    let [finding] = &site.findings().await[..] else { panic!("one finding") };
    assert_eq!((finding.detector.as_str(), finding.family.as_str()), ("no_sink", "accounting"));
    assert_eq!((finding.user_id, finding.torrent_id), (1, Some(1)));
    assert_eq!(finding.info_hash, Some(hash(1)));
    // From an interval and five minutes before the report before to this one.
    let now = START_SECONDS + 7200 + 1800;
    assert_eq!((finding.from, finding.to), (now - 1800 - 2100, now));
    assert_eq!((finding.observed, finding.bound), (FAKED as f64, 0.0));
    assert_eq!(finding.unit, "bytes");
    // As the formula says: min(3, 2 + ½·log2(100 / 16)).
    assert!((finding.llr - 3.0).abs() < 1e-9, "{}", finding.llr);
    assert_eq!((finding.score_before, finding.score_after), (0.0, 3.0));
    assert!(finding.excuses.iter().all(|excuse| !excuse.applies));
    assert_eq!(finding.user_level, SuspectLevel::None);

    // On a second torrent it is worth a note.
    site.cheat(1, 2);
    let suspects = site.client.suspects(&SuspectQuery::default()).await.unwrap().items;
    assert_eq!(suspects.len(), 1);
    assert_eq!((suspects[0].user_id, suspects[0].level), (1, SuspectLevel::Note));
    let metrics = site.metrics.render().unwrap();
    assert!(metrics.contains("mika_detection_findings_total{detector=\"no_sink\"} 2"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_upload_is_no_finding_if_the_last_leecher_left_twenty_minutes_ago() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    let (seeder, leecher) = (Announce::of(1, 1).left(0), Announce::of(2, 1).left(200 * MIB));
    site.announce(&seeder.clone().event("started"));
    site.announce(&leecher.clone().event("started"));
    site.wait(600);
    site.announce(&leecher.downloaded(100 * MIB).left(100 * MIB).event("stopped"));
    site.wait(1200);
    site.announce(&seeder.uploaded(100 * MIB));
    site.step();
    assert!(site.findings().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_a_passkey_on_six_networks_with_three_programs_is_a_finding() {
    let site = Site::start(&[]).await;
    let programs =
        [("TR", "Transmission/3.00"), ("qB", "qBittorrent/4.5.2"), ("DE", "Deluge/2.1.1")];
    for network in 1..=6 {
        let (letters, agent) = programs[usize::from(network) % 3];
        let announce = Announce::of(3, u32::from(network)).client(letters, agent, network);
        site.announce(&announce.event("started"));
        site.wait(1800);
    }
    let findings = site.findings().await;
    let sharing: Vec<_> = findings.iter().filter(|it| it.family == "sharing").collect();
    let [finding] = &sharing[..] else { panic!("{findings:?}") };
    assert_eq!((finding.detector.as_str(), finding.user_id), ("networks", 3));
    assert_eq!((finding.observed, finding.bound, finding.torrent_id), (5.0, 4.0, None));
    assert_eq!(finding.inputs.iter().find(|it| it.name == "programs").unwrap().value, 3.0);
    // No address is in it, nor in what is kept.
    site.inspector.save(false).unwrap();
    let bytes = std::fs::read(site.folder.path().join("detection.state")).unwrap();
    for network in 1..=6_u8 {
        let binary = [127, 0, network];
        let at = bytes.windows(3).position(|it| it == binary);
        assert_eq!(at, None, "network {network} can be read");
        let text = format!("127.0.{network}.");
        let at = bytes.windows(text.len()).position(|it| it == text.as_bytes());
        assert_eq!(at, None, "network {network} can be read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_paged_and_filtered() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    for (user, torrent) in [(1, 1), (1, 2), (2, 3)] {
        site.cheat(user, torrent);
    }
    let ids = async |query: FindingQuery| {
        let page = site.client.findings(&query).await.unwrap();
        (page.items.iter().map(|it| it.id).collect::<Vec<_>>(), page.next_cursor)
    };
    let query = FindingQuery::default;
    assert_eq!(ids(query()).await, (vec![3, 2, 1], None));
    let (first, cursor) = ids(FindingQuery { limit: Some(2), ..query() }).await;
    assert_eq!((first, cursor.is_some()), (vec![3, 2], true));
    assert_eq!(ids(FindingQuery { cursor, limit: Some(2), ..query() }).await, (vec![1], None));
    let user = Some("user1".to_owned());
    assert_eq!(ids(FindingQuery { user, ..query() }).await.0, [2, 1]);
    assert_eq!(ids(FindingQuery { torrent_id: Some(3), ..query() }).await.0, [3]);
    let detector = Some("no_sink".to_owned());
    assert_eq!(ids(FindingQuery { detector, ..query() }).await.0, [3, 2, 1]);
    let detector = Some("speed".to_owned());
    assert_eq!(ids(FindingQuery { detector, ..query() }).await.0, [0; 0]);
    let level = Some(SuspectLevel::Note);
    assert_eq!(ids(FindingQuery { level, ..query() }).await.0, [2, 1]);
    let wrong = FindingQuery { detector: Some("luck".to_owned()), ..query() };
    let error = site.client.findings(&wrong).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(422), Some("invalid_value")));
    let wrong = FindingQuery { cursor: Some("x".to_owned()), ..query() };
    assert_eq!(site.client.findings(&wrong).await.unwrap_err().status(), Some(422));
    assert_eq!(site.client.finding(4).await.unwrap_err().code(), Some("finding_not_found"));

    let mut export = site.client.export_findings().await.unwrap();
    let mut lines = Vec::new();
    while let Some(bytes) = export.next().await.unwrap() {
        lines.extend_from_slice(&bytes);
    }
    let lines = String::from_utf8(lines).unwrap();
    let exported: Vec<mika_client::types::Finding> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exported, site.findings().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_of_an_exempt_torrent_need_not_balance() {
    let site = Site::start(&[]).await;
    site.client.exempt_torrent(hash(1)).await.unwrap();
    site.wait(7200);
    site.cheat(1, 1);
    assert!(site.findings().await.is_empty());
    assert_eq!(site.client.exempt_torrents().await.unwrap()[0].info_hash, hash(1));
    let error = site.client.exempt_torrent(hash(77)).await.unwrap_err();
    assert_eq!(error.code(), Some("torrent_not_found"));
    site.client.unexempt_torrent(hash(1)).await.unwrap();
    let error = site.client.unexempt_torrent(hash(1)).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(404), Some("exempt_torrent_not_found")));
    site.wait(7200);
    site.cheat(2, 1);
    assert_eq!(site.findings().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_has_limits_and_the_queues_drop_what_is_too_much() {
    let keys = [
        ("detection.findings_max", "100"),
        ("detection.users_max", "100"),
        ("detection.queued_max", "16"),
    ];
    let site = Site::start(&keys).await;
    site.wait(7200);
    let seeder = Announce::of(1, 1).left(0);
    for number in 0..40 {
        site.announce(&seeder.clone().uploaded(number * MIB));
    }
    let stepped = site.step();
    assert_eq!((stepped.observations, stepped.dropped), (16, 24));
    let status = site.client.detection().await.unwrap();
    assert_eq!((status.mode.as_str(), status.dropped), ("shadow", 24));
    assert!(status.bytes_max > 0 && status.users_held <= 100);
}
