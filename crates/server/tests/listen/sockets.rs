//! Binding, and what is said when it does not work.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use mika_server::listen::bind::{bind_http, bind_udp, worker_count};

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Another program may take a port between two steps of a test; not as often as this.
const TRIES: usize = 20;

#[test]
fn every_worker_gets_a_listener_on_the_same_port() {
    let listeners = bind_http(&["127.0.0.1:0".parse().unwrap()], 3).unwrap();
    let ports: Vec<u16> =
        listeners.iter().flatten().map(|listener| listener.local_addr().unwrap().port()).collect();
    assert_eq!(ports.len(), 3);
    assert!(ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
    let sockets = bind_udp(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()], 2, 0);
    assert_eq!(sockets.unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert!(worker_count(0, &[]) >= 1);
    assert_eq!(worker_count(0, &[2, 3]), 2);
    assert_eq!(worker_count(7, &[2, 3]), 7);
}

#[test]
fn a_port_that_another_server_shares_is_refused_all_the_same() {
    let first = bind_http(&[loopback(0)], 2).unwrap();
    let address = first[0][0].local_addr().unwrap();
    let error = bind_http(&[address], 2).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("is in use"), "{error}");

    let first = bind_udp(&[loopback(0)], 2, 0).unwrap();
    let address = first[0][0].local_addr().unwrap();
    let error = bind_udp(&[address], 2, 0).unwrap_err().to_string();
    assert!(error.starts_with("cannot listen on UDP 127.0.0.1:"), "{error}");
    drop(first);
    assert!(bind_udp(&[address], 2, 0).is_ok());
}

#[test]
fn a_port_that_another_program_uses_is_refused() {
    let other = TcpListener::bind(loopback(0)).unwrap();
    assert!(bind_http(&[other.local_addr().unwrap()], 1).is_err());
    let other = UdpSocket::bind(loopback(0)).unwrap();
    assert!(bind_udp(&[other.local_addr().unwrap()], 1, 0).is_err());
}

#[test]
fn a_port_is_free_again_while_old_connections_linger() {
    let is_free_again = || {
        let first = bind_http(&[loopback(0)], 1).unwrap();
        let address = first[0][0].local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        first[0][0].set_nonblocking(false).unwrap();
        // The side that closes first is the one that keeps the connection in TIME_WAIT.
        drop(first[0][0].accept().unwrap());
        drop(first);
        drop(client);
        bind_http(&[address], 1).is_ok()
    };
    assert!((0..TRIES).any(|_| is_free_again()));
}

#[test]
fn ipv4_and_ipv6_can_have_the_same_port() {
    let have_the_same = || {
        let v6 = bind_http(&["[::]:0".parse().unwrap()], 1).unwrap();
        let port = v6[0][0].local_addr().unwrap().port();
        bind_http(&[SocketAddr::from(([0, 0, 0, 0], port))], 1).is_ok()
    };
    assert!((0..TRIES).any(|_| have_the_same()));
}

#[test]
fn an_address_of_another_machine_is_explained() {
    let error = bind_http(&["192.0.2.1:0".parse().unwrap()], 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot listen on TCP 192.0.2.1:0: this machine does not have the address: correct `listen`"
    );
}

#[test]
fn accepted_connections_send_at_once() {
    let listeners = bind_http(&[loopback(0)], 1).unwrap();
    let listener = &listeners[0][0];
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(false).unwrap();
    assert!(listener.accept().unwrap().0.nodelay().unwrap());
}
