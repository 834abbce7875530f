//! Calls of a site's own code to its tracker, on its tables.

mod ocelot;
mod unit3d;
mod xbt;

use super::whole::exchange;
use crate::running::free_port;

/// The secrets of these tests.
const PASSWORD: &str = "ssssssssssssssssssssssssssssssss";
const REPORT_PASSWORD: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

/// What is answered to a call.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    head: String,
    body: String,
}

/// A port, and the key that makes the interface listen there.
fn listening() -> (u16, String) {
    let port = free_port();
    (port, format!("[\"127.0.0.1:{port}\"]"))
}

/// Sends bytes, and reads until the tracker closes.
async fn call(port: u16, request: impl Into<Vec<u8>>) -> Said {
    let reply = exchange(port, request.into()).await;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").unwrap().split(' ').next().unwrap();
    Said { status: status.parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}
