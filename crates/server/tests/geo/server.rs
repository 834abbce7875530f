//! A whole server with geo data: what it says of it, and that it runs without.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use mika_client::Client;
use mika_client::types::GeoQuery;
use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::support::{asn_file, city_file, fixture};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A public tracker, in which every announce is answered.
struct Server {
    _folder: TempDir,
    port: u16,
    client: Client,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start(city: &Path, asn: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = |key: &str, value: String| (key.to_owned(), value);
        let config = Config::load(
            None,
            [],
            [
                text("data.dir", folder.path().display().to_string()),
                text("tracker.mode", "public".to_owned()),
                text("tracker.auto_register_torrents", "true".to_owned()),
                text("http.listen", format!("[\"127.0.0.1:{port}\"]")),
                text("http.workers", "1".to_owned()),
                text("udp.listen", "[]".to_owned()),
                text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
                text("admin.token", TOKEN.to_owned()),
                text("geo.city_path", city.display().to_string()),
                text("geo.asn_path", asn.display().to_string()),
                text("geo.max_age_days", "1".to_owned()),
                text("geo.attribution", "Data by Example".to_owned()),
            ],
        )
        .unwrap();
        let again = config.clone();
        let hooks = Hooks {
            read_config: Box::new(move || Ok(again.clone())),
            config_applied: Box::new(|_| {}),
        };
        let (requests, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(serve::run(config, hooks, Channel(receiver), move |started| {
            ready.send(started.admin.clone()).unwrap();
        }));
        let client = Client::new(&is_ready.await.unwrap(), TOKEN).unwrap();
        Self { _folder: folder, port, client, requests, task }
    }

    async fn announce(&self) {
        let port = self.port;
        let get = move || {
            let hash = "a".repeat(20);
            let target = format!(
                "/announce?info_hash={hash}&peer_id=-TR3000-abcdefghijkl&port=6881&uploaded=0\
                 &downloaded=0&left=1&compact=1"
            );
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).unwrap();
            String::from_utf8_lossy(&reply).into_owned()
        };
        let reply = tokio::task::spawn_blocking(get).await.unwrap();
        assert!(reply.contains("8:intervali") && !reply.contains("failure"), "{reply}");
    }

    /// The lines of the metrics about geo data, without their descriptions.
    async fn metrics(&self) -> Vec<String> {
        let text = self.client.metrics().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with("mika_geo_"));
        lines.map(str::to_owned).collect()
    }

    async fn stop(self) {
        self.requests.send(Request::Stop).await.unwrap();
        self.task.await.unwrap().unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn query(address: &str, other: Option<&str>) -> GeoQuery {
    GeoQuery { address: address.to_owned(), other: other.map(str::to_owned) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_tells_places_distances_sources_and_the_age_of_the_files() {
    let server = Server::start(&city_file(), &asn_file()).await;
    let both = query("89.160.20.128", Some("81.2.69.142"));
    let answer = server.client.geo(&both).await.unwrap();
    let place = &answer.places[0];
    assert_eq!(place.address, "89.160.20.128");
    assert_eq!((place.latitude, place.longitude), (Some(58.4167), Some(15.6167)));
    assert_eq!(place.country.as_deref(), Some("SE"));
    assert_eq!(place.continent.as_deref(), Some("EU"));
    assert_eq!(place.asn, Some(29518));
    assert_eq!(answer.places[1].country.as_deref(), Some("GB"));
    // By Vincenty's formula.
    let distance_km = answer.distance_km.unwrap();
    assert!((distance_km - 1_260.921657).abs() < 0.001, "{distance_km}");
    let file = &answer.files[0];
    assert_eq!((file.role.as_str(), file.kind.as_str()), ("city", "GeoLite2-City"));
    assert_eq!((file.built_at, file.old), (Some(1_770_245_369), true));

    let unknown = server.client.geo(&query("10.0.0.1", None)).await.unwrap();
    assert_eq!((unknown.places[0].latitude, unknown.distance_km), (None, None));
    let wrong = server.client.geo(&query("example.org", None)).await.unwrap_err();
    assert_eq!(wrong.code(), Some("invalid_value"));

    let about = server.client.about().await.unwrap();
    assert_eq!(about.name, "mika");
    assert!(about.attributions[0].contains("created by MaxMind"), "{about:?}");
    assert_eq!(about.attributions[1], "Data by Example");

    let metrics = server.metrics().await;
    let expected = [
        "mika_geo_built_timestamp_seconds{file=\"city\"} 1770245369",
        "mika_geo_old{file=\"city\"} 1",
        "mika_geo_readable{file=\"city\"} 1",
        "mika_geo_readable{file=\"asn\"} 1",
    ];
    for line in expected {
        assert!(metrics.iter().any(|found| found == line), "{line}: {metrics:#?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c14_a_tracker_with_damaged_and_missing_files_answers_as_ever() {
    let bad = fixture("bad-data/libmaxminddb/libmaxminddb-oversized-map.mmdb");
    let server = Server::start(&bad, Path::new("/nowhere/asn.mmdb")).await;
    server.announce().await;
    let metrics = server.metrics().await;
    for line in ["mika_geo_readable{file=\"city\"} 0", "mika_geo_readable{file=\"asn\"} 0"] {
        assert!(metrics.iter().any(|found| found == line), "{line}: {metrics:#?}");
    }
    let answer = server.client.geo(&query("89.160.20.128", None)).await.unwrap();
    assert_eq!(answer.places[0].country, None);
    assert!(!answer.files[0].problem.is_empty() && !answer.files[1].problem.is_empty());
    assert!(server.client.ready().await.unwrap().ready);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_reads_files_that_have_come_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (city, asn) = (folder.path().join("city.mmdb"), folder.path().join("asn.mmdb"));
    let server = Server::start(&city, &asn).await;
    let sweden = query("89.160.20.128", None);
    assert_eq!(server.client.geo(&sweden).await.unwrap().places[0].country, None);
    std::fs::copy(city_file(), &city).unwrap();
    server.client.reload_config().await.unwrap();
    let place = &server.client.geo(&sweden).await.unwrap().places[0];
    assert_eq!((place.country.as_deref(), place.asn), (Some("SE"), None));
    // The same as SIGHUP does; and nobody waits for it.
    std::fs::copy(asn_file(), &asn).unwrap();
    server.requests.send(Request::Reload).await.unwrap();
    server.announce().await;
    for _ in 0..300 {
        if server.client.geo(&sweden).await.unwrap().places[0].asn.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(server.client.geo(&sweden).await.unwrap().places[0].asn, Some(29518));
    server.stop().await;
}
