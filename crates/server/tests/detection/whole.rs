//! A whole server in the test's process, with the system's clock.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use mika_client::Client;
use mika_client::types::{Finding, FindingQuery, NewUser};
use mika_server::config::Config;
use mika_server::serve::{self, Hooks, Request, Requests, ServeError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::support::{Announce, TOKEN};

struct Channel(mpsc::Receiver<Request>);

impl Requests for Channel {
    async fn next(&mut self) -> Request {
        self.0.recv().await.unwrap_or(Request::Stop)
    }
}

pub struct Whole {
    pub client: Client,
    address: SocketAddr,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Whole {
    /// Starts with what is in a directory.
    pub async fn start(dir: &Path, keys: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = |key: &str, value: String| (key.to_owned(), value);
        let mut overrides = vec![
            text("data.dir", dir.display().to_string()),
            text("http.listen", format!("[\"{free}\"]")),
            text("http.workers", "1".to_owned()),
            text("udp.listen", "[]".to_owned()),
            text("admin.listen", "\"127.0.0.1:0\"".to_owned()),
            text("admin.token", format!("\"{TOKEN}\"")),
            text("flush.interval_milliseconds", "10".to_owned()),
            text("tracker.auto_register_torrents", "true".to_owned()),
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
        let Ok(admin) = is_ready.await else {
            panic!("no start: {:?}", task.await);
        };
        Self { client: Client::new(&admin, TOKEN).unwrap(), address: free, requests, task }
    }

    pub async fn stop(self) {
        self.requests.send(Request::Stop).await.unwrap();
        self.task.await.unwrap().unwrap();
    }

    pub async fn add_user(&self, number: u32) {
        let passkey = Some(format!("passkey{number}"));
        let user = NewUser { name: format!("user{number}"), passkey, ..NewUser::default() };
        assert_eq!(self.client.add_user(&user).await.unwrap().id, number);
    }

    pub fn announce(&self, announce: &Announce) -> String {
        let reply = announce.send(self.address);
        assert!(reply.contains("8:interval"), "{reply}");
        reply
    }

    /// All findings, the oldest first.
    pub async fn findings(&self) -> Vec<Finding> {
        let mut findings = self.client.findings(&FindingQuery::default()).await.unwrap().items;
        findings.reverse();
        findings
    }

    /// Waits for a finding about a user.
    pub async fn finding(&self, user: u32, detector: &str) -> Finding {
        let begun = Instant::now();
        loop {
            let findings = self.findings().await;
            let mut fitting =
                findings.iter().filter(|it| it.user_id == user && it.detector == detector);
            if let Some(finding) = fitting.next() {
                return finding.clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{findings:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
