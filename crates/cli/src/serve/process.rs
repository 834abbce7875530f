//! The server as a process: its runtime, its log, and the signals that it obeys.

use std::io::IsTerminal;

use anyhow::Context;
use mika_server::config::{Config, LogFormat};
use mika_server::serve::{self, Hooks, Request, Requests, Started};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// Threads beside the workers: they journal, talk to the store and serve the admin API.
const CONTROL_THREADS: usize = 2;

/// Runs the server until SIGTERM or SIGINT; SIGHUP reads the configuration again.
pub fn run(
    config: Config,
    read_config: impl Fn() -> anyhow::Result<Config> + Send + Sync + 'static,
    ready: impl FnOnce(&Started),
) -> anyhow::Result<()> {
    let filter = start_log(&config)?;
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("mika-control")
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::new()?;
        serve::run(config, hooks, signals, ready).await?;
        tracing::info!("stopped");
        anyhow::Ok(())
    })
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

fn start_log(config: &Config) -> anyhow::Result<reload::Handle<EnvFilter, Registry>> {
    let (filter, handle) = reload::Layer::new(parse_filter(config)?);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
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
