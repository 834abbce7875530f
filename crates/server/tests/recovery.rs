//! Starts from data directories that are not what the last process left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use mika_protocol::InfoHash;
use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use mika_store::Catalog;
use mika_store::catalog::{NewTorrent, NewUser, UserKey};
use mika_store::sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const PASSKEY: &str = "alicealice";

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A whole server within the test.
struct Server {
    port: u16,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// A port that is free, below those that the system gives to clients of its own choice.
fn free_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let port = 21_000 + u16::try_from(random % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn config(dir: &Path, port: u16) -> Config {
    let text = |key: &str, value: String| (key.to_owned(), value);
    let overrides = [
        text("data.dir", dir.display().to_string()),
        text("http.listen", format!("[\"127.0.0.1:{port}\"]")),
        text("http.workers", "1".to_owned()),
        text("udp.listen", "[]".to_owned()),
        text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
        text("flush.interval_milliseconds", "10".to_owned()),
    ];
    Config::load(None, [], overrides).unwrap()
}

async fn start(dir: &Path) -> Result<Server, ServeError> {
    let port = free_port();
    let (requests, receiver) = mpsc::channel(1);
    let (ready, is_ready) = oneshot::channel();
    let config = config(dir, port);
    let again = config.clone();
    let hooks = Hooks {
        read_config: Box::new(move || Ok(again.clone())),
        config_applied: Box::new(|_| {}),
    };
    let task = tokio::spawn(serve::run(config, hooks, Channel(receiver), move |_| {
        ready.send(()).unwrap();
    }));
    match is_ready.await {
        Ok(()) => Ok(Server { port, requests, task }),
        Err(_) => Err(task.await.unwrap().unwrap_err()),
    }
}

impl Server {
    /// Announces as a seeder; returns the reply.
    async fn announce(&self, uploaded: u64) -> String {
        let port = self.port;
        let get = move || {
            let target = format!(
                "/{PASSKEY}/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-TR3000-abcdefghijkl\
                 &port=6881&uploaded={uploaded}&downloaded=0&left=0"
            );
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).unwrap();
            String::from_utf8_lossy(&reply).into_owned()
        };
        let reply = tokio::task::spawn_blocking(get).await.unwrap();
        assert!(reply.contains("8:intervali"), "{reply}");
        reply
    }

    async fn stop(self) {
        self.requests.send(Request::Stop).await.unwrap();
        self.task.await.unwrap().unwrap();
    }
}

async fn site(dir: &Path) {
    let store = SqliteStore::open(&dir.join("mika.sqlite")).await.unwrap();
    let user = NewUser {
        name: "alice".to_owned(),
        passkey: PASSKEY.to_owned(),
        role_id: 1,
        download_enabled: true,
        ..NewUser::default()
    };
    store.add_user(&user).await.unwrap();
    let torrent = NewTorrent {
        info_hash: InfoHash([b'a'; 20]),
        info_hash_v2: None,
        title: "a".to_owned(),
        upload_percent: 100,
        download_percent: 100,
        created_at_seconds: 0,
    };
    store.add_torrent(&torrent).await.unwrap();
    mika_store::Store::close(&store).await;
}

async fn uploaded(dir: &Path) -> u64 {
    let store = SqliteStore::open(&dir.join("mika.sqlite")).await.unwrap();
    let alice = store.user(&UserKey::Name("alice".to_owned())).await.unwrap().unwrap();
    mika_store::Store::close(&store).await;
    alice.uploaded
}

fn copy(dir: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let from: PathBuf = entry.unwrap().path();
        let target = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &target)
        } else {
            fs::copy(&from, &target).map(drop).unwrap()
        }
    }
}

fn empty_journal(dir: &Path) {
    for entry in fs::read_dir(dir.join("journal")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

/// Announces `totals` one run of the server each; the last is alice's total.
async fn run(dir: &Path, totals: &[u64]) {
    for total in totals {
        let server = start(dir).await.unwrap();
        server.announce(*total).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_goes_on_over_orderly_restarts() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    run(dir.path(), &[0, 1000, 5000]).await;
    assert_eq!(uploaded(dir.path()).await, 5000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_snapshot_in_a_newer_directory_counts_nothing_twice() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000, 6000]).await;
    fs::copy(old.path().join("snapshot"), dir.path().join("snapshot")).unwrap();
    run(dir.path(), &[6000, 6500]).await;
    assert_eq!(uploaded(dir.path()).await, 6500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_snapshot_costs_one_report_and_counts_nothing_twice() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    run(dir.path(), &[0, 5000]).await;
    fs::remove_file(dir.path().join("snapshot")).unwrap();
    empty_journal(dir.path());
    run(dir.path(), &[6000, 6500]).await;
    assert_eq!(uploaded(dir.path()).await, 5500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_store_is_refused_and_says_what_to_do() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000, 6000]).await;
    fs::copy(old.path().join("mika.sqlite"), dir.path().join("mika.sqlite")).unwrap();
    empty_journal(dir.path());
    let error = start(dir.path()).await.err().unwrap().to_string();
    assert!(error.contains("older copy than"), "{error}");
    assert!(error.contains("Put the right one back"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_store_catches_up_with_the_journal() {
    let (dir, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    site(dir.path()).await;
    run(dir.path(), &[0]).await;
    copy(dir.path(), old.path());
    run(dir.path(), &[5000]).await;
    fs::copy(old.path().join("mika.sqlite"), dir.path().join("mika.sqlite")).unwrap();
    run(dir.path(), &[6000]).await;
    assert_eq!(uploaded(dir.path()).await, 6000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    site(dir.path()).await;
    let first = start(dir.path()).await.unwrap();
    let error = start(dir.path()).await.err().unwrap().to_string();
    assert!(error.contains("in use by another mika"), "{error}");
    first.stop().await;
}
