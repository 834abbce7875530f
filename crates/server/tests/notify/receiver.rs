//! A site behind a webhook: takes what is posted, or fails as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hmac::{Hmac, Mac};
use mika_client::types::{Notification, WebhookDelivery};
use parking_lot::Mutex;
use sha2::Sha256;

use crate::running::free_port;

/// What the site remembers, however often its server is restarted.
#[derive(Default)]
pub struct Memory {
    pub events: Mutex<Vec<Notification>>,
    pub deliveries: Mutex<Vec<(String, WebhookDelivery)>>,
    secret: Mutex<String>,
    /// What is answered.
    status: AtomicU16,
    /// Requests with a signature that is wrong.
    pub forged: AtomicUsize,
    pub requests: AtomicUsize,
}

/// The site's server.
pub struct Receiver {
    pub port: u16,
    pub memory: Arc<Memory>,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Receiver {
    pub fn start() -> Self {
        let memory = Arc::new(Memory::default());
        memory.status.store(200, Ordering::SeqCst);
        let mut receiver = Self { port: free_port(), memory, running: None };
        receiver.restart();
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub fn set_secret(&self, secret: &str) {
        *self.memory.secret.lock() = secret.to_owned();
    }

    pub fn answer_with(&self, status: u16) {
        self.memory.status.store(status, Ordering::SeqCst);
    }

    /// Ends in the midst of whatever it does: connections break without an answer.
    pub fn kill(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::SeqCst);
            // So that it does not wait for another connection.
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            thread.join().unwrap();
        }
    }

    pub fn restart(&mut self) {
        self.kill();
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (stop, memory) = (Arc::new(AtomicBool::new(false)), Arc::clone(&self.memory));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            // One connection at a time: that is all that a webhook uses.
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.unwrap(), &memory, &stopped);
            }
        });
        self.running = Some((stop, thread));
    }

    /// The notifications in the order in which they came, each once.
    pub fn events_once(&self) -> Vec<Notification> {
        let mut seen = std::collections::HashSet::new();
        let events = self.memory.events.lock();
        events.iter().filter(|event| seen.insert(event.id)).cloned().collect()
    }

    /// Waits until what has come fulfils a condition.
    pub async fn wait_until(&self, fulfils: impl Fn(&[Notification]) -> bool) -> Vec<Notification> {
        loop {
            let events = self.events_once();
            if fulfils(&events) {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Takes the requests of a connection.
fn serve(stream: TcpStream, memory: &Memory, stopped: &AtomicBool) {
    // Or a killed server would wait for the next request.
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length, mut fields) = (String::new(), 0, [const { String::new() }; 3]);
        loop {
            let before = head.len();
            match reader.read_line(&mut head) {
                Ok(0) => return,
                Ok(_) => {}
                Err(_) if stopped.load(Ordering::SeqCst) => return,
                Err(_) => continue,
            }
            let line = head[before..].trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "content-length" => length = value.parse().unwrap(),
                "x-mika-timestamp" => fields[0] = value.to_owned(),
                "x-mika-signature" => fields[1] = value.to_owned(),
                "x-mika-delivery" => fields[2] = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match reader.read(&mut body[filled..]) {
                Ok(0) => return,
                Ok(bytes) => filled += bytes,
                Err(_) if stopped.load(Ordering::SeqCst) => return,
                Err(_) => {}
            }
        }
        memory.requests.fetch_add(1, Ordering::SeqCst);
        let [timestamp, signature, delivery] = fields;
        if !is_ours(&memory.secret.lock(), &timestamp, &signature, &body) {
            memory.forged.fetch_add(1, Ordering::SeqCst);
        }
        let status = memory.status.load(Ordering::SeqCst);
        if status == 200 {
            let posted: WebhookDelivery = serde_json::from_slice(&body).unwrap();
            memory.events.lock().extend(posted.events.iter().cloned());
            memory.deliveries.lock().push((delivery, posted));
        }
        // It has kept what came, but dies before it says so.
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let answer = format!("HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn is_ours(secret: &str, timestamp: &str, signature: &str, body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(b"\n");
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex == signature && timestamp.parse::<u64>().is_ok_and(|seconds| seconds > 1_700_000_000)
}
