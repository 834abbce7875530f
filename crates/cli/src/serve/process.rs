//! The server as a process: its runtime, its log, and the signals that it obeys.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressFinish, ProgressState, ProgressStyle};
use mika_server::config::{Config, LogFormat};
use mika_server::loading::LoadProgress;
use mika_server::serve::{self, Hooks, Request, Requests, Started};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// Threads beside the workers: they journal, talk to the store and serve the admin API.
const CONTROL_THREADS: usize = 2;
/// How often the bar is drawn while the store is loaded.
const TICK: Duration = Duration::from_millis(100);

/// Runs the server until SIGTERM or SIGINT; SIGHUP reads the configuration again.
pub fn run(
    config: Config,
    read_config: impl Fn() -> anyhow::Result<Config> + Send + Sync + 'static,
    ready: impl FnOnce(&Started),
) -> anyhow::Result<()> {
    let progress = Arc::new(LoadProgress::default());
    let bar = load_bar(&progress);
    let filter = start_log(&config, &bar)?;
    let hooks = Hooks {
        read_config: Box::new(move || {
            let config = read_config().map_err(|error| error.to_string())?;
            parse_filter(&config).map_err(|error| format!("{error:#}"))?;
            Ok(config)
        }),
        config_applied: Box::new(move |config| {
            // It was parsed before; if the log has gone there is nobody to tell.
            if let Ok(new) = parse_filter(config) {
                let _ = filter.reload(new);
            }
        }),
    };
    // Threads have the cores of the one that starts them, so before there are others.
    mika_server::cores::leave_to_announces(&config.tracker.announce_cores)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("mika-control")
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::new()?;
        let done = |started: &Started| {
            bar.finish_and_clear();
            ready(started);
        };
        serve::run_watched(config, hooks, signals, &progress, done).await?;
        tracing::info!("stopped");
        anyhow::Ok(())
    })
}

/// How far the load is, on a terminal; nowhere else.
fn load_bar(progress: &Arc<LoadProgress>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let rows = Arc::clone(progress);
    let tell = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
        // A terminal that has gone misses nothing.
        let _ = write!(to, "{rows}");
    };
    let style = ProgressStyle::with_template("{spinner} loading: {rows} ({elapsed})");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("rows", tell);
    let bar = ProgressBar::new_spinner().with_style(style).with_finish(ProgressFinish::AndClear);
    bar.enable_steady_tick(TICK);
    bar
}

/// Lines of the log, above a bar that is shown.
struct AboveBar(ProgressBar);

impl Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::stderr().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// The signals, as requests to the server.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

impl Requests for Signals {
    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.hangup.recv() => Request::Reload,
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
        }
    }
}

fn start_log(
    config: &Config,
    bar: &ProgressBar,
) -> anyhow::Result<reload::Handle<EnvFilter, Registry>> {
    let (filter, handle) = reload::Layer::new(parse_filter(config)?);
    let bar = bar.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || AboveBar(bar.clone()))
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.log.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(handle)
}

/// What `log.filter` says.
pub fn parse_filter(config: &Config) -> anyhow::Result<EnvFilter> {
    let filter = &config.log.filter;
    EnvFilter::try_new(filter).with_context(|| format!("log.filter = {filter:?} is not a filter"))
}
