//! Where the API listens.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mika_client::Client;
use mika_client::types::NewUser;
use mika_server::admin::AdminListeners;
use mika_server::config::AdminConfig;

use super::support::{Server, TOKEN};

fn config() -> AdminConfig {
    AdminConfig { listen: "127.0.0.1:0".parse().unwrap(), ..AdminConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_unix_socket_has_its_mode_is_taken_over_from_the_dead_and_removed_in_the_end() {
    let server = Server::start().await;
    let path = server.folder().join("admin.sock");
    let unix_socket_mode = "0660".to_owned();
    let config =
        AdminConfig { tcp: false, unix_socket: path.clone(), unix_socket_mode, ..config() };
    // What a process leaves that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let running = server.admin.start(AdminListeners::bind(&config).unwrap()).unwrap();
    assert_eq!(running.url(), format!("unix:{}", path.display()));
    assert_eq!(running.address(), None);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let client = Client::new(running.url(), TOKEN).unwrap();
    client.add_user(&NewUser::named("alice")).await.unwrap();
    let log = server.client.audit(&Default::default()).await.unwrap();
    assert_eq!(log.items[0].address, "unix");
    let second = AdminListeners::bind(&config).err().unwrap().to_string();
    assert!(second.contains("admin.sock"), "{second}");
    running.stop().unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "a file").unwrap();
    assert!(AdminListeners::bind(&config).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn over_tls_the_api_is_reached_by_those_who_know_its_certificate() {
    let server = Server::start().await;
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate_file, key_file) =
        (server.folder().join("cert.pem"), server.folder().join("key.pem"));
    std::fs::write(&certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let config = AdminConfig { certificate_file, key_file, ..config() };
    let running = server.admin.start(AdminListeners::bind(&config).unwrap()).unwrap();
    assert!(running.url().starts_with("https://127.0.0.1:"), "{}", running.url());
    // Who connects and says nothing holds up nobody.
    let _silent = std::net::TcpStream::connect(running.address().unwrap()).unwrap();
    let pem = made.cert.pem();
    let client = Client::with_authority(running.url(), TOKEN, pem.as_bytes()).unwrap();
    let stats = tokio::time::timeout(Duration::from_secs(20), client.stats());
    assert_eq!(stats.await.unwrap().unwrap().mode, "private");
    let stranger = Client::new(running.url(), TOKEN).unwrap();
    assert_eq!(stranger.stats().await.unwrap_err().status(), None);
    let plain = running.url().replace("https", "http");
    assert!(Client::new(&plain, TOKEN).unwrap().stats().await.is_err());
}
