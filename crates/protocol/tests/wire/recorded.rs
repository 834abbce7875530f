//! Requests recorded from clients, rebuilt to the bytes that they sent.

use serde_json::Value;

const REQUESTS: &str = include_str!("../data/client-requests.jsonl");

/// What one client sent.
pub enum Recorded {
    /// The bytes of an HTTP request.
    Http(Vec<u8>),
    /// An announce datagram.
    UdpAnnounce(Vec<u8>),
    /// A connect or scrape datagram, of which only the length was recorded.
    UdpLength(usize),
}

/// All requests in order.
pub fn requests() -> Vec<Recorded> {
    REQUESTS.lines().map(|line| rebuild(&serde_json::from_str(line).unwrap())).collect()
}

/// The bytes of all HTTP requests.
pub fn http() -> Vec<Vec<u8>> {
    let http = |request| match request {
        Recorded::Http(bytes) => Some(bytes),
        _ => None,
    };
    requests().into_iter().filter_map(http).collect()
}

/// All announce datagrams.
pub fn udp() -> Vec<Vec<u8>> {
    let udp = |request| match request {
        Recorded::UdpAnnounce(bytes) => Some(bytes),
        _ => None,
    };
    requests().into_iter().filter_map(udp).collect()
}

fn rebuild(record: &Value) -> Recorded {
    match record["proto"].as_str().unwrap() {
        "http" => Recorded::Http(http_request(record)),
        "udp-announce" => Recorded::UdpAnnounce(announce_datagram(record)),
        _ => Recorded::UdpLength(number(record, "n") as usize),
    }
}

fn http_request(record: &Value) -> Vec<u8> {
    let mut request = format!("GET {} HTTP/1.1\r\n", record["target"].as_str().unwrap());
    for (name, value) in record["headers"].as_object().unwrap() {
        request += &format!("{name}: {}\r\n", value.as_str().unwrap());
    }
    (request + "\r\n").into_bytes()
}

fn announce_datagram(record: &Value) -> Vec<u8> {
    let peer_id: Vec<u8> =
        record["pid"].as_str().unwrap().chars().map(|char| u8::try_from(char).unwrap()).collect();
    let datagram = [
        0x0102_0304_0506_0708_u64.to_be_bytes().as_slice(),
        &1_u32.to_be_bytes(),
        &0x1111_2222_u32.to_be_bytes(),
        &hex(record["ih"].as_str().unwrap()),
        &peer_id,
        &number(record, "dn").to_be_bytes(),
        &number(record, "left").to_be_bytes(),
        &number(record, "up").to_be_bytes(),
        &(number(record, "event") as u32).to_be_bytes(),
        &(number(record, "ip") as u32).to_be_bytes(),
        &(number(record, "key") as u32).to_be_bytes(),
        &(number(record, "numwant") as i32).to_be_bytes(),
        &(number(record, "port") as u16).to_be_bytes(),
        &hex(record["opts"].as_str().unwrap()),
    ]
    .concat();
    assert_eq!(datagram.len() as u64, number(record, "n"));
    datagram
}

fn number(record: &Value, name: &str) -> u64 {
    record[name].as_u64().unwrap_or_else(|| panic!("{name}: {record}"))
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
