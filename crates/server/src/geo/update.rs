//! Fetches files of geo data: from MaxMind with an account, or from DB-IP.
//!
//! A file is fetched beside the one that it is to replace, unpacked, opened and looked through;
//! only then it takes its place, in one step. Whatever goes wrong, the old one stays as it is. The
//! file's time of modification is the one that the provider tells, so that the next update knows
//! whether there is anything newer.

mod archive;
mod fetch;
mod product;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

use super::database::{Database, DatabaseError};
use crate::config::{Config, GeoProvider, Secret};
use fetch::Fetched;
pub use product::Product;

/// Why a file was not replaced. None of the texts contains a licence key, or a URL of a redirect,
/// which may be signed.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// Nothing is to be fetched.
    #[error("geo.provider is \"none\": say where geo data comes from, \"maxmind\" or \"dbip\"")]
    NoProvider,
    /// The file has no place.
    #[error("geo.{0}_path is empty: there is no place for the file")]
    NoPath(&'static str),
    /// The account is missing.
    #[error(
        "MaxMind wants an account: set geo.maxmind_account_id, and geo.maxmind_license_key_file \
         to a file with a licence key of that account"
    )]
    NoAccount,
    /// The account is wrong.
    #[error("MaxMind does not accept geo.maxmind_account_id with that licence key (status {0})")]
    Refused(u16),
    /// The server said something else.
    #[error("{file}: the server answers with status {status}")]
    Status {
        /// What was asked for.
        file: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server cannot be reached, or stopped answering.
    #[error(
        "{file} cannot be fetched from {server}: {reason}. If this machine may not connect to it, \
         name a proxy in HTTPS_PROXY or a mirror with --base-url, or unpack the file elsewhere and \
         put it at {}",
        path.display()
    )]
    Network {
        /// What was asked for.
        file: String,
        /// Whom.
        server: String,
        /// Where it belongs once it is unpacked.
        path: PathBuf,
        /// What the network says.
        reason: String,
    },
    /// The file is larger than allowed.
    #[error("it has more than {0} bytes (geo.file_bytes_max)")]
    TooLong(u64),
    /// The archive is damaged, or holds no database.
    #[error("it cannot be unpacked: {0}")]
    Archive(io::Error),
    /// What was fetched is no geo data.
    #[error("what was fetched is of no use: {0}")]
    Database(#[from] DatabaseError),
    /// Another update is under way.
    #[error("another update is writing to {0}")]
    Busy(PathBuf),
    /// The disk.
    #[error("{path}: {error}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Updated {
    /// There is nothing newer.
    Unchanged,
    /// It was replaced.
    Replaced {
        /// What the file says it is, such as `GeoLite2-City`.
        kind: String,
        /// When it was built, as a Unix time in seconds.
        built_at_seconds: u64,
        /// Its length.
        bytes: u64,
    },
}

/// What to fetch, from where, to where.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who provides it.
    pub provider: GeoProvider,
    /// The number of a MaxMind account.
    pub account_id: String,
    /// A licence key of that account.
    pub license_key: Secret,
    /// What the path of a URL is appended to; `None` for the provider's own server.
    pub base_url: Option<String>,
    /// Bytes of a file at most, packed or not.
    pub bytes_max: u64,
    /// The files, by what is in them.
    pub files: Vec<(Product, PathBuf)>,
}

impl Order {
    /// What `[geo]` says.
    ///
    /// # Errors
    ///
    /// [`UpdateError::NoProvider`] and [`UpdateError::NoAccount`].
    pub fn of(config: &Config) -> Result<Self, UpdateError> {
        let geo = &config.geo;
        if geo.provider == GeoProvider::None {
            return Err(UpdateError::NoProvider);
        }
        let has_account = !geo.maxmind_account_id.is_empty() && !geo.maxmind_license_key.is_empty();
        if geo.provider == GeoProvider::Maxmind && !has_account {
            return Err(UpdateError::NoAccount);
        }
        let paths = [(Product::City, &geo.city_path), (Product::Asn, &geo.asn_path)];
        let given = paths.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
        Ok(Self {
            provider: geo.provider,
            account_id: geo.maxmind_account_id.clone(),
            license_key: geo.maxmind_license_key.clone(),
            base_url: None,
            bytes_max: geo.file_bytes_max,
            files: given.map(|(product, path)| (product, path.clone())).collect(),
        })
    }

    /// Fetches one of the files, if there is a newer one.
    ///
    /// # Errors
    ///
    /// See [`UpdateError`]; the file is then as it was.
    pub async fn update(&self, product: Product) -> Result<Updated, UpdateError> {
        let wanted = self.files.iter().find(|(each, _)| *each == product);
        let (_, path) = wanted.ok_or(UpdateError::NoPath(product.name()))?;
        let spot = Spot::new(path)?;
        let (kept, bytes_max) = (path.clone(), self.bytes_max);
        let since = blocking(path, move || Ok(time_of_good_file(&kept, bytes_max))).await?;
        let fetched = match fetch::fetch(self, product, &spot.packed, since).await? {
            Fetched::Unchanged => return Ok(Updated::Unchanged),
            fetched @ Fetched::File { .. } => fetched,
        };
        blocking(path, move || spot.install(fetched, bytes_max)).await
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, UpdateError> + Send + 'static,
) -> Result<T, UpdateError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| disk(path)(io::Error::other(error)))?
}

/// When the file at a path was modified, if it is one that can be used.
fn time_of_good_file(path: &Path, bytes_max: u64) -> Option<SystemTime> {
    Database::open(path, bytes_max).ok()?;
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> UpdateError {
    move |error| UpdateError::Disk { path: path.to_owned(), error }
}

/// The place of a file, with those of its making beside it, which go when this does.
struct Spot {
    path: PathBuf,
    packed: PathBuf,
    unpacked: PathBuf,
    /// Held until the end: the lock is the file's.
    _lock: File,
}

impl Spot {
    fn new(path: &Path) -> Result<Self, UpdateError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder).map_err(disk(folder))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = |end: &str| path.with_file_name(format!(".{name}.{end}"));
        let (packed, lock_path) = (beside("fetched"), beside("lock"));
        let lock = File::create(&lock_path).map_err(disk(&lock_path))?;
        lock.try_lock().map_err(|_| UpdateError::Busy(path.to_owned()))?;
        let unpacked = beside("unpacked");
        Ok(Self { path: path.to_owned(), packed, unpacked, _lock: lock })
    }

    /// Unpacks what was fetched, looks through it, and puts it in its place.
    fn install(&self, fetched: Fetched, bytes_max: u64) -> Result<Updated, UpdateError> {
        let Fetched::File { packing, modified } = fetched else { return Ok(Updated::Unchanged) };
        archive::unpack(packing, &self.packed, &self.unpacked, bytes_max)?;
        let database = Database::open(&self.unpacked, bytes_max)?;
        database.verify()?;
        let file =
            File::options().write(true).open(&self.unpacked).map_err(disk(&self.unpacked))?;
        if let Some(modified) = modified {
            file.set_modified(modified).map_err(disk(&self.unpacked))?;
        }
        file.sync_all().map_err(disk(&self.unpacked))?;
        fs::rename(&self.unpacked, &self.path).map_err(disk(&self.path))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk(folder))?;
        Ok(Updated::Replaced {
            kind: database.kind().to_owned(),
            built_at_seconds: database.built_at_seconds(),
            bytes: database.bytes(),
        })
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        for path in [&self.packed, &self.unpacked] {
            // Mostly it is not there; and the next update writes over it.
            let _ = fs::remove_file(path);
        }
    }
}
