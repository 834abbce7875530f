//! The thread that follows the journal.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use mika_client::types::{Notification, NotificationKind};
use mika_core::Tracker;
use mika_store::Catalog;
use parking_lot::Mutex;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use super::watch::Watch;
use super::{Networks, Notify, State, checkpoint, totals};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::journal::{JournalError, JournalReader};

/// Between two looks at what no batch says.
const TICK: Duration = Duration::from_secs(1);
/// Between two times that the state is kept. The journal keeps the batches in between.
const KEEP_INTERVAL: Duration = Duration::from_secs(30);
/// Between two attempts at what has failed.
const RETRY: Duration = Duration::from_secs(1);

/// What is followed.
pub struct Following {
    /// Who knows which torrents have seeders now.
    pub tracker: Arc<Tracker>,
    /// What time it is.
    pub clock: Clock,
    /// What the workers count.
    pub counters: Arc<Counters>,
    /// Who knows the totals of users.
    pub catalog: Arc<dyn Catalog>,
    /// Where the journal is.
    pub journal: PathBuf,
    /// The number of the last batch in it.
    pub journaled: channel::Receiver<u64>,
}

/// The running thread.
#[derive(Debug)]
pub struct RunningNotify {
    stop: channel::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RunningNotify {
    /// Reads the last batches and ends. To be called once the flusher has ended.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            error!("the thread of the notifications has panicked");
        }
    }
}

impl Notify {
    /// Starts the thread: it follows the journal as soon as somebody wants to be told, and sends
    /// the webhooks.
    ///
    /// # Errors
    ///
    /// The system gives no thread, or no runtime.
    pub fn start(&self, following: Following) -> io::Result<RunningNotify> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = channel::channel(false);
        let notify = self.clone();
        let thread = Builder::new().name("mika-notify".to_owned()).spawn(move || {
            runtime.block_on(async move {
                tokio::spawn(notify.clone().send_webhooks());
                tokio::spawn(totals::read(notify.clone(), following.catalog.clone()));
                Follower::new(notify, following).run(stopped).await;
            });
        })?;
        Ok(RunningNotify { stop, thread: Mutex::new(Some(thread)) })
    }
}

struct Follower {
    notify: Notify,
    following: Following,
    watch: Watch,
    networks: Networks,
    state: State,
    reader: JournalReader,
    looked_at: Instant,
    kept_at: Instant,
    kept_batch: u64,
    /// Something could not be written before the end: what comes after it must not be, either.
    gave_up: bool,
}

impl Follower {
    fn new(notify: Notify, following: Following) -> Self {
        let watch = Watch::new(Arc::clone(&notify.shared.status), Arc::clone(&following.counters));
        let reader = JournalReader::after(&following.journal, 0);
        Self {
            notify,
            following,
            watch,
            networks: Networks::default(),
            state: State::default(),
            reader,
            looked_at: Instant::now(),
            kept_at: Instant::now(),
            kept_batch: 0,
            gave_up: false,
        }
    }

    async fn run(mut self, mut stopped: channel::Receiver<bool>) {
        let mut active = self.notify.shared.active.subscribe();
        tokio::select! {
            _ = active.wait_for(|active| *active) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        self.watch.begin();
        self.resume().await;
        self.notify.shared.began.send_replace(true);
        let mut journaled = self.following.journaled.clone();
        loop {
            let is_last = *stopped.borrow_and_update();
            let number = *journaled.borrow_and_update();
            self.catch_up(number).await;
            if is_last || self.looked_at.elapsed() >= TICK {
                self.look().await;
            }
            if self.gave_up {
                return;
            }
            if is_last || self.kept_at.elapsed() >= KEEP_INTERVAL {
                self.keep();
            }
            if is_last {
                return;
            }
            tokio::select! {
                changed = journaled.changed() => if changed.is_err() {
                    // The flusher has gone: what is left is to be stopped.
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                },
                () = sleep(TICK) => {}
                changed = stopped.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Goes on where the last process was, or begins.
    async fn resume(&mut self) {
        let dir = self.notify.shared.dir.clone();
        let last_number = *self.following.journaled.borrow();
        match checkpoint::read(&dir) {
            Ok(Some(state)) if state.batch <= last_number => {
                debug!(batch = state.batch, "notifications go on");
                self.reader = JournalReader::after(&self.following.journal, state.batch);
                self.notify.shared.ratios.lock().resume(state.told.clone());
                self.kept_batch = state.batch;
                self.state = state;
            }
            Ok(_) => self.begin("the state of the notifications is not there").await,
            Err(error) => {
                error!(%error, "the state of the notifications cannot be read");
                self.begin("the state of the notifications could not be read").await;
            }
        }
    }

    /// Begins anew with the batches that come. Whoever was told something before is told that
    /// something is missing.
    async fn begin(&mut self, reason: &str) {
        let number = *self.following.journaled.borrow();
        let had_events = self.notify.last_id() > 0;
        self.state = State { batch: number, ..State::default() };
        let tracker = Arc::clone(&self.following.tracker);
        for part in 0..Tracker::PARTS {
            tracker.seeded(part, |id| {
                self.state.seeded.set(id, true);
            });
        }
        self.notify.shared.ratios.lock().resume(self.state.told.clone());
        self.reader = JournalReader::after(&self.following.journal, number);
        info!(batch = number, "notifications begin");
        if had_events {
            let now_seconds = self.following.clock.now_seconds();
            let missed = Notification {
                reason: Some(reason.to_owned()),
                ..Notification::of(NotificationKind::Missed, now_seconds)
            };
            self.publish(0, vec![missed]).await;
        }
        self.keep();
    }

    async fn catch_up(&mut self, number: u64) {
        while self.state.batch < number && !self.gave_up {
            match self.reader.next_batch() {
                Ok(Some(batch)) => {
                    let config = self.notify.shared.config.load_full();
                    let settings = &config.notify;
                    let mut events = self.state.take_in(&batch, &mut self.networks, settings);
                    let ratios =
                        self.notify.shared.ratios.lock().take_in(&batch, &settings.ratio_percents);
                    events.extend(ratios);
                    // What is in the log already was told before a crash.
                    if batch.number > self.notify.last_batch() {
                        self.publish(batch.number, events).await;
                    }
                }
                Ok(None) => return,
                Err(error @ JournalError::Io { .. }) => {
                    error!(%error, "the journal cannot be read for notifications, trying again");
                    sleep(RETRY).await;
                    self.reader.reopen();
                    return;
                }
                Err(error) => {
                    warn!(%error, "notifications are missing");
                    self.begin("batches of the journal were not there any more").await;
                    return;
                }
            }
        }
    }

    /// Looks at what no batch says.
    async fn look(&mut self) {
        self.looked_at = Instant::now();
        let now_seconds = self.following.clock.now_seconds();
        let mut events = self.watch.look(now_seconds);
        let config = self.notify.shared.config.load_full();
        events.extend(self.state.watches.due(now_seconds, &config.notify));
        self.publish(0, events).await;
    }

    /// Tries until the log has taken them: the batches wait in the journal meanwhile.
    async fn publish(&mut self, batch: u64, mut events: Vec<Notification>) {
        if self.gave_up {
            return;
        }
        let shared = Arc::clone(&self.notify.shared);
        let stuck = &shared.numbers.stuck;
        let mut closing = self.notify.closing();
        while let Err(error) = self.notify.publish(batch, &mut events) {
            if stuck.swap(1, Ordering::Relaxed) == 0 {
                error!(%error, "notifications cannot be written to the disk, trying again");
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                // They are made again from the journal at the next start.
                _ = closing.wait_for(|closing| *closing) => {
                    self.gave_up = true;
                    return;
                }
            }
        }
        if stuck.swap(0, Ordering::Relaxed) == 1 {
            info!("notifications are written to the disk again");
        }
    }

    /// Keeps the state, so that the journal can let go of the batches before it.
    fn keep(&mut self) {
        self.kept_at = Instant::now();
        if self.notify.shared.numbers.stuck.load(Ordering::Relaxed) != 0 {
            return;
        }
        self.state.told = self.notify.shared.ratios.lock().told();
        match checkpoint::write(&self.notify.shared.dir, &self.state) {
            Ok(()) => {
                self.kept_batch = self.state.batch;
                let needs = &self.notify.shared.status.notify_needs_batch;
                needs.store(self.state.batch + 1, Ordering::Relaxed);
            }
            Err(error) => {
                let batch = self.kept_batch;
                warn!(%error, batch, "the state of the notifications cannot be kept");
            }
        }
    }
}
