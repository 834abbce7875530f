//! Unpacks what was fetched.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::product::Packing;
use super::{UpdateError, disk};

/// Files in an archive: MaxMind's holds three or four.
const ENTRIES_MAX: usize = 64;
/// What an archive may hold beside the database.
const OTHER_BYTES_MAX: u64 = 16 << 20;

/// Writes the database that is in `packed` to `unpacked`: at most `bytes_max` of it.
///
/// # Errors
///
/// [`UpdateError::Archive`], [`UpdateError::TooLong`] and [`UpdateError::Disk`].
pub(super) fn unpack(
    packing: Packing,
    packed: &Path,
    unpacked: &Path,
    bytes_max: u64,
) -> Result<(), UpdateError> {
    let file = File::open(packed).map_err(disk(packed))?;
    let content = MultiGzDecoder::new(BufReader::new(file));
    let to = File::create(unpacked).map_err(disk(unpacked))?;
    match packing {
        Packing::Gzip => copy(content, to, bytes_max),
        Packing::TarGzip => {
            let all_max = bytes_max.saturating_add(OTHER_BYTES_MAX);
            let mut archive = tar::Archive::new(content.take(all_max));
            for entry in archive.entries().map_err(UpdateError::Archive)?.take(ENTRIES_MAX) {
                let entry = entry.map_err(UpdateError::Archive)?;
                // Of its path, only the ending counts: it says nothing about where to write.
                let is_database =
                    entry.header().entry_type().is_file() && entry.path_bytes().ends_with(b".mmdb");
                if is_database {
                    return copy(entry, to, bytes_max);
                }
            }
            let message = "the archive holds no .mmdb file";
            Err(UpdateError::Archive(io::Error::new(io::ErrorKind::InvalidData, message)))
        }
    }
}

fn copy(from: impl Read, to: File, bytes_max: u64) -> Result<(), UpdateError> {
    let mut to = BufWriter::new(to);
    // What cannot be read is the archive's fault, unless the disk is full.
    let copied = io::copy(&mut from.take(bytes_max.saturating_add(1)), &mut to);
    let copied = copied.map_err(UpdateError::Archive)?;
    to.flush().map_err(UpdateError::Archive)?;
    if copied > bytes_max {
        return Err(UpdateError::TooLong(bytes_max));
    }
    Ok(())
}
