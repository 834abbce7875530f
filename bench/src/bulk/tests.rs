use std::net::Ipv4Addr;

use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests};
use tokio::sync::mpsc;

use super::*;

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A free port; somebody else may take it, which a second attempt would get over.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn quantiles_are_of_all_that_was_measured() {
    let latencies = Latencies::of((1..=10_000).rev().map(|us| us * 1000).collect());
    assert_eq!(latencies.count, 10_000);
    assert_eq!((latencies.p50_us, latencies.p99_us), (5000.0, 9900.0));
    assert_eq!((latencies.p99_9_us, latencies.max_us), (9990.0, 10_000.0));
    assert_eq!(Latencies::of(Vec::new()), Latencies::default());
}

#[test]
fn the_spread_of_rounds_is_their_median_and_both_ends() {
    let of = |figures: &[f64]| Spread::of(figures.to_vec()).to_string();
    assert_eq!(of(&[3.0, -1.0, 10.0]), "3 (-1 to 10)");
    assert_eq!(of(&[4.0, 1.0, 2.0, 10.0]), "3 (1 to 10)");
    assert_eq!(of(&[7.0]), "7 (7 to 7)");
    assert_eq!(of(&[]), "0 (0 to 0)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torrent_comes_in_and_every_announce_is_answered_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let text = format!(
        "[data]\ndir = {:?}\n[http]\nlisten = [\"127.0.0.1:{port}\"]\nworkers = 1\n\
         [udp]\nlisten = []\n[admin]\nlisten = \"127.0.0.1:0\"\ntoken = \"{}\"\n",
        folder.path(),
        "0123456789abcdef".repeat(4)
    );
    let path = folder.path().join("mika.toml");
    std::fs::write(&path, text).unwrap();
    let config = Config::load(Some(&path), [], []).unwrap();
    let token = config.admin.token.expose().to_owned();
    let hooks = Hooks {
        read_config: Box::new(|| Err("not in this test".to_owned())),
        config_applied: Box::new(|_| {}),
    };
    let (stop, requests) = mpsc::channel(1);
    let (started, url) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(serve::run(config, hooks, Channel(requests), move |it| {
        let _ = started.send(it.admin.clone());
    }));
    let client = Client::new(&url.await.unwrap(), &token).unwrap();
    let options = Options {
        calls: 4,
        per_call: 500,
        rate: 200.0,
        connections: 2,
        core: None,
        idle: Duration::from_millis(300),
    };
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let report = measure(&client, address, options).await.unwrap();
    assert_eq!((report.created, report.torrents), (2000, 3000));
    assert_eq!(report.calls.count, 4);
    assert!(report.idle.count > 0 && report.during.count > 0, "{report:?}");
    // The same once more changes nothing.
    let (_, created, _) = bring_in(&client, options).await.unwrap();
    assert_eq!((created, client.stats().await.unwrap().torrents), (0, 3000));
    stop.send(Request::Stop).await.unwrap();
    server.await.unwrap().unwrap();
}
