//! The thread that looks at what was announced.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mika_client::types::UserChange;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tokio::runtime::Handle;
use tracing::{error, info};

use super::Inspector;
use super::prober::Prober;
use crate::control::{Control, Expected};

/// Between two looks.
const STEP: Duration = Duration::from_secs(1);

/// The thread. Dropped, it ends after its last look.
#[derive(Debug)]
pub struct RunningDetection {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl RunningDetection {
    /// Looks at the last announces, writes everything down, and ends. Nobody may announce any more.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            error!("the detection thread has panicked");
        }
    }
}

impl Inspector {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn start(&self, control: Control, runtime: Handle) -> io::Result<RunningDetection> {
        let inspector = self.clone();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("mika-detection".to_owned());
        let thread = thread.spawn(move || {
            let (mut saved_at, mut prober) = (Instant::now(), Prober::default());
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                inspector.look(&control, &runtime);
                inspector.probe(&mut prober, &runtime, inspector.shared.clock.now_seconds());
                let interval = inspector.shared.config.load().detection.save_interval_seconds;
                if saved_at.elapsed() >= Duration::from_secs(interval.into()) {
                    inspector.save_or_warn(false);
                    saved_at = Instant::now();
                }
            }
            let stepped = inspector.step(inspector.shared.clock.now_seconds());
            stepped.to_disable.into_iter().for_each(|id| inspector.note_not_disabled(id));
            inspector.save_or_warn(true);
        })?;
        Ok(RunningDetection { stop, thread })
    }

    fn look(&self, control: &Control, runtime: &Handle) {
        let stepped = self.step(self.shared.clock.now_seconds());
        for user_id in stepped.to_disable {
            runtime.block_on(self.disable(control, user_id));
        }
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) {
            let both = usage.user_time() + usage.system_time();
            let milliseconds = u64::try_from(both.num_milliseconds()).unwrap_or_default();
            self.shared.numbers.set_cpu_milliseconds(milliseconds);
        }
    }

    /// Closes an account.
    pub async fn disable(&self, control: &Control, user_id: u32) {
        let change = UserChange { deleted: Some(true), ..UserChange::default() };
        let key = format!("id:{user_id}");
        let closed = match control.update_user(key, change, Expected::Anything).await {
            Ok(_) => self.note_disabled(user_id, true),
            Err(error) => Err(error),
        };
        match closed {
            Ok(()) => info!(user_id, "the account of a suspect is closed"),
            Err(error) => {
                error!(%error, user_id, "the account of a suspect cannot be closed");
                self.note_not_disabled(user_id);
            }
        }
    }
}
