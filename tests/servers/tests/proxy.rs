//! The proxy, between a client and an echo, and between a client and a database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use mika_test_servers::{Options, Proxy, Traffic, need, shared};

/// A server that sends everything back, and tells what it got.
fn echo() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (got, told) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, got) = (connection.unwrap(), got.clone());
            thread::spawn(move || {
                let mut buffer = [0; 1000];
                while let Ok(read @ 1..) = connection.read(&mut buffer) {
                    got.send(buffer[..read].to_vec()).unwrap();
                    if connection.write_all(&buffer[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, told)
}

fn ask(connection: &mut TcpStream, text: &str) -> std::io::Result<String> {
    connection.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    connection.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

fn short_timeout(connection: &TcpStream) {
    connection.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
}

#[test]
fn what_passes_is_what_was_sent() {
    let (address, _told) = echo();
    let proxy = Proxy::start(address);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&mut connection, "one").unwrap(), "one");
    let long = "0123456789".repeat(100_000);
    let mut writer = connection.try_clone().unwrap();
    let sent = long.clone();
    let write = thread::spawn(move || writer.write_all(sent.as_bytes()).unwrap());
    let mut answer = vec![0; long.len()];
    connection.read_exact(&mut answer).unwrap();
    write.join().unwrap();
    assert!(answer == long.as_bytes(), "a million bytes have changed on their way");
    assert_eq!(proxy.connections_accepted(), 1);
}

#[test]
fn a_cut_ends_connections_and_lets_new_ones_in() {
    let (address, _told) = echo();
    let proxy = Proxy::start(address);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&mut connection, "one").unwrap(), "one");
    proxy.cut();
    assert!(ask(&mut connection, "two").is_err());
    let mut again = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&mut again, "three").unwrap(), "three");
    assert_eq!(proxy.connections_accepted(), 2);
}

#[test]
fn a_refusal_is_a_connection_refused_until_it_ends() {
    let (address, _told) = echo();
    let proxy = Proxy::start(address);
    proxy.disconnect();
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Traffic::Passes);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&mut connection, "one").unwrap(), "one");
}

#[test]
fn what_is_held_passes_later() {
    let (address, told) = echo();
    let proxy = Proxy::start(address);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&mut connection, "one").unwrap(), "one");
    assert_eq!(told.recv().unwrap(), b"one");
    proxy.set(Traffic::Held);
    short_timeout(&connection);
    let silence = ask(&mut connection, "two").unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    assert!(told.try_recv().is_err(), "the server has got what was held");
    proxy.set(Traffic::Passes);
    connection.set_read_timeout(None).unwrap();
    let mut answer = [0; 3];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"two");
}

#[test]
fn lost_answers_are_to_requests_that_have_arrived() {
    let (address, told) = echo();
    let proxy = Proxy::start(address);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    proxy.set(Traffic::AnswersLost);
    short_timeout(&connection);
    let silence = ask(&mut connection, "one").unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    assert_eq!(told.recv().unwrap(), b"one");
    proxy.cut();
    assert!(ask(&mut connection, "two").is_err());
}

#[test]
fn a_server_that_is_down_is_a_connection_that_closes() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    assert!(ask(&mut connection, "one").is_err());
}

#[test]
fn nothing_listens_after_the_proxy() {
    let (address, _told) = echo();
    let proxy = Proxy::start(address);
    let at = proxy.address();
    let mut connection = TcpStream::connect(at).unwrap();
    assert_eq!(ask(&mut connection, "one").unwrap(), "one");
    drop(proxy);
    assert!(ask(&mut connection, "two").is_err());
    assert_eq!(TcpStream::connect(at).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_database_is_reached_through_the_proxy_by_its_url() {
    let server = need!(shared(&Options::postgresql()));
    let database = server.create_database();
    let proxy = Proxy::start(server.address());
    let url = database.url_at(proxy.address());
    let ask = || Command::new("psql").args(["-XAtc", "SELECT 40 + 2", &url]).output().unwrap();
    assert_eq!(ask().stdout, b"42\n");
    proxy.disconnect();
    let refused = ask();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("refused"));
    proxy.set(Traffic::Passes);
    assert_eq!(ask().stdout, b"42\n");
}
