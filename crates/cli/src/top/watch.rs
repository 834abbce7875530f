//! The loop: keys, looks at the tracker, and signals change the model, and it is drawn.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossterm::event::EventStream;
use futures_util::StreamExt;
use mika_client::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::input;
use super::model::{Model, Next, Order};
use super::screen::Screen;
use super::source::{Seen, Source};
use crate::time::now_seconds;

/// How long a tracker may take to answer before it counts as gone.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// What a shell reports of a program that a SIGTERM has ended.
const TERMINATED: u8 = 128 + 15;

type Look = JoinHandle<Result<Seen, String>>;

/// Watches until a key or a signal ends it. A tracker that cannot be reached at the start is an
/// error; later it is waited for.
pub async fn run(source: Source, order: Order, interval_seconds: u32) -> anyhow::Result<ExitCode> {
    let mut model = Model::new(source.url(), order, interval_seconds);
    let started = Instant::now();
    let mut signals = Signals::new()?;
    tokio::select! {
        seen = source.look(order) => model.see(seen?, started.elapsed(), now_seconds()),
        () = signals.any() => return Ok(ExitCode::from(TERMINATED)),
    }
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let mut ticks = ticks(interval_seconds);
    let mut look: Option<Look> = None;
    loop {
        screen.draw(&model).context("the terminal is gone")?;
        tokio::select! {
            event = keys.next() => {
                let Some(event) = event else { return Ok(ExitCode::SUCCESS) };
                let event = event.context("the keyboard cannot be read")?;
                match input::action(&event).map(|action| model.act(action)) {
                    Some(Next::Quit) => return Ok(ExitCode::SUCCESS),
                    Some(Next::Look) => {
                        // An answer to the question before would be in the wrong order.
                        look.take().inspect(JoinHandle::abort);
                        look = Some(begin(&source, model.order));
                    }
                    Some(Next::Draw) | None => {}
                }
            }
            _ = ticks.tick() => {
                if look.is_none() && !model.is_paused {
                    look = Some(begin(&source, model.order));
                }
            }
            seen = end(&mut look) => match seen {
                Ok(seen) => model.see(seen, started.elapsed(), now_seconds()),
                Err(reason) => model.miss(reason, now_seconds()),
            },
            () = signals.any() => return Ok(ExitCode::from(TERMINATED)),
        }
    }
}

fn ticks(interval_seconds: u32) -> Interval {
    let every = Duration::from_secs(interval_seconds.max(1).into());
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

fn begin(source: &Source, order: Order) -> Look {
    let source = source.clone();
    tokio::spawn(async move {
        match timeout(LOOK_TIMEOUT, source.look(order)).await {
            Ok(Ok(seen)) => Ok(seen),
            // The address is in the title already.
            Ok(Err(Error::Unreachable { reason, .. } | Error::Protocol { reason, .. })) => {
                Err(reason)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK_TIMEOUT.as_secs())),
        }
    })
}

/// Waits for a look that is under way; for ever if none is.
async fn end(look: &mut Option<Look>) -> Result<Seen, String> {
    let Some(running) = look else { return std::future::pending().await };
    let seen = running.await;
    *look = None;
    seen.unwrap_or_else(|error| Err(error.to_string()))
}

struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let new = |kind| signal(kind).context("no signal handler");
        Ok(Self {
            terminate: new(SignalKind::terminate())?,
            hang_up: new(SignalKind::hangup())?,
            interrupt: new(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
