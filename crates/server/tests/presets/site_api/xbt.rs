//! The pages of the XBT tracker.

use tempfile::TempDir;

use super::{call, listening};
use crate::site::Site;
use crate::whole::{Whole, announce};
use crate::xbt::G3;

#[tokio::test(flavor = "multi_thread")]
async fn x12_statistics_and_metrics_are_there_and_debug_only_if_it_is_wanted() {
    let Some(site) = Site::start(G3).await else { return };
    for (debug, status) in [("false", 404), ("true", 200)] {
        let dir = TempDir::new().unwrap();
        let (port, listen) = listening();
        let keys = [
            ("site_api.listen", listen.as_str()),
            ("site_api.xbt_pages", "true"),
            ("site_api.xbt_debug", debug),
        ];
        let server = Whole::start(G3, &site.database.url(), dir.path(), &keys).await;
        let rest = "uploaded=0&downloaded=0&left=0";
        server.get(&announce(&"a".repeat(32), 'A', "-TR4000-............", rest)).await;
        let get =
            |path: &str| call(port, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"));
        let metrics = get("/metrics").await.body;
        for line in [
            "xbt_infohashes_count 1",
            "xbt_peers_count{type=\"seeders\"} 1",
            "xbt_peers_count{type=\"leechers\"} 0",
            "xbt_requests_count{proto=\"tcp\",method=\"announce\"} 1",
            "xbt_requests_count{proto=\"udp\",method=\"scrape\"} 0",
        ] {
            assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
        }
        let statistics = get("/statistics").await;
        assert!(statistics.head.contains("Content-Type: text/html"), "{}", statistics.head);
        assert!(statistics.body.contains("<td>seeders<td align=right>1<"), "{}", statistics.body);
        assert_eq!(get("/debug").await.status, status);
        server.stop().await;
    }
}
