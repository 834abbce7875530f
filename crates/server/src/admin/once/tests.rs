use tempfile::TempDir;

use super::*;

const NOW: u32 = 1_800_000_000;

fn answer(text: &str) -> Option<Answer> {
    let content_type = Some("application/json".to_owned());
    Some(Answer { status: 201, content_type, etag: None, body: text.to_owned() })
}

fn begin(posts: &Posts, key: u8, digest: u8, now: u32) -> String {
    match posts.begin([key; 32], [digest; 32], now) {
        Ok(Turn::Yes) => "yes".to_owned(),
        Ok(Turn::Answered(answer)) => answer.body.clone(),
        Err(failure) => failure.into_response().status().as_u16().to_string(),
    }
}

fn opened(folder: &TempDir) -> Posts {
    let posts = Posts::default();
    posts.open(&folder.path().join("posts.jsonl")).unwrap();
    posts
}

#[test]
fn a_request_is_done_once_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let now = now_seconds();
    let posts = opened(&folder);
    assert_eq!(begin(&posts, 1, 7, now), "yes");
    assert_eq!(begin(&posts, 1, 7, now), "409");
    posts.end([1; 32], answer("one"), false).unwrap();
    for posts in [posts, opened(&folder), opened(&folder)] {
        assert_eq!(begin(&posts, 1, 7, now), "one");
        assert_eq!(begin(&posts, 1, 8, now), "422");
    }
}

#[test]
fn what_was_refused_may_be_tried_again_and_what_was_interrupted_may_not() {
    let folder = TempDir::new().unwrap();
    let now = now_seconds();
    let posts = opened(&folder);
    assert_eq!(begin(&posts, 1, 7, now), "yes");
    posts.end([1; 32], None, false).unwrap();
    assert_eq!(begin(&posts, 1, 7, now), "yes");
    drop(posts);
    assert_eq!(begin(&opened(&folder), 1, 7, now), "409");
}

#[test]
fn a_secret_answer_is_told_again_until_a_restart_and_written_nowhere() {
    let folder = TempDir::new().unwrap();
    let now = now_seconds();
    let posts = opened(&folder);
    assert_eq!(begin(&posts, 1, 7, now), "yes");
    posts.end([1; 32], answer("hush"), true).unwrap();
    assert_eq!(begin(&posts, 1, 7, now), "hush");
    let text = std::fs::read_to_string(folder.path().join("posts.jsonl")).unwrap();
    assert!(!text.contains("hush"));
    assert_eq!(begin(&opened(&folder), 1, 7, now), "409");
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    let posts = Posts::default();
    assert_eq!(begin(&posts, 1, 7, NOW), "yes");
    posts.end([1; 32], answer("one"), false).unwrap();
    assert_eq!(begin(&posts, 1, 7, NOW + KEPT_SECONDS - 1), "one");
    assert_eq!(begin(&posts, 1, 8, NOW + KEPT_SECONDS), "yes");
    assert_eq!(posts.0.lock().bytes, 0);
}

#[test]
fn half_a_line_is_no_line() {
    let folder = TempDir::new().unwrap();
    let now = now_seconds();
    let posts = opened(&folder);
    assert_eq!(begin(&posts, 1, 7, now), "yes");
    posts.end([1; 32], answer("one"), false).unwrap();
    drop(posts);
    let path = folder.path().join("posts.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"begun\":{\"key\":\"ab");
    std::fs::write(&path, text).unwrap();
    let posts = opened(&folder);
    assert_eq!(begin(&posts, 1, 7, now), "one");
    assert_eq!(begin(&posts, 2, 7, now), "yes");
    posts.end([2; 32], answer("two"), false).unwrap();
    assert_eq!(begin(&opened(&folder), 2, 7, now), "two");
}
