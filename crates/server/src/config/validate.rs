//! Rules about values that a type or a range cannot express, and between keys.

use std::net::{IpAddr, SocketAddr};

use mika_store::{MysqlStore, PostgresStore, RedisStore, StoreError};

use super::{Config, StoreConfig, StoreKind, detection, selection};
use crate::site_call::{Target, TargetError};

mod site_api;
#[cfg(test)]
mod tests;

/// A rule that a configuration breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// The keys it is about; the first that somebody set is where it is reported.
    pub(super) keys: Vec<&'static str>,
    pub(super) message: String,
}

/// Every rule that the configuration breaks.
pub(super) fn violations(config: &Config) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    tracker(config, &mut found);
    site(config, &mut found);
    selection::rules(config, &mut found);
    detection::rules(config, &mut found);
    proxies(config, &mut found);
    https(config, &mut found);
    admin(config, &mut found);
    paths(config, &mut found);
    store_http(config, &mut found);
    site_call(config, &mut found);
    site_api::rules(config, &mut found);
    listeners(config, &mut found);
    store(config, &mut found);
    found.0
}

/// Where they are put down.
pub(super) struct Found(Vec<Violation>);

impl Found {
    pub(super) fn when(
        &mut self,
        is_wrong: bool,
        keys: &[&'static str],
        message: impl FnOnce() -> String,
    ) {
        if is_wrong {
            self.0.push(Violation { keys: keys.to_vec(), message: message() });
        }
    }
}

fn tracker(config: &Config, found: &mut Found) {
    let tracker = &config.tracker;
    found.when(
        tracker.peer_timeout_seconds <= tracker.interval_seconds,
        &["tracker.peer_timeout_seconds", "tracker.interval_seconds"],
        || {
            format!(
                "`tracker.peer_timeout_seconds` ({}) must be more than \
                 `tracker.interval_seconds` ({}): otherwise peers are dropped before they \
                 announce again",
                tracker.peer_timeout_seconds, tracker.interval_seconds
            )
        },
    );
    found.when(
        tracker.min_interval_seconds > tracker.interval_seconds,
        &["tracker.min_interval_seconds", "tracker.interval_seconds"],
        || {
            format!(
                "`tracker.min_interval_seconds` ({}) must not be more than \
                 `tracker.interval_seconds` ({})",
                tracker.min_interval_seconds, tracker.interval_seconds
            )
        },
    );
    found.when(
        tracker.numwant_default > tracker.numwant_max,
        &["tracker.numwant_default", "tracker.numwant_max"],
        || {
            format!(
                "`tracker.numwant_default` ({}) must not be more than `tracker.numwant_max` ({})",
                tracker.numwant_default, tracker.numwant_max
            )
        },
    );
    let base = &tracker.announce_url_base;
    found.when(!base.is_empty() && !is_url_base(base), &["tracker.announce_url_base"], || {
        format!(
            "`tracker.announce_url_base` must begin with http://, https:// or udp://, name a \
             host, and not end with a slash, unlike `{base}`"
        )
    });
}

fn site(config: &Config, found: &mut Found) {
    let (site, tracker) = (&config.site, &config.tracker);
    let longest_seconds = tracker.interval_seconds.saturating_add(site.jitter_seconds);
    found.when(
        site.jitter_seconds > 0 && tracker.peer_timeout_seconds <= longest_seconds,
        &["tracker.peer_timeout_seconds", "site.jitter_seconds"],
        || {
            format!(
                "`tracker.peer_timeout_seconds` ({}) must be more than \
                 `tracker.interval_seconds` and `site.jitter_seconds` together \
                 ({longest_seconds}): otherwise peers are dropped before they announce again",
                tracker.peer_timeout_seconds
            )
        },
    );
    for (key, name) in site.unknown_names() {
        found.when(true, &[key], || format!("`{key}`: there is no reason named `{name}`"));
    }
    let numbers = site.delete_reasons.keys();
    for number in numbers.filter(|number| number.parse::<u16>().is_err()) {
        found.when(true, &["site.delete_reasons"], || {
            format!("`site.delete_reasons`: `{number}` is not a number from 0 to 65535")
        });
    }
    let mut names = site.headers_forbidden.iter();
    if let Some(name) = names.find(|name| name.is_empty() || !is_header_name(name)) {
        found.when(true, &["site.headers_forbidden"], || {
            format!("`site.headers_forbidden`: `{name}` is not the name of a header")
        });
    }
}

fn site_call(config: &Config, found: &mut Found) {
    let call = &config.site_call;
    found.when(!call.url.is_empty() && !Target::is_good(&call.url), &["site_call.url"], || {
        TargetError::Url.to_string()
    });
    found.when(
        !call.url.is_empty() && call.key.is_empty(),
        &["site_call.key", "site_call.key_file", "site_call.url"],
        || "`site_call.url` needs the site's secret in `site_call.key_file`".to_owned(),
    );
}

fn is_url_base(base: &str) -> bool {
    let host =
        ["http://", "https://", "udp://"].iter().find_map(|scheme| base.strip_prefix(scheme));
    host.is_some_and(|host| {
        !host.is_empty()
            && !host.starts_with(['/', ':'])
            && !host.ends_with('/')
            && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte))
    })
}

fn proxies(config: &Config, found: &mut Found) {
    let http = &config.http;
    let header = &http.client_address_header;
    found.when(
        !header.is_empty() && !is_header_name(header),
        &["http.client_address_header"],
        || format!("`http.client_address_header` must be the name of a header, unlike `{header}`"),
    );
    found.when(
        !header.is_empty() && http.trusted_proxies.is_empty(),
        &["http.client_address_header", "http.trusted_proxies"],
        || {
            "`http.client_address_header` needs `http.trusted_proxies`: without it, every client \
             could claim any address"
                .to_owned()
        },
    );
    found.when(
        http.proxy_protocol && http.trusted_proxies.is_empty(),
        &["http.proxy_protocol", "http.trusted_proxies"],
        || {
            "`http.proxy_protocol` needs `http.trusted_proxies`: nobody else may send the header"
                .to_owned()
        },
    );
    found.when(
        http.proxy_protocol && !header.is_empty(),
        &["http.proxy_protocol", "http.client_address_header"],
        || {
            "`http.proxy_protocol` and `http.client_address_header` must not both be set: they \
             could name different addresses"
                .to_owned()
        },
    );
}

/// Whether it is a `token` of RFC 9110, 5.6.2.
fn is_header_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn https(config: &Config, found: &mut Found) {
    let https = &config.https;
    let is_on = !https.listen.is_empty();
    found.when(
        is_on && https.certificate_file.as_os_str().is_empty(),
        &["https.certificate_file", "https.listen"],
        || "`https.listen` needs `https.certificate_file`".to_owned(),
    );
    found.when(
        is_on && https.key_file.as_os_str().is_empty(),
        &["https.key_file", "https.listen"],
        || "`https.listen` needs `https.key_file`".to_owned(),
    );
}

fn admin(config: &Config, found: &mut Found) {
    let admin = &config.admin;
    let is_local = admin.listen.ip().to_canonical().is_loopback();
    let is_tls = !admin.certificate_file.as_os_str().is_empty();
    found.when(
        admin.tcp && !is_tls && !is_local && !admin.allow_public,
        &["admin.listen", "admin.allow_public"],
        || {
            format!(
                "`admin.listen` ({}) can be reached from other machines: use 127.0.0.1, set \
                 `admin.certificate_file` and `admin.key_file` for HTTPS, or set \
                 `admin.allow_public` if something else protects it",
                admin.listen
            )
        },
    );
    let keys = ["admin.certificate_file", "admin.key_file"];
    found.when(is_tls == admin.key_file.as_os_str().is_empty(), &keys, || {
        "`admin.certificate_file` and `admin.key_file` go together: set both, or neither".to_owned()
    });
    let has_socket = !admin.unix_socket.as_os_str().is_empty();
    found.when(!admin.tcp && !has_socket, &["admin.tcp", "admin.unix_socket"], || {
        "`admin.tcp` is off and `admin.unix_socket` is empty: nobody could reach the admin API"
            .to_owned()
    });
    let mode = u32::from_str_radix(&admin.unix_socket_mode, 8);
    found.when(!mode.is_ok_and(|mode| mode <= 0o777), &["admin.unix_socket_mode"], || {
        format!(
            "`admin.unix_socket_mode` must be an octal mode such as \"0660\", unlike `{}`",
            admin.unix_socket_mode
        )
    });
    let is_sendable = admin.token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    found.when(!is_sendable, &["admin.token", "admin.token_file"], || {
        "the admin token must consist of visible ASCII characters, for it is sent in a header"
            .to_owned()
    });
}

fn paths(config: &Config, found: &mut Found) {
    found.when(config.data.dir.as_os_str().is_empty(), &["data.dir"], || {
        "`data.dir` must not be empty".to_owned()
    });
    found.when(config.store.path.as_os_str().is_empty(), &["store.path"], || {
        "`store.path` must not be empty".to_owned()
    });
}

fn store(config: &Config, found: &mut Found) {
    let store = &config.store;
    let example = match store.kind {
        StoreKind::Sqlite | StoreKind::Http => None,
        StoreKind::Postgres => Some("postgres://user:password@localhost/site"),
        StoreKind::Mysql => Some("mysql://user:password@localhost/site"),
        StoreKind::Redis => Some("redis://127.0.0.1:6379/0"),
    };
    let is_file = store.kind == StoreKind::Sqlite;
    found.when(is_file && !store.url.is_empty(), &["store.url"], || {
        "`store.url` is for databases with a server: `store.kind` is \"sqlite\", whose file is \
         `store.path`"
            .to_owned()
    });
    let Some(example) = example else { return };
    let keys = ["store.url", "store.url_file", "store.kind"];
    found.when(store.url.is_empty(), &keys, || {
        format!(
            "`store.kind` = \"{}\" needs `store.url` or `store.url_file`, as in {example}",
            format!("{:?}", store.kind).to_lowercase()
        )
    });
    if let (false, Err(wrong)) = (store.url.is_empty(), check_url(store)) {
        let message = match wrong {
            StoreError::Broken(what) => what,
            other => other.to_string(),
        };
        found.when(true, &keys, || message);
    }
}

/// Its errors have nothing of the password.
fn check_url(store: &StoreConfig) -> Result<(), StoreError> {
    let url = store.url.expose();
    match store.kind {
        StoreKind::Sqlite | StoreKind::Http => Ok(()),
        StoreKind::Postgres => PostgresStore::check_url(url),
        StoreKind::Mysql => MysqlStore::check_url(url),
        StoreKind::Redis => RedisStore::check_url(url),
    }
}

fn store_http(config: &Config, found: &mut Found) {
    let http = &config.store_http;
    let is_on = config.store.kind == StoreKind::Http;
    found.when(is_on && http.url.is_empty(), &["store_http.url", "store.kind"], || {
        "`store.kind` = \"http\" needs `store_http.url`, the address of the site".to_owned()
    });
    let is_url = ["http://", "https://"].iter().any(|scheme| http.url.starts_with(scheme));
    found.when(
        !http.url.is_empty() && (!is_url || http.url.contains(['?', '#', '@'])),
        &["store_http.url"],
        || {
            "`store_http.url` must begin with http:// or https://, and contain neither a user nor \
             a query"
                .to_owned()
        },
    );
    found.when(
        is_on && http.token.is_empty() && http.secret.is_empty(),
        &["store_http.token", "store_http.secret", "store.kind"],
        || {
            "`store.kind` = \"http\" needs `store_http.token` or `store_http.secret`, better both: \
             without them anybody could write to the site"
                .to_owned()
        },
    );
    let is_sendable = http.token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    found.when(!is_sendable, &["store_http.token", "store_http.token_file"], || {
        "`store_http.token` must consist of visible ASCII characters, for it is sent in a header"
            .to_owned()
    });
}

fn listeners(config: &Config, found: &mut Found) {
    found.when(
        config.http.listen.is_empty()
            && config.https.listen.is_empty()
            && config.udp.listen.is_empty(),
        &["http.listen", "https.listen", "udp.listen"],
        || {
            "`http.listen`, `https.listen` and `udp.listen` are all empty: no client could reach \
             the tracker"
                .to_owned()
        },
    );
    let http = config.http.listen.iter().map(|address| ("http.listen", *address));
    let https = config.https.listen.iter().map(|address| ("https.listen", *address));
    let admin = config.admin.tcp.then_some(("admin.listen", config.admin.listen));
    let site = config.site_api.listen.iter().map(|address| ("site_api.listen", *address));
    let tcp: Vec<_> = admin.into_iter().chain(http).chain(https).chain(site).collect();
    let udp: Vec<_> = config.udp.listen.iter().map(|address| ("udp.listen", *address)).collect();
    conflicts(&tcp, found);
    conflicts(&udp, found);
}

/// Reports addresses that cannot be bound at the same time.
fn conflicts(addresses: &[(&'static str, SocketAddr)], found: &mut Found) {
    for (index, (key, address)) in addresses.iter().enumerate() {
        for (earlier_key, earlier) in addresses.iter().take(index) {
            found.when(is_conflict(*address, *earlier), &[key, earlier_key], || {
                format!("`{key}` ({address}) is in conflict with `{earlier_key}` ({earlier})")
            });
        }
    }
}

/// Port 0 means any free one, and IPv6 sockets take no IPv4, so neither is ever in conflict.
fn is_conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let any = |ip: IpAddr| ip.is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || any(one.ip()) || any(other.ip()))
}
