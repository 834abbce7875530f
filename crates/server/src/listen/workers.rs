//! Threads that serve.

use std::io;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use crate::cores;

/// The running threads of a server.
#[derive(Debug)]
#[must_use = "joined, so that what is under way is finished before the process ends"]
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
    announce_cores: Vec<u16>,
}

/// Reports that a worker is ready, or why it never will be.
pub(super) type Ready = mpsc::SyncSender<io::Result<()>>;

impl Workers {
    /// Of none yet; those that come are kept to these cores, or run on any if there are none.
    pub(super) fn on(announce_cores: &[u16]) -> Self {
        Self { threads: Vec::new(), announce_cores: announce_cores.to_vec() }
    }

    /// Starts a thread and waits until it says that it is ready.
    pub(super) fn start(
        &mut self,
        name: String,
        run: impl FnOnce(&Ready) + Send + 'static,
    ) -> io::Result<()> {
        let (ready, is_ready) = mpsc::sync_channel(1);
        let announce_cores = self.announce_cores.clone();
        self.threads.push(Builder::new().name(name).spawn(move || {
            match cores::take_for_announces(&announce_cores) {
                Ok(()) => run(&ready),
                // Whoever waits for it has gone only if the whole start has failed.
                Err(error) => drop(ready.send(Err(error))),
            }
        })?);
        is_ready.recv().unwrap_or_else(|_| Err(io::Error::other("the worker ended at once")))
    }

    /// Adds the threads of another server.
    pub fn extend(&mut self, other: Self) {
        self.threads.extend(other.threads);
    }

    /// Blocks until all threads have ended, which they do after their shutdown was asked for.
    ///
    /// # Errors
    ///
    /// A thread has panicked; the others have ended all the same.
    pub fn join(self) -> io::Result<()> {
        let mut result = Ok(());
        for thread in self.threads {
            if thread.join().is_err() {
                result = Err(io::Error::other("a worker thread has panicked"));
            }
        }
        result
    }
}
