//! Frames: a length, a checksum and a payload. Journal and snapshot are made of them.

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A payload longer than this is not one of ours.
const PAYLOAD_BYTES_MAX: u32 = 1 << 30;

/// Bytes before the payload.
pub const HEAD_BYTES: u64 = 8;

/// Appends a value as a frame.
pub fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) -> io::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES as usize]);
    let taken = std::mem::take(out);
    *out = postcard::to_extend(value, taken).map_err(io::Error::other)?;
    let body = out.get(start + HEAD_BYTES as usize..).unwrap_or_default();
    let too_long = || io::Error::other("a frame is longer than 1 GiB");
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    if length > PAYLOAD_BYTES_MAX {
        out.truncate(start);
        return Err(too_long());
    }
    let checksum = crc32fast::hash(body);
    let head = length.to_le_bytes().into_iter().chain(checksum.to_le_bytes());
    out.iter_mut().skip(start).zip(head).for_each(|(to, from)| *to = from);
    Ok(())
}

/// What a read found.
#[derive(Debug)]
pub enum Frame<T> {
    /// A whole frame, and its bytes with the head.
    Whole(T, u64),
    /// The end, exactly at a frame's border.
    End,
    /// Bytes that are no whole frame, and why.
    Torn(String),
}

/// Reads the next frame.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Frame<T>> {
    let mut head = [0; HEAD_BYTES as usize];
    match read_full(from, &mut head)? {
        0 => return Ok(Frame::End),
        8 => {}
        bytes => return Ok(Frame::Torn(format!("{bytes} bytes instead of a frame's head"))),
    }
    let [a, b, c, d, e, f, g, h] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    let checksum = u32::from_le_bytes([e, f, g, h]);
    if length > PAYLOAD_BYTES_MAX {
        return Ok(Frame::Torn(format!("a frame of {length} bytes")));
    }
    // Grows with what is really there: a wrong length must not cost a gigabyte of memory.
    let mut payload = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut payload)?;
    if payload.len() != length as usize {
        return Ok(Frame::Torn(format!("{} of a frame's {length} bytes", payload.len())));
    }
    if crc32fast::hash(&payload) != checksum {
        return Ok(Frame::Torn("a checksum does not fit".to_owned()));
    }
    // A batch of an older version ends before the last list, which is empty then.
    payload.push(0);
    match postcard::from_bytes(&payload) {
        Ok(value) => Ok(Frame::Whole(value, HEAD_BYTES + u64::from(length))),
        Err(error) => Ok(Frame::Torn(error.to_string())),
    }
}

fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
