//! A site's HTTP API that gives pages of made-up users and torrents, as fast as they are asked for.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

/// As long as the titles of torrents are.
const TITLE: &str = "The.Title.Of.A.Torrent.2160p.x265-GROUP";

/// How many there are of each.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    pub users: u32,
    pub torrents: u32,
}

/// Serves until the process ends; returns the address.
pub fn serve(rows: Rows) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(&stream, rows));
        }
    });
    Ok(url)
}

/// Answers one request after the other until the connection ends.
fn answer_all(stream: &TcpStream, rows: Rows) {
    let mut requests = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if requests.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim_end() != "" {
            line.clear();
            if requests.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
        }
        let (status, body) = match page(&target, rows) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", "{}".to_owned()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let sent = { stream }.write_all(head.as_bytes());
        if sent.and_then(|()| { stream }.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

/// A page of one of the two lists, or the only role.
fn page(target: &str, rows: Rows) -> Option<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let number = |name: &str| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        values.filter(|(other, _)| *other == name).find_map(|(_, value)| value.parse::<u32>().ok())
    };
    let last = match path {
        "/api/users" => rows.users,
        "/api/torrents" => rows.torrents,
        "/api/roles" => return Some(r#"{"items":[{"id":1,"name":"user"}]}"#.to_owned()),
        "/api/checkpoint" => return Some(r#"{"number":0}"#.to_owned()),
        _ => return None,
    };
    let first = number("after").unwrap_or(0).saturating_add(1);
    let until = first.saturating_add(number("limit")?).saturating_sub(1).min(last);
    let mut body = String::from(r#"{"items":["#);
    for id in first..=until {
        let comma = if id == first { "" } else { "," };
        let _: std::fmt::Result = match path {
            "/api/users" => write!(
                body,
                r#"{comma}{{"id":{id},"name":"user{id}","passkey":"passkey-of-{id}","role_id":1}}"#
            ),
            _ => write!(
                body,
                r#"{comma}{{"id":{id},"info_hash":"{id:040x}","title":"{TITLE}.{id}"}}"#
            ),
        };
    }
    let next = if until < last { until.to_string() } else { "null".to_owned() };
    body.push_str(&format!(r#"],"next":{next}}}"#));
    Some(body)
}
