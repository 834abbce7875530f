//! What follows the last batch that can be read: the torn end of a crash, which is cut, or damage
//! with whole batches behind it, which must not be.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use mika_core::batch::Batch;

use super::JournalError;
use super::frame::{self, Frame};

/// Bytes of the smallest payload: number, time, and five empty lists.
const PAYLOAD_BYTES_MIN: usize = 7;

/// Batches that may be missing before a whole one: a segment of 64 MiB has fewer.
const MISSING_MAX: u64 = 1 << 23;

/// Places that look like a batch and are looked at closer. A torn batch has a few of them at most,
/// and each costs as much as it has in common with a batch.
const ATTEMPTS_MAX: usize = 1 << 16;

/// Looks at what follows the last whole frame of the last segment; `next_number` is that of the
/// batch that should be there.
///
/// # Errors
///
/// [`JournalError::DamagedBefore`] if there are whole batches behind something that is none.
pub(super) fn check(path: &Path, offset: u64, next_number: u64) -> Result<(), JournalError> {
    let io = || JournalError::io(path);
    let mut file = File::open(path).map_err(io())?;
    file.seek(SeekFrom::Start(offset)).map_err(io())?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(io())?;
    let what = match frame::read::<Batch>(&mut tail.as_slice()).map_err(io())? {
        Frame::Torn(what) => what,
        Frame::Whole(..) | Frame::End => return Ok(()),
    };
    let path = path.to_owned();
    match find_batch(&tail, next_number) {
        Search::Nothing => Ok(()),
        Search::TooMuch => {
            let what = format!("{what}, and what follows is too much to search for whole batches");
            Err(JournalError::Damaged { path, offset, what })
        }
        Search::Batch { at, number } => {
            let rest = tail.get(at..).unwrap_or_default();
            let last = last_number(rest).unwrap_or(number);
            Err(JournalError::DamagedBefore {
                path,
                offset,
                what,
                next_number,
                first: number,
                last,
            })
        }
    }
}

enum Search {
    Nothing,
    TooMuch,
    Batch { at: usize, number: u64 },
}

/// Finds the first whole batch that is not at the beginning.
fn find_batch(tail: &[u8], next_number: u64) -> Search {
    let mut attempts = 0;
    for at in 1..tail.len() {
        let Some(payload) = tail.get(at..).and_then(payload) else { continue };
        let range = next_number..next_number.saturating_add(MISSING_MAX);
        let number = postcard::take_from_bytes::<u64>(payload);
        if !number.is_ok_and(|(number, _)| range.contains(&number)) {
            continue;
        }
        if attempts == ATTEMPTS_MAX {
            return Search::TooMuch;
        }
        attempts += 1;
        // Garbage does not even end where its length says, which is soon found out: checksums of
        // all that garbage takes for lengths would take minutes.
        let ends =
            postcard::take_from_bytes::<Batch>(payload).is_ok_and(|(_, rest)| rest.is_empty());
        let mut frame = tail.get(at..).unwrap_or_default();
        if ends && let Ok(Frame::Whole(batch, _)) = frame::read::<Batch>(&mut frame) {
            return Search::Batch { at, number: batch.number };
        }
    }
    Search::Nothing
}

/// The payload of what may be a frame, if it is all there.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (_checksum, rest) = rest.split_first_chunk::<4>()?;
    if length < PAYLOAD_BYTES_MIN { None } else { rest.get(..length) }
}

/// The number of the last of the whole batches that follow each other.
fn last_number(mut frames: &[u8]) -> Option<u64> {
    let mut last = None;
    while let Ok(Frame::Whole(batch, _)) = frame::read::<Batch>(&mut frames) {
        last = Some(batch.number);
    }
    last
}
