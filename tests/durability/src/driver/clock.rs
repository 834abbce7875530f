//! What the threads know of the server: which process runs, and what its flushes prove.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::model::Proof;
use crate::server::Site;

/// Processes are numbered from 1 up, and so are flushes.
#[derive(Debug)]
pub struct Clock {
    process: AtomicU64,
    over: AtomicU64,
    flushes_begun: AtomicU64,
    /// Of each process, the last flush that succeeded.
    flushed: Vec<AtomicU64>,
    flushes_of_process: AtomicU64,
    stopped: AtomicBool,
    answered: AtomicU64,
    lost: AtomicU64,
}

impl Clock {
    /// Before the first process.
    pub fn new(processes_max: usize) -> Self {
        Self {
            process: AtomicU64::new(0),
            over: AtomicU64::new(0),
            flushes_begun: AtomicU64::new(0),
            flushed: (0..=processes_max).map(|_| AtomicU64::new(0)).collect(),
            flushes_of_process: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// To be called before a process is started: after the one before is over.
    pub fn begin_process(&self) {
        self.process.fetch_add(1, SeqCst);
        self.flushes_of_process.store(0, SeqCst);
    }

    /// To be called when the running process is gone for certain, with all its sockets: an
    /// announce that is then without an answer will never be seen.
    pub fn end_process(&self) {
        self.over.store(self.process(), SeqCst);
    }

    /// The process that runs, or ran last.
    pub fn process(&self) -> u64 {
        self.process.load(SeqCst)
    }

    /// Whether a process is gone.
    pub fn is_over(&self, process: u64) -> bool {
        self.over.load(SeqCst) >= process
    }

    /// Flushes that have begun.
    pub fn flushes_begun(&self) -> u64 {
        self.flushes_begun.load(SeqCst)
    }

    /// Whether a flush that began after the answer has succeeded in the same process. What was
    /// answered by then is in the journal and in the store.
    pub fn is_proved(&self, proof: Proof) -> bool {
        let flushed = self.flushed.get(proof.process as usize).expect("as many processes");
        flushed.load(SeqCst) > proof.flushes_begun
    }

    /// Flushes of the running process that have succeeded.
    pub fn flushes_of_process(&self) -> u64 {
        self.flushes_of_process.load(SeqCst)
    }

    /// Flushes once through the admin API; whether that succeeded.
    pub fn flush(&self, site: &Site) -> bool {
        let process = self.process();
        let flush = self.flushes_begun.fetch_add(1, SeqCst) + 1;
        let flushed = site.admin().flush().is_ok() && self.process() == process;
        if flushed {
            self.flushed[process as usize].fetch_max(flush, SeqCst);
            self.flushes_of_process.fetch_add(1, SeqCst);
        }
        flushed
    }

    /// Flushes now and then, until the workers are stopped.
    pub fn keep_flushing(&self, site: &Site) {
        while !self.is_stopped() {
            thread::sleep(Duration::from_millis(fastrand::u64(20..150)));
            if !self.is_over(self.process()) {
                // It fails while the server starts, and when it is killed meanwhile.
                self.flush(site);
            }
        }
    }

    /// Announces that were answered; a dual-stack client's announce is two.
    pub fn answered(&self) -> u64 {
        self.answered.load(SeqCst)
    }

    /// Announces of which nobody knows whether the tracker has seen them.
    pub fn lost(&self) -> u64 {
        self.lost.load(SeqCst)
    }

    pub(super) fn count_answered(&self, announces: u64) {
        self.answered.fetch_add(announces, SeqCst);
    }

    pub(super) fn count_lost(&self) {
        self.lost.fetch_add(1, SeqCst);
    }

    pub(super) fn go(&self) {
        self.stopped.store(false, SeqCst);
    }

    /// Tells all threads to come to an end.
    pub fn stop(&self) {
        self.stopped.store(true, SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(SeqCst)
    }
}
