use super::*;

fn entry(path: &str) -> AuditEntry {
    AuditEntry {
        id: 0,
        at: 1000,
        actor: "site".to_owned(),
        token_id: Some(1),
        address: "127.0.0.1".to_owned(),
        method: "POST".to_owned(),
        path: path.to_owned(),
        request: None,
        status: None,
    }
}

async fn ids(audit: &Audit, query: AuditQuery) -> Vec<(u64, Option<u16>)> {
    let page = audit.page(query).await.unwrap();
    page.items.iter().map(|entry| (entry.id, entry.status)).collect()
}

#[tokio::test]
async fn what_was_begun_is_there_after_a_crash_even_behind_half_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), 1 << 20).unwrap();
    let first = audit.begin(entry("/a")).unwrap();
    audit.end(first, StatusCode::CREATED);
    audit.begin(entry("/b")).unwrap();
    drop(audit);
    let mut file = append(&folder.path().join("audit.jsonl")).unwrap();
    file.write_all(b"{\"id\":3,\"at\":10").unwrap();
    let audit = Audit::open(folder.path(), 1 << 20).unwrap();
    let third = audit.begin(entry("/c")).unwrap();
    audit.end(third, StatusCode::CONFLICT);
    let expected = vec![(1, Some(201)), (2, None), (3, Some(409))];
    assert_eq!(ids(&audit, AuditQuery::default()).await, expected);
}

#[tokio::test]
async fn the_log_keeps_to_its_size_and_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), 20_000).unwrap();
    for _ in 0..1000 {
        let id = audit.begin(entry("/a")).unwrap();
        audit.end(id, StatusCode::OK);
    }
    let size = |name: &str| folder.path().join(name).metadata().unwrap().len();
    assert!(size("audit.jsonl") + size("audit.old.jsonl") < 21_000);
    let kept = ids(&audit, AuditQuery::default()).await;
    assert_eq!(kept.last(), Some(&(1000, Some(200))));
    assert!(kept.len() > 40, "{}", kept.len());
    drop(audit);
    let audit = Audit::open(folder.path(), 20_000).unwrap();
    assert_eq!(audit.begin(entry("/b")).unwrap(), 1001);
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_apply() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), 1 << 20).unwrap();
    for path in ["/a/1", "/b/1", "/a/2", "/a/3"] {
        audit.begin(entry(path)).unwrap();
    }
    let first = AuditQuery { limit: Some(2), path: Some("/a".to_owned()), ..Default::default() };
    let page = audit.page(first.clone()).await.unwrap();
    assert_eq!(page.next_after_id, Some(3));
    let rest = audit.page(AuditQuery { after_id: 3, ..first }).await.unwrap();
    assert_eq!((rest.items.len(), rest.next_after_id), (1, None));
    let others = AuditQuery { actor: Some("nobody".to_owned()), ..Default::default() };
    assert_eq!(ids(&audit, others).await, vec![]);
    let later = AuditQuery { since: Some(1001), ..Default::default() };
    assert_eq!(ids(&audit, later).await, vec![]);
    let none = audit.page(AuditQuery { limit: Some(0), ..Default::default() }).await;
    assert!(none.is_err());
}
