//! Updates from a provider that is a server on this machine: real requests, real files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use mika_server::config::{GeoProvider, Secret};
use mika_server::geo::Database;
use mika_server::geo::update::{Order, Product, UpdateError, Updated};
use parking_lot::Mutex;
use tempfile::TempDir;

use super::support::{BYTES_MAX, Mmdb, NOW_SECONDS, asn_file, city_file, flat, ip};

const KEY: &str = "a-licence-key-that-nobody-may-see";
const MONDAY: &str = "Mon, 02 Nov 2026 10:00:00 GMT";
const TUESDAY: &str = "Tue, 03 Nov 2026 10:00:00 GMT";

/// What a provider was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    line: String,
    authorization: Option<String>,
    since: Option<String>,
}

/// What a provider answers.
#[derive(Clone, Default)]
struct Answer {
    status: u16,
    headers: Vec<String>,
    body: Vec<u8>,
    /// Says that there is more than it sends.
    is_cut: bool,
}

impl Answer {
    fn file(modified: &str, body: Vec<u8>) -> Self {
        let headers = vec![format!("Last-Modified: {modified}")];
        Self { status: 200, headers, body, is_cut: false }
    }

    fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

type Handler = Box<dyn Fn(&Asked) -> Answer + Send>;

/// A provider of geo data on a port of its own.
struct Provider {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Provider {
    fn start(handler: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for connection in listener.incoming() {
                answer(connection.unwrap(), &handler, &log);
            }
        });
        Self { url, asked }
    }

    /// One that has the same for everybody.
    fn with(answer: Answer) -> Self {
        Self::start(Box::new(move |_| answer.clone()))
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock())
    }

    fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn answer(mut connection: TcpStream, handler: &Handler, log: &Mutex<Vec<Asked>>) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let mut asked = Asked { line, authorization: None, since: None };
    for line in lines.map(Result::unwrap).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => asked.authorization = Some(value.to_owned()),
            "if-modified-since" => asked.since = Some(value.to_owned()),
            _ => {}
        }
    }
    log.lock().push(asked.clone());
    let answer = handler(&asked);
    let length = answer.body.len() + if answer.is_cut { 1000 } else { 0 };
    let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", answer.status);
    if answer.status != 304 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    answer.headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    connection.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    if !asked.line.starts_with("HEAD") {
        // Who has read enough hangs up.
        let _ = connection.write_all(&answer.body);
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An archive as MaxMind makes them: a folder with the licence, a notice and the database.
fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// A place for a file, and the order to fetch it there.
struct Site {
    folder: TempDir,
    path: PathBuf,
    order: Order,
}

fn site(provider: GeoProvider, product: Product, url: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("geo").join("data.mmdb");
    let order = Order {
        provider,
        account_id: "42".to_owned(),
        license_key: Secret::new(KEY),
        base_url: Some(url.to_owned()),
        bytes_max: BYTES_MAX,
        files: vec![(product, path.clone())],
    };
    Site { folder, path, order }
}

impl Site {
    /// Everything in the folder of the file but the lock.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("geo")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }

    async fn update(&self) -> Result<Updated, UpdateError> {
        self.order.update(self.order.files[0].0).await
    }

    /// Puts a good file there, of a time before that of any other.
    fn put_old_file(&self) -> Vec<u8> {
        fs::create_dir_all(self.path.parent().unwrap()).unwrap();
        fs::copy(city_file(), &self.path).unwrap();
        let file = fs::File::options().write(true).open(&self.path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        read(&self.path)
    }
}

#[tokio::test]
async fn a_file_of_maxmind_is_fetched_with_the_account_and_only_if_it_is_newer() {
    let archive = tar_gz(&[
        ("GeoLite2-ASN_20261102/COPYRIGHT.txt", b"Copyright"),
        ("GeoLite2-ASN_20261102/GeoLite2-ASN.mmdb", &read(&asn_file())),
    ]);
    let provider = Provider::with(Answer::file(MONDAY, archive));
    let site = site(GeoProvider::Maxmind, Product::Asn, &provider.url);
    let updated = site.update().await.unwrap();
    let Updated::Replaced { kind, bytes, .. } = updated else { panic!("{updated:?}") };
    assert_eq!((kind.as_str(), bytes), ("GeoLite2-ASN", 12_653));
    assert_eq!(read(&site.path), read(&asn_file()));
    assert_eq!(site.files(), ["data.mmdb"]);
    let modified = fs::metadata(&site.path).unwrap().modified().unwrap();
    assert_eq!(httpdate::fmt_http_date(modified), MONDAY);
    let path = "/geoip/databases/GeoLite2-ASN/download?suffix=tar.gz";
    assert_eq!(
        provider.asked(),
        [Asked {
            line: format!("GET {path} HTTP/1.1"),
            // base64 of 42:a-licence-key-that-nobody-may-see
            authorization: Some(
                "Basic NDI6YS1saWNlbmNlLWtleS10aGF0LW5vYm9keS1tYXktc2Vl".to_owned()
            ),
            since: None,
        }]
    );
    assert_eq!(site.update().await.unwrap(), Updated::Unchanged);
    let asked = provider.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, format!("HEAD {path} HTTP/1.1"));
    assert_eq!(asked[0].since.as_deref(), Some(MONDAY));
}

#[tokio::test]
async fn the_account_is_not_told_to_the_host_that_maxmind_redirects_to() {
    let archive = tar_gz(&[("a/GeoLite2-City.mmdb", &read(&city_file()))]);
    let storage = Provider::with(Answer::file(MONDAY, archive));
    let headers = vec![format!("Location: {}/signed?signature=secret", storage.url)];
    let provider = Provider::with(Answer { status: 302, headers, ..Answer::default() });
    let site = site(GeoProvider::Maxmind, Product::City, &provider.url);
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
    assert!(provider.asked()[0].authorization.is_some());
    assert_eq!(storage.asked()[0].authorization, None);
}

#[tokio::test]
async fn a_wrong_account_is_told_without_the_key_and_the_old_file_stays() {
    let provider = Provider::with(Answer::status(401));
    let site = site(GeoProvider::Maxmind, Product::City, &provider.url);
    let old = site.put_old_file();
    let error = site.update().await.unwrap_err();
    assert!(matches!(error, UpdateError::Refused(401)), "{error:?}");
    assert!(error.to_string().contains("geo.maxmind_account_id"));
    assert!(!format!("{error} {error:?} {:?}", site.order).contains(KEY));
    assert_eq!(read(&site.path), old);
    assert_eq!(provider.lines().len(), 1);
}

#[tokio::test]
async fn db_ip_is_asked_for_the_month_before_when_it_has_none_of_this_one() {
    let new = Mmdb::new("DBIP-City-Lite", NOW_SECONDS)
        .with("203.0.113.0/24", flat("DE", 50.0, 8.0))
        .bytes();
    let body = gzip(&new);
    let first = Mutex::new(true);
    let provider = Provider::start(Box::new(move |_| {
        let is_first = std::mem::replace(&mut *first.lock(), false);
        if is_first { Answer::status(404) } else { Answer::file(TUESDAY, body.clone()) }
    }));
    let site = site(GeoProvider::Dbip, Product::City, &provider.url);
    let updated = site.update().await.unwrap();
    let Updated::Replaced { kind, built_at_seconds, .. } = updated else { panic!("{updated:?}") };
    assert_eq!((kind.as_str(), built_at_seconds), ("DBIP-City-Lite", NOW_SECONDS));
    assert_eq!(read(&site.path), new);
    let asked = provider.asked();
    assert_eq!(asked.len(), 2);
    let paths: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    for path in &paths {
        assert!(path.starts_with("GET /free/dbip-city-lite-20"), "{path}");
        assert!(path.ends_with(".mmdb.gz HTTP/1.1"), "{path}");
    }
    assert!(paths[0] > paths[1] && asked[0].authorization.is_none(), "{paths:?}");
}

#[tokio::test]
async fn a_newer_file_replaces_an_older_one() {
    let provider = Provider::with(Answer::file(TUESDAY, gzip(&read(&asn_file()))));
    let site = site(GeoProvider::Dbip, Product::Asn, &provider.url);
    site.put_old_file();
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
    assert_eq!(read(&site.path), read(&asn_file()));
    let methods: Vec<_> = provider.lines().iter().map(|line| line[..4].to_owned()).collect();
    assert_eq!(methods, ["HEAD", "GET "]);
}

#[tokio::test]
async fn a_provider_that_answers_no_head_is_asked_with_get() {
    let body = gzip(&read(&asn_file()));
    let provider = Provider::start(Box::new(move |asked| match asked.line.starts_with("HEAD") {
        true => Answer::status(405),
        false => Answer::file(TUESDAY, body.clone()),
    }));
    let site = site(GeoProvider::Dbip, Product::Asn, &provider.url);
    site.put_old_file();
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
}

#[tokio::test]
async fn a_damaged_file_on_disk_is_replaced_by_one_of_the_same_time() {
    let provider = Provider::with(Answer::file(MONDAY, gzip(&read(&asn_file()))));
    let site = site(GeoProvider::Dbip, Product::Asn, &provider.url);
    site.put_old_file();
    fs::write(&site.path, b"half").unwrap();
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
    assert_eq!(read(&site.path), read(&asn_file()));
}

/// Whatever comes, the old file stays, byte for byte, and nothing is left beside it.
#[tokio::test]
async fn nothing_that_goes_wrong_harms_the_old_file() {
    let good = read(&city_file());
    let mut damaged = good.clone();
    damaged[9000..9100].fill(0xff);
    let page = b"<html>Too many requests</html>".to_vec();
    let packed = gzip(&good);
    let cut = packed[..packed.len() / 2].to_vec();
    let sent = |body: Vec<u8>| Answer::file(TUESDAY, body);
    let cases = [
        ("what was fetched is of no use", sent(gzip(&damaged))),
        ("what was fetched is of no use", sent(gzip(b"no database"))),
        ("cannot be unpacked", sent(page)),
        ("cannot be unpacked", sent(cut)),
        ("cannot be unpacked", sent(Vec::new())),
        ("cannot be fetched", Answer { is_cut: true, ..sent(packed.clone()) }),
        ("status 500", Answer::status(500)),
        ("status 404", Answer::status(404)),
        // Small when packed, large when unpacked; and large as it comes.
        ("more than 16777216 bytes", sent(gzip(&vec![0; 20 << 20]))),
        ("more than 16777216 bytes", sent(vec![1; 20 << 20])),
    ];
    for (expected, answer) in cases {
        let provider = Provider::with(answer);
        let site = site(GeoProvider::Dbip, Product::City, &provider.url);
        let old = site.put_old_file();
        let error = site.update().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(read(&site.path), old, "{expected}");
        assert_eq!(site.files(), ["data.mmdb"], "{expected}");
    }
}

#[tokio::test]
async fn an_archive_without_a_database_or_with_a_hostile_name_harms_nothing() {
    let none = tar_gz(&[("a/README.txt", b"nothing else")]);
    let provider = Provider::with(Answer::file(TUESDAY, none));
    let nothing = site(GeoProvider::Maxmind, Product::City, &provider.url);
    let error = nothing.update().await.unwrap_err().to_string();
    assert!(error.contains("holds no .mmdb file"), "{error}");
    assert_eq!(nothing.files(), Vec::<String>::new());

    // The path of an entry does not say where it is written.
    let content = read(&city_file());
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..21].copy_from_slice(b"../../../outside.mmdb");
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, &content[..]).unwrap();
    let hostile = archive.into_inner().unwrap().finish().unwrap();
    let provider = Provider::with(Answer::file(TUESDAY, hostile));
    let site = site(GeoProvider::Maxmind, Product::City, &provider.url);
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
    assert_eq!(site.files(), ["data.mmdb"]);
    assert!(Database::open(&site.path, BYTES_MAX).unwrap().find(ip("81.2.69.142")).is_ok());
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_told_without_its_url_and_with_what_to_do() {
    let site = site(GeoProvider::Maxmind, Product::City, "http://somebody:a-secret@127.0.0.1:9");
    let error = site.update().await.unwrap_err().to_string();
    let file = "/geoip/databases/GeoLite2-City/download cannot be fetched from 127.0.0.1: ";
    assert!(error.starts_with(file), "{error}");
    assert!(
        !error.contains("http:") && !error.contains(KEY) && !error.contains("secret"),
        "{error}"
    );
    let place = site.path.display().to_string();
    let told = ["HTTPS_PROXY", "--base-url", &place];
    assert!(told.into_iter().all(|what| error.contains(what)), "{error}");
}

#[tokio::test]
async fn a_second_update_of_the_same_file_does_not_begin() {
    let provider = Provider::with(Answer::file(MONDAY, gzip(&read(&asn_file()))));
    let site = site(GeoProvider::Dbip, Product::Asn, &provider.url);
    site.put_old_file();
    let lock = fs::File::create(site.path.with_file_name(".data.mmdb.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(site.update().await, Err(UpdateError::Busy(_))));
    drop(lock);
    assert!(matches!(site.update().await.unwrap(), Updated::Replaced { .. }));
}
