//! Everything that is bound before anything else is done: a port that is taken ends the start at
//! once.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

use super::ServeError;
use crate::admin::AdminListeners;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::listen::bind;
use crate::listen::tls::TlsCertificates;
use crate::listen::udp::{self, UdpSettings};
use crate::listen::{HttpSettings, ListenContext, ShutdownSignal, Workers, http};
use crate::site_api::SiteApiListeners;

/// Open files that are not clients: sockets, journal, store, admin API.
const FILES_RESERVED: usize = 512;

/// The bound sockets of a server.
pub(super) struct Sockets {
    pub(super) admin: AdminListeners,
    pub(super) site_api: SiteApiListeners,
    pub(super) certificates: Option<Arc<TlsCertificates>>,
    pub(super) workers: WorkerSockets,
}

/// The bound sockets of its workers, with their settings.
pub(super) struct WorkerSockets {
    http: Vec<http::WorkerListeners>,
    http_settings: HttpSettings,
    udp: Vec<Vec<UdpSocket>>,
    udp_settings: UdpSettings,
}

impl Sockets {
    pub(super) fn bind(config: &Config, data: &DataDir) -> Result<Self, ServeError> {
        let admin = AdminListeners::bind(&config.admin)?;
        let site_api = SiteApiListeners::bind(&config.site_api)?;
        let announce_cores = &config.tracker.announce_cores;
        let workers = bind::worker_count(config.http.workers, announce_cores);
        let plain = bind::bind_http(&config.http.listen, workers)?;
        let tls = bind::bind_http(&config.https.listen, workers)?;
        let certificates = match config.https.listen.is_empty() {
            true => None,
            false => {
                let https = &config.https;
                let loaded = TlsCertificates::load(&https.certificate_file, &https.key_file)?;
                Some(Arc::new(loaded))
            }
        };
        let udp = bind::bind_udp(
            &config.udp.listen,
            bind::worker_count(config.udp.workers, announce_cores),
            config.udp.receive_buffer_bytes as usize,
        )?;
        let workers = WorkerSockets {
            http: http::WorkerListeners::zip(plain, tls),
            http_settings: http_settings(config),
            udp,
            udp_settings: UdpSettings::of(config, data.connection_id_key()?)?,
        };
        Ok(Self { admin, site_api, certificates, workers })
    }
}

impl WorkerSockets {
    /// Starts the workers; from here on clients are answered.
    pub(super) fn start(
        self,
        certificates: Option<&TlsCertificates>,
        context: &Arc<ListenContext>,
        signal: &ShutdownSignal,
    ) -> io::Result<Workers> {
        let http = http::serve(self.http, certificates, &self.http_settings, context, signal)?;
        let mut workers = http;
        workers.extend(udp::serve(self.udp, &self.udp_settings, context, signal)?);
        Ok(workers)
    }
}

/// The settings of the HTTP workers, as far as the system allows them.
fn http_settings(config: &Config) -> HttpSettings {
    let mut settings = HttpSettings::of(config);
    let files_max = allow_many_files();
    let connections_max = files_max - FILES_RESERVED.min(files_max / 4);
    if connections_max < settings.connections_max {
        warn!(
            "the system allows fewer open files than limits.connections: {files_max}, of which \
             {connections_max} are for connections, not {}; raise the hard limit (`ulimit -Hn`, \
             LimitNOFILE= in a systemd unit) or lower the setting",
            settings.connections_max
        );
        settings.connections_max = connections_max;
    }
    settings
}

/// Every connection is an open file: takes as many as the system allows, and says how many.
fn allow_many_files() -> usize {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| hard));
    match raised {
        Ok(files) => usize::try_from(files).unwrap_or(usize::MAX),
        Err(error) => {
            warn!(%error, "the limit of open files could not be raised");
            usize::MAX
        }
    }
}
