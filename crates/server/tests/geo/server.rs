//! A whole server with geo data: what it says of it, and that it runs without.

use std::path::Path;

use mika_client::Client;
use mika_client::types::GeoQuery;
use mika_server::serve::Request;
use tempfile::TempDir;

use super::support::{asn_file, city_file, fixture};
use crate::running::{Running, TOKEN};

/// A public tracker, in which every announce is answered.
struct Server {
    _folder: TempDir,
    client: Client,
    running: Running,
}

impl Server {
    async fn start(city: &Path, asn: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = [
            ("tracker.mode", "public"),
            ("tracker.auto_register_torrents", "true"),
            ("admin.token", TOKEN),
            ("geo.city_path", city.to_str().unwrap()),
            ("geo.asn_path", asn.to_str().unwrap()),
            ("geo.max_age_days", "1"),
            ("geo.attribution", "Data by Example"),
        ];
        let running = Running::start(folder.path(), &keys).await.unwrap();
        let client = Client::new(&running.admin, TOKEN).unwrap();
        Self { _folder: folder, client, running }
    }

    async fn announce(&self) {
        let hash = "a".repeat(20);
        let target = format!(
            "/announce?info_hash={hash}&peer_id=-TR3000-abcdefghijkl&port=6881&uploaded=0\
             &downloaded=0&left=1&compact=1"
        );
        let reply = self.running.get(&target).await;
        assert!(reply.contains("8:intervali") && !reply.contains("failure"), "{reply}");
    }

    /// The lines of the metrics about geo data, without their descriptions.
    async fn metrics(&self) -> Vec<String> {
        let text = self.client.metrics().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with("mika_geo_"));
        lines.map(str::to_owned).collect()
    }

    async fn stop(self) {
        self.running.stop().await;
    }
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
    server.running.ask(Request::Reload).await;
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
