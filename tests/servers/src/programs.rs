//! Where the programs of a server are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::kind::Kind;

/// Where packages put servers that are not on everybody's `PATH`, and where
/// `scripts/install-test-packages` puts what Debian has no release of.
const MORE_FOLDERS: [&str; 4] =
    ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/mika-test-packages/bin"];

/// A server that is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{kind} is not installed: there is no `{program}`; scripts/install-test-packages brings it"
)]
pub struct Missing {
    /// The server.
    pub kind: Kind,
    /// The program that was looked for.
    pub program: &'static str,
}

/// The programs of a server.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    /// What makes an empty data directory, where it is a program of its own.
    pub(crate) initialiser: Option<PathBuf>,
    /// The command-line client, but for Redis and Valkey.
    pub(crate) client: Option<PathBuf>,
}

impl Programs {
    pub(crate) fn find(kind: Kind) -> Result<Self, Missing> {
        let one_of = |names: &[&'static str]| {
            let found = names.iter().find_map(|name| on_path(name));
            found.ok_or(Missing { kind, program: names[0] })
        };
        let (server, initialiser, client) = match kind {
            Kind::PostgreSql => {
                let server = find_postgres().ok_or(Missing { kind, program: "postgres" })?;
                // Of the same version: another one's `initdb` makes what this server cannot read.
                let initialiser = server.with_file_name("initdb");
                let initialiser = initialiser.is_file().then_some(initialiser);
                let initialiser = initialiser.ok_or(Missing { kind, program: "initdb" })?;
                let client = server.with_file_name("psql");
                let client = if client.is_file() { client } else { one_of(&["psql"])? };
                (server, Some(initialiser), Some(client))
            }
            Kind::MariaDb => {
                let server = one_of(&["mariadbd"])?;
                let initialiser = one_of(&["mariadb-install-db"])?;
                (server, Some(initialiser), Some(one_of(&["mariadb", "mysql"])?))
            }
            Kind::MySql => {
                let missing = Missing { kind, program: "mysqld" };
                let server = folders()
                    .into_iter()
                    .map(|folder| folder.join("mysqld"))
                    .find(|path| path.is_file() && !is_mariadb(path))
                    .ok_or(missing)?;
                (server, None, Some(one_of(&["mysql", "mariadb"])?))
            }
            Kind::Redis => (one_of(&["redis-server"])?, None, None),
            Kind::Valkey => (one_of(&["valkey-server"])?, None, None),
        };
        Ok(Self { server, initialiser, client })
    }
}

fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(MORE_FOLDERS.map(PathBuf::from)).collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    folders().into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// On `PATH`, among what Debian has, newest version first, or where `pg_config` says.
fn find_postgres() -> Option<PathBuf> {
    if let Some(found) = on_path("postgres") {
        // A link to it need not have links to the other programs beside it.
        return fs::canonicalize(found).ok();
    }
    let mut versions = Vec::new();
    if let Ok(entries) = fs::read_dir("/usr/lib/postgresql") {
        for entry in entries.flatten() {
            let version = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            versions.extend(version.map(|version| (version, entry.path().join("bin/postgres"))));
        }
    }
    versions.sort();
    let of_debian = versions.into_iter().rev().map(|(_, path)| path).find(|path| path.is_file());
    of_debian.or_else(|| {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        let path = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("postgres");
        path.is_file().then_some(path)
    })
}

/// MariaDB's packages bring a `mysqld` that is MariaDB. One that cannot be asked is no server.
fn is_mariadb(server: &Path) -> bool {
    match Command::new(server).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).contains("MariaDB"),
        Err(_) => true,
    }
}
