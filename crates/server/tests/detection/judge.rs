//! What people make of findings.

use mika_client::types::{AuditQuery, FindingVerdict, NewApiToken, Scope, SuspectLevel};
use mika_server::detection::Inspector;

use super::support::{KEY, Site, files};

#[tokio::test(flavor = "multi_thread")]
async fn b14_dismissing_lowers_the_score_and_is_in_the_audit_log() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    site.cheat(1, 1);
    site.cheat(1, 2);
    let before = site.client.suspect("user1").await.unwrap();
    assert_eq!(before.level, SuspectLevel::Note);
    let finding = site.client.dismiss_finding(2, " a web seed ").await.unwrap();
    assert_eq!(finding.verdict, FindingVerdict::Dismissed);
    assert_eq!(finding.verdict_text.as_deref(), Some("a web seed"));
    let after = site.client.suspect("1").await.unwrap();
    assert!((before.score - after.score - 3.0).abs() < 0.01, "{before:?} {after:?}");
    assert_eq!((after.level, after.records), (SuspectLevel::None, 1));

    let audit = site.client.audit(&AuditQuery::default()).await.unwrap();
    let entry = audit.items.iter().find(|it| it.path.ends_with("/dismiss")).unwrap();
    assert_eq!((entry.actor.as_str(), entry.status), ("admin", Some(200)));
    assert_eq!(entry.path, "/api/v1/detection/findings/2/dismiss");
    assert!(entry.request.as_ref().unwrap().to_string().contains("a web seed"));
    let detectors = site.client.detection().await.unwrap().detectors;
    let no_sink = detectors.iter().find(|it| it.detector == "no_sink").unwrap();
    assert_eq!((no_sink.findings, no_sink.dismissed, no_sink.precision), (2, 1, Some(0.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_judge_the_same_finding_the_second_is_told() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    site.cheat(1, 1);
    let seen = site.client.versioned_finding(1).await.unwrap();
    let mine = site.client.only_if(&seen.version).unwrap();
    let confirmed = mine.confirm_finding(1, "ratiomaster").await.unwrap();
    assert_eq!(confirmed.verdict, FindingVerdict::Confirmed);
    assert_eq!(site.client.suspect("user1").await.unwrap().score.round(), 5.0);
    let late = mine.dismiss_finding(1, "no").await.unwrap_err();
    assert_eq!((late.status(), late.code()), (Some(412), Some("changed_meanwhile")));
    let late = site.client.dismiss_finding(1, "no").await.unwrap_err();
    assert_eq!((late.status(), late.code()), (Some(409), Some("finding_judged")));
    let wrong = site.client.dismiss_finding(1, "  ").await.unwrap_err();
    assert_eq!((wrong.status(), wrong.code()), (Some(422), Some("invalid_value")));
    let none = site.client.dismiss_finding(9, "no").await.unwrap_err();
    assert_eq!((none.status(), none.code()), (Some(404), Some("finding_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_judges_nothing() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    site.cheat(1, 1);
    let new =
        NewApiToken { name: "reader".to_owned(), scopes: vec![Scope::Read], expires_at: None };
    let token = site.client.create_api_token(&new).await.unwrap();
    let reader = mika_client::Client::new(site.client.url(), &token.token).unwrap();
    assert_eq!(reader.finding(1).await.unwrap().id, 1);
    assert_eq!(reader.dismiss_finding(1, "no").await.unwrap_err().status(), Some(403));
    assert_eq!(site.client.finding(1).await.unwrap().verdict, FindingVerdict::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_decided_survives_although_the_state_was_not_written_since() {
    let site = Site::start(&[]).await;
    site.wait(7200);
    site.cheat(1, 1);
    site.cheat(2, 2);
    site.inspector.save(false).unwrap();
    site.client.dismiss_finding(1, "a web seed").await.unwrap();
    site.client.confirm_finding(2, "joal").await.unwrap();
    let scores = [site.client.suspect("1").await.unwrap(), site.client.suspect("2").await.unwrap()];
    assert!(files(site.folder.path()).contains(&"detection.verdicts.jsonl".to_owned()));

    // As after a crash: from the files alone.
    let again = Site::start(&[]).await;
    for name in ["detection.state", "detection.verdicts.jsonl"] {
        std::fs::copy(site.folder.path().join(name), again.folder.path().join(name)).unwrap();
    }
    again.clock.advance(site.clock.now_seconds() - again.clock.now_seconds());
    let inspector = Inspector::open(
        again.folder.path(),
        KEY,
        again.tracker.clone(),
        again.config.clone(),
        None,
        again.clock.clone(),
    );
    let inspector = inspector.unwrap();
    let status = inspector.standings(&[1, 2]);
    for (was, is) in scores.iter().zip(status) {
        assert!((was.score - is).abs() < 1e-3, "{was:?} {is}");
    }
    inspector.save(false).unwrap();
    assert!(!files(again.folder.path()).contains(&"detection.verdicts.jsonl".to_owned()));
}
