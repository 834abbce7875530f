//! A whole server in the test's process, with the system's clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use mika_client::Client;
use mika_client::types::{Finding, FindingQuery, NewUser};

use super::support::Announce;
use crate::running::{Running, TOKEN};

pub struct Whole {
    pub client: Client,
    running: Running,
}

impl Whole {
    /// Starts with what is in a directory.
    pub async fn start(dir: &Path, keys: &[(&str, &str)]) -> Self {
        let own = [
            ("admin.token", TOKEN),
            ("flush.interval_milliseconds", "10"),
            ("tracker.auto_register_torrents", "true"),
        ];
        let running = Running::start(dir, &[&own, keys].concat()).await.unwrap();
        Self { client: Client::new(&running.admin, TOKEN).unwrap(), running }
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }

    pub async fn add_user(&self, number: u32) {
        let passkey = Some(format!("passkey{number}"));
        let user = NewUser { name: format!("user{number}"), passkey, ..NewUser::default() };
        assert_eq!(self.client.add_user(&user).await.unwrap().id, number);
    }

    pub fn announce(&self, announce: &Announce) -> String {
        let reply = announce.send(SocketAddr::from((Ipv4Addr::LOCALHOST, self.running.port)));
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
