//! The admin API, called from threads that block.

use std::time::{Duration, Instant};

use mika_client::types::{Readiness, Stats};
use mika_client::{Client, Error};
use tokio::runtime::{Builder, Runtime};

/// A client of the admin API with a runtime of its own.
#[derive(Debug)]
pub struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    pub(super) fn new(port: u16, token: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = Client::new(&format!("http://127.0.0.1:{port}"), token).expect("a client");
        Self { runtime, client }
    }

    /// Runs calls of the API.
    pub fn call<T, F>(&self, calls: F) -> T
    where
        F: AsyncFnOnce(Client) -> T,
    {
        self.runtime.block_on(calls(self.client.clone()))
    }

    /// Has everything written to the store; returns the number of the last batch there.
    ///
    /// # Errors
    ///
    /// The server is not there, or could not write.
    pub fn flush(&self) -> Result<u64, Error> {
        let flushed = self.runtime.block_on(self.client.flush())?;
        Ok(flushed.applied_batch_number)
    }

    /// Whether the server does all of its work.
    pub fn ready(&self) -> Readiness {
        self.runtime.block_on(self.client.ready()).expect("/ready")
    }

    /// What the server holds and has done.
    pub fn stats(&self) -> Stats {
        self.runtime.block_on(self.client.stats()).expect("the statistics")
    }

    /// Asks until an answer is as wanted; panics if that takes too long.
    pub fn wait_for(&self, what: &str, mut wanted: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !wanted(self) {
            assert!(begin.elapsed() < super::PATIENCE, "in vain: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
