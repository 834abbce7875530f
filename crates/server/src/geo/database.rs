//! One file of geo data in the MaxMind DB format, in memory.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use thiserror::Error;

use super::found::{Found, Record};

/// Networks looked at to see whether a file has anything of use.
const PROBED_NETWORKS_MAX: usize = 4096;
/// Records of those networks that are decoded.
const PROBED_RECORDS_MAX: usize = 32;

/// Why a file of geo data cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file is longer than `geo.file_bytes_max`.
    #[error("it has more than {0} bytes (geo.file_bytes_max)")]
    TooLong(u64),
    /// The file is no database, or a damaged one.
    #[error("it is damaged, or not in the MaxMind DB format: {0}")]
    Damaged(#[from] MaxMindDbError),
    /// The file is a database of something else.
    #[error("it is a database of type {0:?} without coordinates, countries or AS numbers")]
    Useless(String),
}

/// A file of geo data.
///
/// It is read into memory as a whole. A memory map would need less of it at first, but the first
/// look-up in a page would wait for the disk on the thread that answers announces, and a file that
/// somebody truncates would kill the process.
#[derive(Debug)]
pub struct Database {
    reader: Reader<Vec<u8>>,
    bytes: u64,
}

impl Database {
    /// Reads a file of at most `bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`]. No content of a file makes this panic.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, DatabaseError> {
        // A pipe would keep whoever opens it waiting, and a device has no end.
        if !std::fs::metadata(path)?.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(error.into());
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > bytes_max {
            return Err(DatabaseError::TooLong(bytes_max));
        }
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
        if content.len() as u64 > bytes_max {
            return Err(DatabaseError::TooLong(bytes_max));
        }
        Self::from_bytes(content)
    }

    /// Takes the content of a file.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`].
    pub fn from_bytes(content: Vec<u8>) -> Result<Self, DatabaseError> {
        let bytes = content.len() as u64;
        let database = Self { reader: Reader::from_source(content)?, bytes };
        database.probe()?;
        Ok(database)
    }

    /// Reads some records. Whether the others can be read shows when somebody asks for them: to
    /// look at all takes seconds in a large file, see [`Database::verify`].
    fn probe(&self) -> Result<(), DatabaseError> {
        let options = WithinOptions::default().include_networks_without_data();
        let networks = self.reader.networks(options)?.take(PROBED_NETWORKS_MAX);
        let mut records = 0_usize;
        for network in networks {
            let network = network?;
            if !network.has_data() {
                continue;
            }
            if let Some(record) = network.decode::<Record<'_>>()?
                && !Found::from(record).is_empty()
            {
                return Ok(());
            }
            records = records.saturating_add(1);
            if records == PROBED_RECORDS_MAX {
                break;
            }
        }
        Err(DatabaseError::Useless(self.kind().to_owned()))
    }

    /// Looks at the whole file: some seconds for a large one.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Damaged`] if a record or a node of the tree cannot be read.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        Ok(self.reader.verify()?)
    }

    /// What the file knows about an address; nothing about an IPv6 address in an IPv4 file.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Damaged`] if the record cannot be read.
    pub fn find(&self, address: IpAddr) -> Result<Found, DatabaseError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(Found::default());
        }
        let record = self.reader.lookup(address)?.decode::<Record<'_>>()?;
        Ok(record.map(Found::from).unwrap_or_default())
    }

    /// What the file says it is, such as `GeoLite2-City`.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When the file was built, as a Unix time in seconds.
    pub fn built_at_seconds(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// The length of the file, which is also what it takes in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the licence of the data wants to be shown, as far as the file tells whose it is.
    pub fn attribution(&self) -> Option<&'static str> {
        attribution_of(self.kind())
    }
}

/// What has to be shown with data by DB-IP (CC BY 4.0).
pub const DB_IP_ATTRIBUTION: &str =
    "IP Geolocation by DB-IP, https://db-ip.com (https://creativecommons.org/licenses/by/4.0/)";

/// What has to be shown with GeoLite data (its end user licence agreement).
pub const GEOLITE_ATTRIBUTION: &str = "This product includes GeoLite Data created by MaxMind, \
     available from https://www.maxmind.com.";

/// The attribution that goes with a type of database, such as `GeoLite2-City`; `None` if it is not
/// known whose data that is.
pub fn attribution_of(kind: &str) -> Option<&'static str> {
    if kind.starts_with("DBIP") {
        return Some(DB_IP_ATTRIBUTION);
    }
    kind.starts_with("GeoLite").then_some(GEOLITE_ATTRIBUTION)
}
