//! What is done about suspects, and undone.

use mika_client::types::{NotificationKind, RestraintChange, SuspectLevel};

use super::support::{Announce, FAKED, MIB, Site};

const QUARANTINE: &[(&str, &str)] = &[
    ("detection.mode", "\"enforce\""),
    ("detection.note_actions", "[\"log\", \"event\", \"warning\"]"),
    ("detection.review_actions", "[\"log\", \"event\", \"warning\", \"quarantine\"]"),
    ("detection.warning_text", "\"please see the staff\""),
];

fn is_warned(site: &Site, user: u32) -> bool {
    let reply = site.announce(&Announce::of(user, 9).left(0));
    reply.contains("15:warning message20:please see the staff")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_rises_is_told_and_done_about_and_a_person_undoes_it() {
    let site = Site::start(QUARANTINE).await;
    site.wait(7200);
    site.cheat(1, 1);
    assert!(!is_warned(&site, 1));
    site.cheat(1, 2);
    assert!(is_warned(&site, 1));
    assert!(!is_warned(&site, 2));
    assert_eq!(site.tracker.restraint(1).map(|it| it.quarantine), Some(false));
    site.cheat(1, 3);
    let suspect = site.client.suspect("user1").await.unwrap();
    assert_eq!((suspect.level, suspect.acted_level), (SuspectLevel::Review, SuspectLevel::Review));
    assert!(suspect.warning && suspect.quarantine && !suspect.disabled);
    let told = site.client.notifications(&Default::default()).await.unwrap().items;
    let levels: Vec<_> = told.iter().map(|it| (it.kind, it.user_id, it.level)).collect();
    let rise = |level| (NotificationKind::Suspect, Some(1), Some(level));
    assert_eq!(levels, [rise(SuspectLevel::Note), rise(SuspectLevel::Review)]);
    assert_eq!(told[1].finding_id, Some(3));

    // What is uploaded from now on is withheld.
    site.drain();
    site.wait(1800);
    site.announce(&Announce::of(1, 3).left(0).uploaded(FAKED + 50 * MIB));
    let batch = site.drain();
    let user = batch.users.iter().find(|it| it.user_id == 1).unwrap();
    assert_eq!(user.traffic.uploaded_credited, 0);
    assert_eq!(user.traffic.uploaded_raw, 50 * MIB);
    let suspect = site.client.suspect("user1").await.unwrap();
    assert_eq!(suspect.withheld, 50 * MIB);

    // A person gives it back, and lifts everything: it stays so at this level.
    let change = RestraintChange {
        warning: Some(false),
        quarantine: Some(false),
        ..RestraintChange::default()
    };
    let suspect = site.client.restrain("user1", &change).await.unwrap();
    assert!(!suspect.warning && !suspect.quarantine);
    let credit = site.client.release_withheld("user1").await.unwrap();
    assert_eq!((credit.user_id, credit.bytes), (1, 50 * MIB));
    let batch = site.drain();
    let user = batch.users.iter().find(|it| it.user_id == 1).unwrap();
    assert_eq!(user.traffic.uploaded_credited, 50 * MIB);
    assert_eq!(site.tracker.withheld(1), 0);
    site.cheat(1, 4);
    assert!(!is_warned(&site, 1));
    assert_eq!(site.client.suspect("user1").await.unwrap().level, SuspectLevel::Review);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_nobody_can_be_restrained_and_what_was_is_lifted() {
    let site = Site::start(QUARANTINE).await;
    let warn = RestraintChange { warning: Some(true), ..RestraintChange::default() };
    site.client.restrain("user1", &warn).await.unwrap();
    assert!(is_warned(&site, 1));
    let set_mode = |mode| {
        let mut config = mika_server::config::Config::clone(&site.config.load());
        config.detection.mode = mode;
        site.config.store(std::sync::Arc::new(config));
        site.step();
    };
    set_mode(mika_server::config::DetectionMode::Shadow);
    assert!(!is_warned(&site, 1));
    let error = site.client.restrain("user2", &warn).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(409), Some("not_enforcing")));
    set_mode(mika_server::config::DetectionMode::Enforce);
    assert!(is_warned(&site, 1));
    set_mode(mika_server::config::DetectionMode::Off);
    assert!(!is_warned(&site, 1));
    let lift = RestraintChange { warning: Some(false), ..RestraintChange::default() };
    assert!(!site.client.restrain("user1", &lift).await.unwrap().warning);
    let unknown = site.client.restrain("nobody", &lift).await.unwrap_err();
    assert_eq!(unknown.code(), Some("user_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_closes_an_account_and_opens_it_again() {
    let site = Site::start(QUARANTINE).await;
    let closed = |disabled| RestraintChange { disabled: Some(disabled), ..Default::default() };
    assert!(site.client.restrain("user1", &closed(true)).await.unwrap().disabled);
    assert!(site.client.user("user1").await.unwrap().deleted);
    let reply = site.announce(&Announce::of(1, 1));
    assert!(reply.contains("failure reason"), "{reply}");
    assert!(!site.client.restrain("user1", &closed(false)).await.unwrap().disabled);
    assert!(!site.client.user("user1").await.unwrap().deleted);
    let reply = site.announce(&Announce::of(1, 1));
    assert!(reply.contains("8:interval"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_ends_when_the_score_has_faded_but_a_quarantine_waits_for_a_person() {
    let site = Site::start(QUARANTINE).await;
    site.wait(7200);
    for torrent in 1..=3 {
        site.cheat(1, torrent);
    }
    assert!(is_warned(&site, 1));
    // Nine nats are less than five after a half-life of 30 days.
    site.clock.advance(40 * 86_400);
    site.wait(120);
    let suspect = site.client.suspect("user1").await.unwrap();
    assert_eq!((suspect.level, suspect.acted_level), (SuspectLevel::None, SuspectLevel::None));
    assert!(!suspect.warning && suspect.quarantine);
    assert!(!is_warned(&site, 1));
}
