//! A whole server in the process of a test.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The token of the admin API, for tests that use it.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

/// A server that answers. It reads the same configuration again when it is asked to.
pub struct Running {
    /// Where clients announce, at 127.0.0.1.
    pub port: u16,
    /// The URL of the admin API.
    pub admin: String,
    requests: mpsc::Sender<Request>,
    task: Option<JoinHandle<Result<(), ServeError>>>,
}

/// A test that fails may drop its database next, which waits for those who use it. That needs a
/// runtime with several threads.
impl Drop for Running {
    fn drop(&mut self) {
        self.task.iter().for_each(JoinHandle::abort);
    }
}

/// A port that is free, below those that the system gives to clients of its own choice.
pub fn free_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let port = 11_000 + u16::try_from(random % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Running {
    /// Starts with what is in a directory; these keys of the configuration come beside, or instead
    /// of, those that each of them needs.
    pub async fn start(dir: &Path, keys: &[(&str, &str)]) -> Result<Self, ServeError> {
        let port = free_port();
        let text = |key: &str, value: String| (key.to_owned(), value);
        let mut overrides = vec![
            text("data.dir", dir.display().to_string()),
            text("http.listen", format!("[\"127.0.0.1:{port}\"]")),
            text("http.workers", "1".to_owned()),
            text("udp.listen", "[]".to_owned()),
            text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
        ];
        overrides.extend(keys.iter().map(|(key, value)| text(key, (*value).to_owned())));
        let config = Config::load(None, [], overrides).unwrap();
        let again = config.clone();
        let hooks = Hooks {
            read_config: Box::new(move || Ok(again.clone())),
            config_applied: Box::new(|_| {}),
        };
        let (requests, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(serve::run(config, hooks, Channel(receiver), move |started| {
            ready.send(started.admin.clone()).unwrap();
        }));
        match is_ready.await {
            Ok(admin) => Ok(Self { port, admin, requests, task: Some(task) }),
            Err(_) => Err(task.await.unwrap().unwrap_err()),
        }
    }

    /// Asks for something, as a signal does.
    pub async fn ask(&self, request: Request) {
        self.requests.send(request).await.unwrap();
    }

    /// Stops it in order.
    pub async fn stop(mut self) {
        self.ask(Request::Stop).await;
        self.task.take().unwrap().await.unwrap().unwrap();
    }

    /// The whole reply to a request over a connection of its own.
    pub async fn get(&self, target: &str) -> String {
        let request = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n");
        let port = self.port;
        let exchange = move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).unwrap();
            String::from_utf8_lossy(&reply).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }
}
