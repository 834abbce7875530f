use std::os::unix::fs::PermissionsExt;

use mika_client::types::{Notification, NotificationKind};
use tempfile::TempDir;

use super::*;

const URL: &str = "https://site.example/hook";

#[test]
fn webhooks_are_there_after_a_restart_and_their_secrets_are_told_once() {
    let dir = TempDir::new().unwrap();
    let webhooks = Webhooks::open(dir.path()).unwrap();
    assert!(webhooks.is_empty());
    let first = webhooks.add(NewWebhook::to(URL), 5, 100).unwrap();
    assert_eq!((first.id, first.delivered_id, first.created_at), (1, 5, 100));
    assert_eq!(first.secret.as_ref().unwrap().len(), 64);
    let second = NewWebhook { after_id: Some(2), ..NewWebhook::to(URL) };
    assert_eq!(webhooks.add(second, 5, 100).unwrap().waiting, 3);
    let change = WebhookChange { enabled: Some(false), new_secret: true, ..Default::default() };
    let changed = webhooks.update(1, change, 5).unwrap();
    assert!(changed.secret.is_some() && changed.secret != first.secret);
    webhooks.remove(2).unwrap();

    let webhooks = Webhooks::open(dir.path()).unwrap();
    let all = webhooks.list(9);
    assert_eq!(all, [Webhook { secret: None, waiting: 4, ..changed.clone() }]);
    let kept = webhooks.hook(1).unwrap().config();
    assert_eq!(Some(kept.secret), changed.secret);
    let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // An id is not given again: what is told about it would be another's.
    assert_eq!(webhooks.add(NewWebhook::to(URL), 5, 100).unwrap().id, 3);
    assert!(matches!(webhooks.get(2, 0), Err(WebhookError::NotFound(2))));
}

#[test]
fn what_cannot_be_a_webhook_is_refused() {
    let dir = TempDir::new().unwrap();
    let webhooks = Webhooks::open(dir.path()).unwrap();
    let long = format!("https://site.example/{}", "a".repeat(URL_BYTES_MAX));
    let urls = ["", "site.example", "ftp://site.example/", "https://me:pw@site.example/", &long];
    let wrong = urls.into_iter().map(NewWebhook::to).chain([
        NewWebhook { secret: Some("short".to_owned()), ..NewWebhook::to(URL) },
        NewWebhook { batch_max: Some(0), ..NewWebhook::to(URL) },
        NewWebhook {
            filter: NotificationFilter { user_ids: vec![1; 1001], ..Default::default() },
            ..NewWebhook::to(URL)
        },
    ]);
    for new in wrong {
        let url = new.url.clone();
        let result = webhooks.add(new, 0, 0);
        assert!(matches!(result, Err(WebhookError::Invalid(_))), "{url}: {result:?}");
    }
    for _ in 0..WEBHOOKS_MAX {
        webhooks.add(NewWebhook::to(URL), 0, 0).unwrap();
    }
    let one_more = webhooks.add(NewWebhook::to(URL), 0, 0);
    assert!(matches!(one_more, Err(WebhookError::TooMany(_))));
}

#[test]
fn dead_letters_are_kept_set_aside_and_forgotten() {
    let dir = TempDir::new().unwrap();
    let letter = |id| WebhookDeadLetter {
        at: 5,
        attempts: 3,
        reason: "it answers with status 500".to_owned(),
        events: vec![Notification { id, ..Notification::of(NotificationKind::StoreUp, 5) }],
    };
    let file = DeadLetterFile::open(dir.path(), 1).unwrap();
    for id in 1..=4 {
        file.append(&letter(id), 1 << 20).unwrap();
    }
    assert_eq!(file.newest(2).unwrap(), [letter(3), letter(4)]);
    let file = DeadLetterFile::open(dir.path(), 1).unwrap();
    assert_eq!(file.count(), 4);
    assert_eq!((file.set_aside().unwrap(), file.count()), (4, 0));
    file.tried(3).unwrap();
    assert_eq!(file.aside().unwrap(), [letter(4)]);
    file.append(&letter(5), 1 << 20).unwrap();
    assert_eq!((file.clear().unwrap(), file.count()), (1, 0));
    assert_eq!(file.aside().unwrap(), [letter(4)], "these are on their way");

    let bytes = serde_json::to_vec(&letter(1)).unwrap().len() as u64;
    for id in 10..30 {
        file.append(&letter(id), bytes * 6).unwrap();
    }
    assert!(file.count() <= 6, "{}", file.count());
    assert_eq!(file.newest(1).unwrap(), [letter(29)]);
}
