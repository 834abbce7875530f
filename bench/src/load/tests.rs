//! The generator against the do-nothing responder.

use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::options::{Arguments, Command};
use super::report;
use super::run::{Outcome, Plan, run};
use crate::responder::start_for_test;

fn plan(url: &str, arguments: &str) -> anyhow::Result<Plan> {
    let words = ["load", "run", url].into_iter().chain(arguments.split_whitespace());
    match Arguments::try_parse_from(words)?.command {
        Command::Run(options) => Plan::new(*options),
        other => panic!("{other:?}"),
    }
}

fn run_at(url: &str, arguments: &str) -> Outcome {
    let small = "--peers 1000 --torrents 50 --sources 4 --connections 8";
    run(&plan(url, &format!("{small} {arguments}")).unwrap()).unwrap()
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&report::json(outcome).unwrap()).unwrap()
}

#[test]
fn everybody_is_answered_over_either_protocol() {
    let port = start_for_test(320);
    let own = std::process::id();
    for (url, close) in [
        (format!("udp://127.0.0.1:{port}/announce"), ""),
        (format!("http://127.0.0.1:{port}/announce"), ""),
        (format!("http://localhost:{port}/announce"), "--close"),
    ] {
        for rate in ["--rate 2000", "--announces-max 1000"] {
            let arguments = format!("--fill --seconds 0.5 --pid {own} {rate} {close}");
            let outcome = run_at(&url, &arguments);
            let text = report::text(&outcome);
            let json = json(&outcome);
            assert_eq!(json["fill"]["answered"], 1000, "{text}");
            assert_eq!(json["run"]["replies"], 1000, "{text}");
            assert_eq!(json["run"]["sent"], 1000, "{text}");
            for key in ["failed", "drops", "late", "unsent"] {
                assert_eq!(json["run"][key], 0, "{text}");
            }
            let mode = if rate == "--rate 2000" { "open" } else { "closed" };
            assert_eq!(json["run"]["mode"], mode);
            let bytes = json["run"]["bytes_per_reply"].as_f64().unwrap();
            assert!((318.0..=320.0).contains(&bytes), "{text}");
            assert!(json["run"]["latency_us"]["p99"].as_f64().unwrap() > 0.0);
            assert!(json["server"]["rss_bytes_after"].as_u64().unwrap() > 1 << 20);
            if close == "--close" && mode == "closed" {
                assert_eq!(json["run"]["connects"], 1000);
            }
            for word in ["offered", "answered", "latency", "generator", "server"] {
                assert!(text.contains(word), "{text}");
            }
        }
    }
}

#[test]
fn a_server_that_stalls_is_charged_for_it() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}/announce", server.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut input = [0; 2048];
        let mut count = 0;
        while let Ok((_, from)) = server.recv_from(&mut input) {
            count += 1;
            if count == 200 {
                std::thread::sleep(Duration::from_millis(400));
            }
            // A connect is answered with an id, all else with a reply without peers.
            let action: [u8; 4] = input[8..12].try_into().unwrap();
            let mut reply = [&action[..], &input[12..16], &[0; 12]].concat();
            reply.truncate(if action == [0; 4] { 16 } else { 20 });
            server.send_to(&reply, from).unwrap();
        }
    });
    let outcome = run_at(&url, "--rate 500 --seconds 1");
    let json = json(&outcome);
    assert_eq!(json["run"]["replies"], 500);
    // Two fifths were sent while the server slept, and waited 200 ms on average.
    let p90 = json["run"]["latency_us"]["p90"].as_f64().unwrap();
    assert!(p90 > 100_000.0, "{p90}");
}

/// A server that answers announces within TLS, without peers; the port.
fn start_tls() -> u16 {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            std::thread::spawn(move || while answer(&mut stream).is_ok() {});
        }
    });
    port
}

/// Reads one request, which may ask to close the connection, and answers it.
fn answer(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut request = Vec::new();
    let mut input = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut input)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => request.extend_from_slice(&input[..bytes]),
        }
    }
    let body = "d8:intervali1800e5:peers0:e";
    let length = body.len();
    stream
        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}

#[test]
fn a_server_within_tls_is_answered_and_sessions_are_resumed_if_they_may() {
    let url = format!("https://127.0.0.1:{}/announce", start_tls());
    let arguments = "--announces-max 200 --seconds 20";
    for (more, connects) in [("", 8), ("--close", 200), ("--close --full-handshakes", 200)] {
        let outcome = run_at(&url, &format!("{arguments} {more}"));
        let text = report::text(&outcome);
        let json = json(&outcome);
        assert_eq!((&json["run"]["replies"], &json["run"]["failed"]), (&200.into(), &0.into()));
        assert_eq!(json["run"]["connects"], connects, "{text}");
        let resumed = json["run"]["resumed"].as_u64().unwrap();
        assert_eq!(resumed > 0, more == "--close", "{text}");
        assert!(text.contains("resumed a session"), "{text}");
    }
}

#[test]
fn without_a_server_there_is_no_result() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run_at(&format!("http://{closed}/announce"), "--seconds 0.2");
    let json = json(&outcome);
    assert_eq!(json["run"]["replies"], 0);
    let failures = json["run"]["failures"].as_object().unwrap();
    assert!(failures.keys().any(|text| text.contains("refused")), "{failures:?}");
    let warnings = json["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|text| text == "no request was answered well"), "{warnings:?}");
}

#[test]
fn options_that_do_not_fit_each_other_are_refused() {
    let udp = "udp://127.0.0.1:9/announce";
    let keyed = "udp://127.0.0.1:9/{passkey}/announce";
    for (url, arguments) in [
        (udp, "--threads 3"),
        (udp, "--sources 2 --peers 1000000"),
        (udp, "--users 5"),
        (udp, "--seconds 4000"),
        (udp, "--share-new 0.6 --share-stopped 0.6"),
        (udp, "--seeders 2"),
        (udp, "--torrents 0"),
        (udp, "--rate 0"),
        (udp, "--rate many"),
        (keyed, "--bep41"),
        (keyed, "--users 5"),
        ("http://127.0.0.1:9/announce", "--connections 8"),
        ("http://127.0.0.1:9/announce", "--bep41"),
        ("http://192.168.1.1:9/announce", ""),
    ] {
        assert!(plan(url, arguments).is_err(), "{url} {arguments}");
    }
    assert!(plan(keyed, "--bep41 --users 5").is_ok());
}

#[test]
fn the_help_names_every_key_of_the_json() {
    let help = match Arguments::try_parse_from(["load", "run", "--help"]) {
        Err(error) => error.to_string(),
        Ok(_) => panic!(),
    };
    let port = start_for_test(320);
    let url = format!("udp://127.0.0.1:{port}/announce");
    let own = std::process::id();
    let json = json(&run_at(&url, &format!("--fill --rate 1000 --seconds 0.1 --pid {own}")));
    let mut objects = vec![json];
    while let Some(object) = objects.pop() {
        let Value::Object(fields) = object else { continue };
        for (key, value) in fields {
            assert!(help.contains(&key), "{key}");
            match value {
                Value::Array(values) => objects.extend(values),
                value => objects.push(value),
            }
        }
    }
}
