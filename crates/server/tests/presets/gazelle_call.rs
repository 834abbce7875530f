//! Gazelle's page of expired tokens is called once a download that a token covers is complete.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mika_protocol::Event;
use mika_server::config::Config;
use mika_server::flush::Applier;
use mika_server::journal::Journal;
use mika_server::metrics::FlushStatus;
use mika_server::site_call::{SiteCallQueue, SiteCaller};
use mika_store::MysqlStore;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::gazelle::{A, OPS, WCD, bob, on, report};
use super::site::Site;
use super::whole::{Whole, announce};

const KEY: &str = "ssssssssssssssssssssssssssssssss";
/// What Ocelot sends for the token of the fixture.
const CALL: &str = "GET /tools.php?key=ssssssssssssssssssssssssssssssss&type=expiretoken\
    &action=ocelot&tokens=2:10 HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\
    Connection: close\r\n\r\n";
const TOKEN: &str = "SELECT Downloaded, Expired FROM users_freeleeches WHERE UserID = 2";

/// A web server of the site: answers with these statuses, one after the other, and hands over the
/// requests.
fn answer(listener: TcpListener, statuses: &'static [&'static str]) -> Receiver<String> {
    let (requests, received) = channel();
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_head(&mut stream);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n<p>tools");
            stream.write_all(answer.as_bytes()).unwrap();
            drop(stream);
            requests.send(request).unwrap();
        }
    });
    received
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let bytes = stream.read(&mut part).unwrap();
        assert!(bytes > 0, "{}", String::from_utf8_lossy(&head));
        head.extend_from_slice(&part[..bytes]);
    }
    String::from_utf8(head).unwrap()
}

/// The next request.
async fn request(received: Receiver<String>) -> (String, Receiver<String>) {
    let wait = move || (received.recv_timeout(Duration::from_secs(30)).unwrap(), received);
    tokio::task::spawn_blocking(wait).await.unwrap()
}

/// From the tracker by the journal to the store, and from there to the site.
struct Way {
    dir: TempDir,
    config: Config,
    journal: Journal,
    status: Arc<FlushStatus>,
    queue: Arc<SiteCallQueue>,
    applier: Applier<MysqlStore>,
    caller: Option<JoinHandle<()>>,
}

impl Way {
    async fn begin(site: &Site, port: u16) -> Self {
        let text = |key: &str, value: &str| (format!("site_call.{key}"), value.to_owned());
        let url = format!("http://127.0.0.1:{port}");
        let overrides = [text("url", &url), text("key", KEY), text("retry_seconds_max", "1")];
        let config = Config::load(None, [], overrides).unwrap();
        Self::open(TempDir::new().unwrap(), config, site).await
    }

    async fn open(dir: TempDir, config: Config, site: &Site) -> Self {
        use mika_store::Store;
        let (journal, _) = Journal::open(&dir.path().join("journal")).unwrap();
        let status = Arc::new(FlushStatus::default());
        let path = dir.path().join("site-calls");
        let queue = Arc::new(SiteCallQueue::open(&path, 100, Arc::clone(&status)).unwrap());
        let applier = Applier::new(
            Arc::clone(&site.store),
            journal.dir(),
            site.store.checkpoint().await.unwrap(),
            &dir.path().join("dead-letters.jsonl"),
            Arc::clone(&status),
            Arc::new(ArcSwap::from_pointee(config.clone())),
        );
        let applier = applier.with_site_calls(Some(Arc::clone(&queue)));
        Self { dir, config, journal, status, queue, applier, caller: None }
    }

    fn call(&mut self) {
        let caller = SiteCaller::new(&self.config, Arc::clone(&self.queue)).unwrap();
        assert!(!format!("{caller:?}").contains(KEY));
        self.caller = Some(tokio::spawn(caller.run()));
    }

    fn journal(&mut self, site: &mut Site) -> u64 {
        let batch = site.batch();
        self.journal.append(&batch, &self.config.flush, u64::MAX).unwrap();
        batch.number
    }

    async fn flush(&mut self, site: &mut Site) {
        let number = self.journal(site);
        self.applier.catch_up(number).await.unwrap();
    }

    /// As a process that is killed.
    async fn restart(self, site: &Site) -> Self {
        if let Some(caller) = self.caller {
            caller.abort();
        }
        drop((self.journal, self.queue, self.applier));
        Self::open(self.dir, self.config, site).await
    }

    /// Calls that succeeded, once there are so many.
    async fn calls(&self, at_least: u64) -> u64 {
        let began = Instant::now();
        loop {
            let calls = self.status.site_calls.calls_total.load(Ordering::Relaxed);
            if calls >= at_least || began.elapsed() > Duration::from_secs(30) {
                return calls;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Bob downloads with his token, and completes.
fn download(site: &mut Site) {
    site.announce(&bob(), A, report(0, 0, 1_000_000)).unwrap();
    site.announce(&bob(), A, report(9, 500_000, 500_000)).unwrap();
    site.announce(&bob(), A, on(Event::Completed, report(9, 1_000_000, 0))).unwrap();
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn g10_the_site_is_told_of_a_token_that_is_done_as_by_ocelot() {
    for setup in [OPS, WCD] {
        let Some(mut site) = Site::start(setup).await else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut way = Way::begin(&site, port_of(&listener)).await;
        let received = answer(listener, &["200 OK"]);
        way.call();
        site.announce(&bob(), A, report(0, 0, 1_000_000)).unwrap();
        site.announce(&bob(), A, report(9, 500_000, 500_000)).unwrap();
        way.flush(&mut site).await;
        assert_eq!(way.status.site_calls.waiting.load(Ordering::Relaxed), 0);
        site.announce(&bob(), A, on(Event::Completed, report(9, 1_000_000, 0))).unwrap();
        way.flush(&mut site).await;
        // The store knows before the site does.
        assert_eq!(site.query(TOKEN), "1000000\t1");
        assert_eq!(request(received).await.0, CALL);
        assert_eq!(way.calls(1).await, 1);
        assert_eq!(way.status.site_calls.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(std::fs::read(way.dir.path().join("site-calls")).unwrap(), b"");
    }
}

#[tokio::test]
async fn g10_a_site_that_fails_is_called_again() {
    let Some(mut site) = Site::start(OPS).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut way = Way::begin(&site, port_of(&listener)).await;
    let received = answer(listener, &["500 Internal Server Error", "200 OK"]);
    way.call();
    download(&mut site);
    way.flush(&mut site).await;
    let (first, received) = request(received).await;
    assert_eq!((first.as_str(), request(received).await.0.as_str()), (CALL, CALL));
    assert_eq!(way.calls(1).await, 1);
    assert_eq!(way.status.site_calls.failures_total.load(Ordering::Relaxed), 1);
    assert_eq!(site.query(TOKEN), "1000000\t1");
}

#[tokio::test]
async fn g10_a_site_that_is_down_holds_nobody_up_and_is_called_when_it_is_back() {
    let Some(mut site) = Site::start(OPS).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port_of(&listener);
    drop(listener);
    let mut way = Way::begin(&site, port).await;
    way.call();
    download(&mut site);
    way.flush(&mut site).await;
    let began = Instant::now();
    while way.status.site_calls.failures_total.load(Ordering::Relaxed) < 2 {
        assert!(began.elapsed() < Duration::from_secs(30));
        // Batches go on.
        site.announce(&bob(), A, report(9, 1_000_000, 0)).unwrap();
        way.flush(&mut site).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(way.status.site_calls.waiting.load(Ordering::Relaxed), 1);
    assert_eq!(site.query(TOKEN), "1000000\t1");
    let received = answer(TcpListener::bind(("127.0.0.1", port)).unwrap(), &["200 OK"]);
    assert_eq!(request(received).await.0, CALL);
    assert_eq!(way.calls(1).await, 1);
    assert_eq!(way.status.site_calls.waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn g10_a_tracker_that_is_killed_before_the_call_calls_when_it_is_back() {
    let Some(mut site) = Site::start(OPS).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut way = Way::begin(&site, port_of(&listener)).await;
    download(&mut site);
    way.flush(&mut site).await;
    // After the store has the batch: it does not come again.
    let mut way = way.restart(&site).await;
    let received = answer(listener, &["200 OK", "200 OK"]);
    way.call();
    let (first, received) = request(received).await;
    assert_eq!(first, CALL);
    assert_eq!(way.calls(1).await, 1);

    // Before the store has it: it is in the journal only.
    site.query("UPDATE users_freeleeches SET Downloaded = 0, Expired = 0, TorrentID = 13");
    site.control().resync(None).await.unwrap();
    site.announce(&bob(), super::gazelle::D, report(0, 0, 100)).unwrap();
    let done = on(Event::Completed, report(0, 100, 0));
    site.announce(&bob(), super::gazelle::D, done).unwrap();
    let number = way.journal(&mut site);
    let mut way = way.restart(&site).await;
    way.call();
    way.applier.catch_up(number).await.unwrap();
    let second = request(received).await.0;
    assert!(second.contains("&tokens=2:13 "), "{second}");
    assert_eq!(site.query(TOKEN), "100\t1");
    assert_eq!(way.calls(1).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn g10_a_whole_server_tells_the_site_what_it_was_told_over_http() {
    let Some(site) = Site::start(OPS).await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", port_of(&listener));
    let dir = TempDir::new().unwrap();
    let keys = [("site_call.url", url.as_str()), ("site_call.key", KEY)];
    let server = Whole::start(OPS, &site.database.url(), dir.path(), &keys).await;
    let passkey = "b".repeat(32);
    let target = |rest: &str| announce(&passkey, 'A', "-TR4000-bob.........", rest);
    server.get(&target("uploaded=0&downloaded=0&left=1000000")).await;
    // The completion moves nothing itself, which Ocelot takes for no use of the token.
    server.get(&target("uploaded=9&downloaded=1000000&left=1")).await;
    server.get(&target("uploaded=9&downloaded=1000000&left=0&event=completed")).await;
    let received = answer(listener, &["200 OK"]);
    assert_eq!(request(received).await.0, CALL);
    server.wait_for("mika_site_calls_total", 1).await;
    assert_eq!(server.metric("mika_site_call_tokens_waiting").await, 0);
    server.stop().await;
    assert_eq!(site.query(TOKEN), "1000000\t1");
}
