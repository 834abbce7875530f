//! The sections of the configuration and every key in them: unit, range, default and effect.
//!
//! These comments are also what the example file says, so they are written for operators.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::choices::{
    ClientRules, GeoProvider, JournalSync, LogFormat, Mode, ReportFormat, StoreKind,
};
use super::network::Network;
use super::secret::Secret;
use super::section::section;

/// The port of the tracker, over HTTP and UDP.
pub const TRACKER_PORT: u16 = 34000;

/// The port of the admin API.
pub const ADMIN_PORT: u16 = 34001;

fn every_address(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
    ]
}

section! {
    /// Who may announce, how often, and what the answer contains.
    pub struct TrackerConfig in "tracker" {
        /// "private": users with passkeys, whose transfers are accounted.
        /// "public": anybody, without accounting.
        restart mode: Mode = Mode::Private;

        /// Seconds that a client is told to wait until its next announce.
        live interval_seconds: u32 = 1800, 60..=86_400;

        /// Seconds that a client is told to wait at least, whatever happens.
        /// At most interval_seconds. Left out, it is 300, or interval_seconds if that is less.
        live min_interval_seconds: u32 = 300, 0..=86_400;

        /// Seconds without an announce after which a peer is gone.
        /// More than interval_seconds. Left out, it is 2 × interval_seconds + 600,
        /// and site.jitter_seconds on top.
        live peer_timeout_seconds: u32 = 4200, 61..=259_200;

        /// Peers in an answer when the client does not say how many it wants.
        /// At most numwant_max. Left out, it is 50, or numwant_max if that is less.
        live numwant_default: u32 = 50, 0..=500;

        /// Peers in an answer at most, whatever the client wants.
        live numwant_max: u32 = 200, 0..=500;

        /// Whether an unknown torrent is added when somebody announces it, rather than refused.
        /// If you add it at that very moment, it has your id, and what was announced counts for it.
        live auto_register_torrents: bool = false;

        /// The lowest port that a peer may listen on; lower ones are refused, except when the
        /// peer stops. 0 allows every port.
        live port_min: u16 = 1024, 0..=65_535;

        /// Sessions (running clients) that one user may have on one torrent at a time.
        live sessions_per_user_and_torrent_max: u32 = 3, 1..=1000;

        /// Whether full peer ids are kept, so that answers in the old dictionary form (compact=0)
        /// contain them. Costs about 28 bytes per peer.
        restart keep_peer_ids: bool = false;

        /// Whether the addresses in ip=, ipv4= and ipv6= are believed. Anybody can then announce
        /// anybody's address: leave it off unless all clients are your own.
        live use_claimed_addresses: bool = false;

        /// "open": every client but those on the blacklist.
        /// "whitelist": only clients on the whitelist. Of several rules that fit a client, white
        /// or black, the one with the longest prefix decides.
        /// "whitelist_unless_empty": the same, but every client while the whitelist is empty.
        live client_rules: ClientRules = ClientRules::Open;

        /// Cores that nothing but announces and scrapes is answered on, such as [2, 3] (`lscpu -e`
        /// names them). The store, the admin API and the rest keep to the others, so that the
        /// slowest announces do not wait for them. Empty: everything runs on every core.
        restart announce_cores: Vec<u16> = Vec::new();

        /// Sent as `tracker id` (BEP 3), which clients repeat in their next announce; of use when
        /// several trackers share a name. Empty: not sent.
        live tracker_id: String = String::new();

        /// Sent to every HTTP client as `warning message`, which most of them show: a maintenance
        /// to come, a move. Empty: not sent.
        live notice: String = String::new();

        /// Where clients reach the tracker, as in `https://tracker.example.org`, without a
        /// passkey and without a slash at the end. Used where announce URLs are printed.
        /// Empty: `http://<host name>:<first port of http.listen>`.
        live announce_url_base: String = String::new();

        /// Seconds after which a client is told to retry a torrent that is not registered.
        /// Short, for the torrent may just have been uploaded.
        live retry_unregistered_seconds: u32 = 60, 10..=86_400;

        /// Seconds after which a client is told to retry what will not work without somebody
        /// changing something: an unknown passkey, a refused client.
        live retry_refused_seconds: u32 = 3600, 10..=86_400;
    }
}

section! {
    /// Announces and scrapes over HTTP, and what `[https]` shares with it.
    pub struct HttpConfig in "http" {
        /// Addresses and ports to listen on. An empty list turns HTTP off.
        restart listen: Vec<SocketAddr> = every_address(TRACKER_PORT);

        /// Worker threads. 0: one per core.
        restart workers: u32 = 0, 0..=1024;

        /// Seconds within which a request has to arrive completely.
        restart header_timeout_seconds: u32 = 10, 1..=300;

        /// Seconds for which a connection without a request is kept open.
        restart idle_timeout_seconds: u32 = 60, 1..=3600;

        /// Bytes of a request at most, its headers included.
        restart request_bytes_max: u32 = 8192, 1024..=65_536;

        /// Networks of the reverse proxies in front of the tracker, as in ["10.0.0.0/8", "::1"].
        /// Only they may say what the client's address is.
        live trusted_proxies: Vec<Network> = Vec::new();

        /// The header in which those proxies put the client's address, as in "X-Forwarded-For".
        /// Empty: no header is read.
        live client_address_header: String = String::new();

        /// Whether those proxies begin each connection with a PROXY header (version 1 or 2).
        /// If so, they have to.
        restart proxy_protocol: bool = false;
    }
}

section! {
    /// Announces and scrapes over HTTPS. Threads, limits and proxies are those of `[http]`.
    pub struct HttpsConfig in "https" {
        /// Addresses and ports to listen on, as in ["0.0.0.0:34443"]. Empty: no HTTPS.
        restart listen: Vec<SocketAddr> = Vec::new();

        /// The certificate chain, a PEM file. It is read again at every reload.
        live certificate_file: PathBuf = PathBuf::new();

        /// The private key of the certificate, a PEM file. It is read again at every reload.
        live key_file: PathBuf = PathBuf::new();
    }
}

section! {
    /// Announces and scrapes over UDP (BEP 15).
    pub struct UdpConfig in "udp" {
        /// Addresses and ports to listen on. An empty list turns UDP off.
        restart listen: Vec<SocketAddr> = every_address(TRACKER_PORT);

        /// Worker threads. 0: one per core.
        restart workers: u32 = 0, 0..=1024;

        /// Seconds for which a connection id is accepted. BEP 15 allows no more than 120.
        restart connection_id_seconds: u32 = 120, 10..=120;

        /// Bytes of the receive buffer of each socket. 0: what the operating system gives.
        /// The system may cap it (on Linux: net.core.rmem_max).
        restart receive_buffer_bytes: u32 = 4_194_304, 0..=1_073_741_824;
    }
}

section! {
    /// The admin API, the metrics and the command line go through this address.
    pub struct AdminConfig in "admin" {
        /// Address and port to listen on.
        restart listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), ADMIN_PORT);

        /// Whether to listen there. Off, there has to be a unix_socket.
        restart tcp: bool = true;

        /// Certificate chain and private key, as PEM, for HTTPS instead of HTTP. Both are read
        /// again at every reload; to turn HTTPS on or off needs a restart.
        restart certificate_file: PathBuf = PathBuf::new();

        /// The private key of that certificate.
        restart key_file: PathBuf = PathBuf::new();

        /// Allows `listen` to be an address that other machines reach although there is no
        /// certificate: whoever sees the traffic sees the token.
        restart allow_public: bool = false;

        /// A unix socket to listen on, such as "/run/mika/admin.sock". Empty: none.
        restart unix_socket: PathBuf = PathBuf::new();

        /// Who may connect to it, as the mode of its file. Its callers need a token, too.
        restart unix_socket_mode: String = "0600".to_owned();

        /// Proxies that are believed when they say in X-Forwarded-For who calls the admin API.
        live trusted_proxies: Vec<Network> = Vec::new();

        /// Requests without a valid token that an address may make in a minute. Wrong tokens that
        /// differ are guesses: who makes as many of those is refused for some seconds.
        live failures_per_minute: u32 = 30, 1..=1_000_000;

        /// The size that the audit log, audit.jsonl and audit.old.jsonl in data.dir, may have.
        restart audit_bytes: u64 = 64 << 20, 65_536..=1_099_511_627_776;

        /// The token that every request below /api/ needs. Empty: it comes from token_file.
        /// Better kept in token_file, or in the environment. Only one of the two may be given.
        live token: Secret = Secret::default();

        /// The file with that token, read again at every reload; spaces around it are ignored.
        /// Left out, it is admin.token in data.dir, which is made at the first start.
        live token_file: PathBuf = PathBuf::from("./mika-data/admin.token");
    }
}

section! {
    /// What the tracker keeps on disk by itself: journal, snapshot, dead letters.
    pub struct DataConfig in "data" {
        /// The directory for it. A path that does not begin with / starts where the server does.
        restart dir: PathBuf = PathBuf::from("./mika-data");
    }
}

section! {
    /// Where users, torrents and totals live.
    pub struct StoreConfig in "store" {
        /// "sqlite": one file. "postgres": a PostgreSQL database (15 or later). "mysql": a MariaDB
        /// (10.6 or later) or MySQL (8 or later) database. "redis": a Redis or Valkey server, see
        /// docs/redis.md. "http": the site's own API, see `[store_http]`.
        restart kind: StoreKind = StoreKind::Sqlite;

        /// The file of the SQLite store. Left out, it is mika.sqlite in data.dir.
        restart path: PathBuf = PathBuf::from("./mika-data/mika.sqlite");

        /// Where the database is, as in postgres://user:password@localhost/site,
        /// mysql://user:password@localhost/site or redis://:password@127.0.0.1:6379/0
        /// ("rediss://…" for TLS, "redis+unix:///run/redis.sock" for a socket). Not for "sqlite"
        /// and "http". Better kept in url_file, or in the environment. Only one of the two may be
        /// given.
        restart url: Secret = Secret::default();

        /// A file with that URL; spaces around it are ignored.
        restart url_file: PathBuf = PathBuf::new();

        /// The tables: a preset (`mika schema list` shows them), or the path of a folder of your
        /// own with one SQL file per statement (docs/adapt-your-schema.md).
        restart schema: String = "mika".to_owned();

        /// Names of tables and columns that differ from those of the schema, as in
        /// { users = "forum_users" }; `mika schema show` lists what a schema lets you name.
        restart names: BTreeMap<String, String> = BTreeMap::new();

        /// Seconds between two looks at what the site has changed in its tables by itself. Of
        /// users and torrents only those changed since are read, where the schema can tell (it
        /// has users.changes.sql and torrents.changes.sql). 0: never.
        live resync_seconds: u32 = 60, 0..=86_400;

        /// Seconds between two such looks that read everything, and find what is gone. 0: never.
        live full_resync_seconds: u32 = 3600, 0..=604_800;

        /// Whether announces are written down, one row each, in the site's table for that, if the
        /// schema knows one (announce_log.flush.sql). Nothing waits for it; when more come than
        /// the database takes, some are left out.
        live log_announces: bool = false;

        /// The same for scrapes over HTTP (scrape_log.flush.sql).
        live log_scrapes: bool = false;

        /// What all keys of the store of kind "redis" begin with.
        restart prefix: String = "mika:".to_owned();

        /// Whether an unknown torrent or passkey is looked up in the store while its announce
        /// waits, see `[lookup]`. Left out, it is what kind = "http" needs: true; else false.
        restart lookup: bool = false;
    }
}

section! {
    /// The site's own API, with kind = "http" in `[store]`. docs/http-store.md says what the site
    /// has to do, and `mika store check-http` whether it does.
    pub struct StoreHttpConfig in "store_http" {
        /// What stands before /api/, as in `https://site.example` or
        /// `https://site.example/tracker`.
        restart url: String = String::new();

        /// Sent with every request as `Authorization: Bearer …`. Better kept in token_file, or in
        /// the environment. Only one of the two may be given.
        restart token: Secret = Secret::default();

        /// The file with that token; spaces around it are ignored.
        restart token_file: PathBuf = PathBuf::new();

        /// Every request is signed with it (HMAC-SHA256), so that nobody on the way can change
        /// one or make one up. Better kept in secret_file, or in the environment.
        restart secret: Secret = Secret::default();

        /// The file with that secret; spaces around it are ignored.
        restart secret_file: PathBuf = PathBuf::new();

        /// Seconds that a connection may take.
        restart connect_timeout_seconds: u32 = 5, 1..=60;

        /// Seconds that a page of records, or a batch, may take.
        restart timeout_seconds: u32 = 30, 1..=600;

        /// Records that are asked for at a time.
        restart page_rows: u32 = 5000, 1..=100_000;

        /// Failures in a row after which the site is left alone for breaker_pause_seconds.
        restart breaker_failures: u32 = 5, 1..=1000;

        /// Seconds for which a site that failed too often is left alone. Then one request is a
        /// probe.
        restart breaker_pause_seconds: u32 = 10, 1..=600;

        /// Seconds between two questions for what has changed at the site. 0: never asked; then a
        /// change of what is known already counts from the next start on.
        restart changes_interval_seconds: u32 = 10, 0..=86_400;

        /// Whether the counts of every torrent that has changed are sent to
        /// `PATCH /api/torrent/<info_hash>`, besides the batches.
        restart push_counts: bool = false;

        /// Whether the sessions of every torrent that has changed are sent to
        /// `POST /api/torrent/<info_hash>/peers`, besides the batches.
        restart push_peers: bool = false;
    }
}

section! {
    /// A page of the site that is called when the download that a freeleech token covers is
    /// complete, so that the site's cache of tokens is fresh: Gazelle's `tools.php`.
    pub struct SiteCallConfig in "site_call" {
        /// What stands before /tools.php, as in `https://site.example`. Empty: it is not called.
        restart url: String = String::new();

        /// The site's secret for its tracker. Better kept in key_file, or in the environment. Only
        /// one of the two may be given.
        restart key: Secret = Secret::default();

        /// The file with that secret; spaces around it are ignored.
        restart key_file: PathBuf = PathBuf::new();

        /// Seconds that a call may take.
        restart timeout_seconds: u32 = 10, 1..=120;

        /// Seconds between two attempts at a call that failed, at most. The first pause is one
        /// second, and each is twice as long as the one before.
        restart retry_seconds_max: u32 = 60, 1..=3600;

        /// Tokens that wait for a call at most. Of more, the oldest are not called for.
        restart waiting_max: u32 = 100_000, 100..=10_000_000;
    }
}

section! {
    /// The HTTP interface of the tracker that the site was written for, so that the site's own code
    /// drives this one unchanged: Ocelot's for Gazelle, UNIT3D-Announce's for UNIT3D. What the site
    /// tells is in force at once and is not written to the store, whose tables are the site's.
    pub struct SiteApiConfig in "site_api" {
        /// Addresses and ports to listen on, as in ["127.0.0.1:34002"]. Empty: none. It is plain
        /// HTTP with the secret in the path, as those sites send it.
        restart listen: Vec<SocketAddr> = Vec::new();

        /// Allows `listen` to contain addresses that other machines reach: whoever sees the
        /// traffic sees the secrets.
        restart allow_public: bool = false;

        /// A unix socket to listen on, such as "/run/mika/site.sock", which is TRACKER_UNIX_SOCKET
        /// of UNIT3D. Empty: none.
        restart unix_socket: PathBuf = PathBuf::new();

        /// Who may connect to it, as the mode of its file.
        restart unix_socket_mode: String = "0660".to_owned();

        /// The secret of Gazelle's calls to /update: its TRACKER_SECRET. Better kept in the file.
        restart ocelot_password: Secret = Secret::default();

        /// The file with that secret; spaces around it are ignored.
        restart ocelot_password_file: PathBuf = PathBuf::new();

        /// The secret of Gazelle's calls to /report: its TRACKER_REPORTKEY. Better in the file.
        restart ocelot_report_password: Secret = Secret::default();

        /// The file with that secret; spaces around it are ignored.
        restart ocelot_report_password_file: PathBuf = PathBuf::new();

        /// How reports are told to Gazelle. "auto": "text" with the preset "gazelle-wcd", otherwise
        /// "json".
        restart report_format: ReportFormat = ReportFormat::Auto;

        /// The secret in the paths of UNIT3D's calls: its TRACKER_KEY. Better kept in the file.
        restart unit3d_key: Secret = Secret::default();

        /// The file with that secret; spaces around it are ignored.
        restart unit3d_key_file: PathBuf = PathBuf::new();

        /// Whether /statistics and /metrics are answered to everybody who reaches the address, as
        /// the XBT tracker does.
        restart xbt_pages: bool = false;

        /// Whether /debug is answered, too: what the tracker is busy with.
        restart xbt_debug: bool = false;
    }
}

section! {
    /// Announces of torrents and users that the tracker does not know, but the store may: see
    /// lookup in `[store]`.
    pub struct LookupConfig in "lookup" {
        /// Milliseconds that such an announce waits at most. After that the client is told to come
        /// back after retry_unregistered_seconds.
        restart wait_milliseconds: u32 = 2000, 100..=10_000;

        /// Announces that wait at a time. Further ones are told to come back.
        restart parked_max: u32 = 10_000, 1..=1_000_000;

        /// Questions to the store at a time.
        restart concurrent: u32 = 64, 1..=10_000;

        /// Seconds for which it holds that the store has no such torrent or passkey.
        restart unknown_seconds: u32 = 30, 1..=86_400;

        /// Seconds after which the store is asked again for what was found by a look-up, so that
        /// what it has deleted is refused. 0: never. A site that tells its changes is not asked.
        restart known_seconds: u32 = 3600, 0..=604_800;

        /// Answers that are remembered, found and not found each. The oldest are forgotten first.
        restart remembered_max: u32 = 100_000, 0..=10_000_000;
    }
}

section! {
    /// How what was announced gets to the store.
    pub struct FlushConfig in "flush" {
        /// Milliseconds between two batches.
        live interval_milliseconds: u32 = 1000, 10..=60_000;

        /// When the journal is forced to the disk, which is what protects from a power cut.
        /// "always": with every batch. "interval": at most every
        /// journal_sync_interval_milliseconds. "os": when the operating system sees fit.
        /// In none of them a crash of the server alone loses anything that is in the journal.
        live journal_sync: JournalSync = JournalSync::Always;

        /// Milliseconds between two syncs when journal_sync is "interval".
        live journal_sync_interval_milliseconds: u32 = 5000, 10..=600_000;
    }
}

section! {
    /// The picture of all peers that a restart begins from.
    pub struct SnapshotConfig in "snapshot" {
        /// Seconds between two snapshots. One is also taken at an orderly stop.
        live interval_seconds: u32 = 300, 1..=86_400;
    }
}

section! {
    /// What the tracker tells the site by itself: webhooks and the stream of the admin API.
    pub struct NotifyConfig in "notify" {
        /// Whether notifications are kept even while there is no webhook. Otherwise it begins with
        /// the first webhook, or with the first reader of the stream.
        restart always: bool = false;

        /// Ratios, in percent, whose crossing is told, as in [60, 100] for 0.6 and 1.0.
        live ratio_percents: Vec<u16> = Vec::new();

        /// Seconds for which a finished download has to be seeded; who does not is told as a
        /// hit-and-run. 0: nobody.
        live hit_and_run_seed_seconds: u32 = 0, 0..=31_536_000;

        /// Seconds after its end within which a download has to be seeded for as long.
        live hit_and_run_grace_seconds: u32 = 1_209_600, 60..=31_536_000;

        /// Networks (/24 of IPv4, /48 of IPv6) in which a passkey may be seen within
        /// passkey_networks_seconds before it is told. 0: never.
        live passkey_networks: u32 = 0, 0..=64;

        /// Seconds for which a network counts for that.
        live passkey_networks_seconds: u32 = 86_400, 60..=2_592_000;

        /// Attempts to send a request to a webhook before it becomes a dead letter.
        live attempts_max: u32 = 20, 1..=1000;

        /// Seconds between two attempts at most; the first pause is one second, and each is twice
        /// as long as the one before.
        live retry_max_seconds: u32 = 300, 1..=86_400;

        /// Seconds that a webhook may take to answer.
        live timeout_seconds: u32 = 10, 1..=120;

        /// Bytes of the log of notifications. When it is full, the oldest go, sent or not.
        live log_bytes: u64 = 268_435_456, 65_536..=1_099_511_627_776;

        /// Bytes of the dead letters of a webhook. When they are more, the oldest go.
        live dead_letter_bytes: u64 = 67_108_864, 65_536..=1_099_511_627_776;
    }
}

section! {
    /// Geo data: where addresses are, for the choice of peers. The files are in the MaxMind DB
    /// format (.mmdb) and kept in memory. Without them, or with damaged ones, the tracker runs and
    /// every place is unknown. A file that is replaced is read again within ten seconds.
    pub struct GeoConfig in "geo" {
        /// What `mika geo update` fetches. "none": nothing. "maxmind": GeoLite2 City and ASN, with
        /// your account. "dbip": City Lite and ASN Lite by DB-IP, which are to be named as the
        /// source (CC BY 4.0), as `/about` of the admin API does.
        live provider: GeoProvider = GeoProvider::None;

        /// The file of coordinates and countries: MaxMind's City schema, or the flat one. Left out,
        /// it is the one that `mika geo update` writes to `geo` in data.dir. Empty: none.
        live city_path: PathBuf = PathBuf::new();

        /// The same for IPv6, if the data has a file of its own for it. Empty: none.
        live city_ipv6_path: PathBuf = PathBuf::new();

        /// The file of autonomous systems. Left out, it is the one that `mika geo update` writes.
        /// Empty: none.
        live asn_path: PathBuf = PathBuf::new();

        /// Days after which data is old: there is a warning, and it stays in use. 0: never.
        live max_age_days: u32 = 60, 0..=36_500;

        /// Bytes of a file at most. It is kept in memory as a whole.
        live file_bytes_max: u64 = 1_073_741_824, 65_536..=17_179_869_184;

        /// Places of peers that are told apart, at most; those that come after are unknown. Each
        /// takes about 50 bytes.
        restart places_max: u32 = 2_000_000, 1..=16_000_000;

        /// What else `/about` shows as the source of the data. Of MaxMind's and DB-IP's own files
        /// it shows what their licences ask for. Empty: nothing.
        live attribution: String = String::new();

        /// The number of the MaxMind account, for `mika geo update`.
        live maxmind_account_id: String = String::new();

        /// A licence key of that account. Better kept in maxmind_license_key_file, or in the
        /// environment. Only one of the two may be given.
        live maxmind_license_key: Secret = Secret::default();

        /// The file with that licence key; spaces around it are ignored.
        live maxmind_license_key_file: PathBuf = PathBuf::new();
    }
}

section! {
    /// A limit for everything that can grow. `mika doctor` says how much memory they add up to.
    pub struct LimitsConfig in "limits" {
        /// Torrents that the tracker knows.
        live torrents: u32 = 20_000_000, 1..=4_000_000_000;

        /// Users that the tracker knows.
        live users: u32 = 10_000_000, 1..=4_000_000_000;

        /// Peers (sessions) on all torrents together, with those that ended and wait to be written.
        live sessions: u64 = 100_000_000, 1..=1_000_000_000_000;

        /// Leechers that left, remembered so that a resumed download is charged correctly; and as
        /// many clients that fell silent, if site.silent_kept_seconds is set.
        live departed_sessions: u32 = 1_000_000, 0..=1_000_000_000;

        /// Open HTTP and HTTPS connections. Each needs a file descriptor of the process.
        restart connections: u32 = 50_000, 1..=10_000_000;

        /// Info-hashes answered in one scrape; the others are left out.
        live scrape_hashes: u32 = 74, 1..=1000;

        /// Rows in one batch to the store.
        live batch_rows: u32 = 200_000, 100..=10_000_000;

        /// Bytes of the journal, which grows while the store is down. A full journal stops new
        /// batches; nothing that is in it is dropped.
        live journal_bytes: u64 = 4_294_967_296, 1_048_576..=1_099_511_627_776;

        /// Bytes of the file of rows that the store refused. When it is full, the oldest go.
        live dead_letter_bytes: u64 = 67_108_864, 65_536..=1_099_511_627_776;
    }
}

section! {
    /// What the server says about itself, on standard error.
    pub struct LogConfig in "log" {
        /// How much: "error", "warn", "info", "debug", "trace", or one of them per module, as in
        /// "info,mika_server=debug".
        live filter: String = "info".to_owned();

        /// "text" for people, "json" for machines: one object per line.
        restart format: LogFormat = LogFormat::Text;
    }
}
