//! Server-Sent Events, as far as the admin API uses them.

use std::collections::VecDeque;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A longer event is not mika's.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Events as they come.
#[derive(Debug)]
pub struct EventStream<T> {
    url: String,
    response: reqwest::Response,
    decoder: Decoder,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EventStream<T> {
    pub(crate) fn new(url: String, response: reqwest::Response) -> Self {
        Self { url, response, decoder: Decoder::default(), of: PhantomData }
    }

    /// Waits for the next event; `None` when the server has ended the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when the connection breaks, [`Error::Protocol`] when what comes is
    /// not understood.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(data) = self.decoder.ready.pop_front() {
                let event = serde_json::from_str(&data);
                return event.map(Some).map_err(|error| self.unexpected(&error.to_string()));
            }
            let chunk = self.response.chunk().await.map_err(|error| Error::Unreachable {
                url: self.url.clone(),
                reason: error.without_url().to_string(),
            })?;
            let Some(chunk) = chunk else { return Ok(None) };
            if !self.decoder.take_in(&chunk) {
                return Err(self.unexpected("an event is longer than 1 MiB"));
            }
        }
    }

    fn unexpected(&self, reason: &str) -> Error {
        Error::Protocol { url: self.url.clone(), reason: reason.to_owned() }
    }
}

/// Finds the data of events in what arrives.
#[derive(Debug, Default)]
struct Decoder {
    line: Vec<u8>,
    data: String,
    ready: VecDeque<String>,
}

impl Decoder {
    /// False if an event is too long.
    fn take_in(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return false;
            }
        }
        true
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        if line.is_empty() {
            if !self.data.is_empty() {
                self.ready.push_back(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_they_are_cut() {
        let text = b": hello\n\nid: 1\nevent: snatch\ndata: {\"a\":\ndata: 1}\n\ndata:2\r\n\r\n";
        for size in 1..text.len() {
            let mut decoder = Decoder::default();
            for part in text.chunks(size) {
                assert!(decoder.take_in(part));
            }
            assert_eq!(decoder.ready, ["{\"a\":\n1}", "2"], "{size}");
        }
    }
}
