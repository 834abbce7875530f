//! Gazelle's database is away while its users announce a thousand times a second.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mika_test_servers::{Proxy, Traffic};
use tempfile::TempDir;

use super::gazelle::{OPS, counts, totals};
use super::site::Site;
use super::whole::{PATIENCE, Whole, announce};

/// Users who seed, by the letter of their passkeys, with their ids.
const SEEDERS: [(&str, u32); 4] = [("a", 1), ("b", 2), ("c", 3), ("e", 5)];
/// Announces of each of them in a second.
const PER_SECOND: u32 = 250;
/// Bytes that are uploaded between two announces.
const STEP: u64 = 1_000;

/// A client with a connection that stays open.
struct Seeder {
    passkey: String,
    reader: BufReader<TcpStream>,
}

impl Seeder {
    fn connect(letter: &str, port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { passkey: letter.repeat(32), reader: BufReader::new(stream) }
    }

    /// The body of the answer to a report.
    fn announce(&mut self, uploaded: u64) -> String {
        let rest = format!("uploaded={uploaded}&downloaded=0&left=0");
        let peer_id = format!("-TR4000-{}", &self.passkey[..12]);
        let target = announce(&self.passkey, 'D', &peer_id, &rest);
        let head = "Host: t\r\nUser-Agent: qBittorrent/4.6.5";
        let request = format!("GET {target} HTTP/1.1\r\n{head}\r\n\r\n");
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Announces at the pace, and returns how often; as fast as it can while it is behind.
    fn seed(mut self, lasting: Duration) -> u64 {
        let (began, mut announced) = (Instant::now(), 0_u32);
        while began.elapsed() < lasting {
            announced += 1;
            let body = self.announce(u64::from(announced) * STEP);
            assert!(body.starts_with("d8:completei4e"), "{body}");
            let due = began + Duration::from_secs(1) / PER_SECOND * announced;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        announced.into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g21_a_thousand_announces_a_second_go_on_without_the_database_and_all_count_after_it() {
    let Some(site) = Site::start(OPS).await else { return };
    let proxy = Proxy::start(site.database.endpoint().address());
    let url = site.database.url_at(proxy.address());
    let dir = TempDir::new().unwrap();
    let server = Whole::start(OPS, &url, dir.path(), &[]).await;
    let port = server.port;
    let mut seeders: Vec<_> =
        SEEDERS.iter().map(|(letter, _)| Seeder::connect(letter, port)).collect();
    for seeder in &mut seeders {
        assert!(seeder.announce(0).starts_with("d8:complete"));
    }
    let begun = server.metric("mika_batch_journalled_number").await + 1;
    server.wait_for("mika_batch_applied_number", begun).await;
    let memory_before = server.metric("process_resident_memory_bytes").await;
    proxy.disconnect();

    let lasting = Duration::from_secs(if std::env::var_os("MIKA_LONG").is_some() { 60 } else { 4 });
    let threads: Vec<_> =
        seeders.into_iter().map(|seeder| thread::spawn(move || seeder.seed(lasting))).collect();
    let announced = tokio::task::spawn_blocking(move || {
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let announced = announced.await.unwrap();
    for (_, id) in SEEDERS {
        assert_eq!(totals(&site, OPS, id), "0\t0");
    }
    let grown = server.metric("process_resident_memory_bytes").await.saturating_sub(memory_before);
    assert!(grown < 32 << 20, "{grown} bytes more");

    proxy.set(Traffic::Passes);
    let last = server.metric("mika_batch_journalled_number").await;
    server.wait_for("mika_batch_applied_number", last).await;
    server.stop().await;
    for ((_, id), announced) in SEEDERS.iter().zip(&announced) {
        assert_eq!(totals(&site, OPS, *id), format!("{}\t0", announced * STEP));
    }
    let all: u64 = announced.iter().sum();
    let balance = all * STEP;
    assert_eq!(counts(&site, OPS, 13), format!("4\t0\t0\t{balance}"));
    assert!(!dir.path().join("dead-letters.jsonl").exists());
    println!("{all} announces in {lasting:?} without the database; {grown} bytes more memory");
}
