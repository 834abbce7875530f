//! How the workers learn that they should stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Tells all holders of its [`ShutdownSignal`]s to stop; dropping it does the same.
#[derive(Debug)]
pub struct Shutdown {
    flag: Arc<AtomicBool>,
    sender: watch::Sender<bool>,
}

/// Says whether, and waits until, the server should stop.
#[derive(Debug, Clone)]
pub struct ShutdownSignal {
    // Blocking workers look at it after every batch: a load that nobody contends for.
    flag: Arc<AtomicBool>,
    receiver: watch::Receiver<bool>,
}

impl Shutdown {
    /// A shutdown that has not been asked for yet, and its signal.
    pub fn new() -> (Self, ShutdownSignal) {
        let flag = Arc::<AtomicBool>::default();
        let (sender, receiver) = watch::channel(false);
        (Self { flag: Arc::clone(&flag), sender }, ShutdownSignal { flag, receiver })
    }

    /// Asks for the shutdown.
    pub fn trigger(&self) {
        self.flag.store(true, Ordering::Release);
        self.sender.send_replace(true);
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        self.trigger();
    }
}

impl ShutdownSignal {
    /// Whether the shutdown has been asked for.
    pub fn is_triggered(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Waits until the shutdown is asked for.
    pub async fn triggered(&mut self) {
        // An error means that the other end is gone, which counts as asking.
        let _ = self.receiver.wait_for(|triggered| *triggered).await;
    }
}
