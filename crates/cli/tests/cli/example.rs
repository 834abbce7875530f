//! The example of the crate `mika-client`, at a real tracker; and what else it offers to programs.

use mika_client::types::UserChange;
use mika_client::{Client, Error};
use serde_json::json;

use super::support::Tracker;

#[allow(dead_code, reason = "its main is not used here")]
#[path = "../../../client/examples/site.rs"]
mod site;

#[test]
fn the_example_of_the_client_does_what_it_says() {
    let tracker = Tracker::start();
    let token = std::fs::read_to_string(tracker.folder.path().join("mika-data/admin.token"));
    let token = token.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // The second time, what was done once is not done again.
        site::run(&tracker.url, token.trim()).await.unwrap();
        site::run(&tracker.url, token.trim()).await.unwrap();
    });
    assert_eq!(tracker.json(&["user", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(tracker.json(&["token", "list", "alice"])[0]["download_percent"], json!(0));

    let client = Client::new(&tracker.url, token.trim()).unwrap();
    let change = UserChange { wait_seconds: Some(7), ..UserChange::default() };
    runtime.block_on(async {
        let read = client.versioned_user("alice").await.unwrap();
        let mine = client.only_if(&read.version).unwrap();
        assert_eq!(mine.update_user("alice", &change).await.unwrap().wait_seconds, 7);
        let late = mine.update_user("alice", &change).await;
        assert_eq!(late.as_ref().err().and_then(Error::status), Some(412));
    });
}
