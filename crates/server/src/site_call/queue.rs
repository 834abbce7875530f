//! Tokens that wait for a call.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::{fmt, io};

use mika_core::batch::Batch;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::{error, warn};

use super::SiteCallStatus;
use super::spool::Spool;
use crate::metrics::FlushStatus;

/// A token that is done: its user and torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    user_id: u32,
    torrent_id: u32,
    /// The batch that says so; 0 if it came from the file.
    batch_number: u64,
    /// Its place in the queue.
    serial: u64,
}

impl Token {
    pub(super) fn of(user_id: u32, torrent_id: u32) -> Self {
        Self { user_id, torrent_id, batch_number: 0, serial: 0 }
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let (user, torrent) = line.split_once(':')?;
        Some(Self::of(user.parse().ok()?, torrent.parse().ok()?))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user_id, self.torrent_id)
    }
}

/// Tokens that wait for a call, in memory and in a file.
#[derive(Debug)]
pub struct SiteCallQueue {
    state: Mutex<State>,
    changed: Notify,
    waiting_max: usize,
    status: Arc<FlushStatus>,
}

#[derive(Debug)]
struct State {
    spool: Spool,
    waiting: VecDeque<Token>,
    next_serial: u64,
    /// The last batch whose tokens are in.
    noted_number: u64,
    /// The last batch that the store has.
    applied_number: u64,
}

impl SiteCallQueue {
    /// The queue in a file; what the last process left in it is called for at once.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn open(path: &Path, waiting_max: u32, status: Arc<FlushStatus>) -> io::Result<Self> {
        let (spool, tokens) = Spool::open(path)?;
        let state = State {
            spool,
            waiting: VecDeque::new(),
            next_serial: 1,
            noted_number: 0,
            applied_number: 0,
        };
        let waiting_max = usize::try_from(waiting_max).unwrap_or(usize::MAX);
        let queue = Self { state: Mutex::new(state), changed: Notify::new(), waiting_max, status };
        queue.add(&mut queue.state.lock(), tokens);
        Ok(queue)
    }

    /// Keeps the tokens that a batch is done with, before the store gets the batch.
    pub fn note(&self, batch: &Batch) {
        let mut state = self.state.lock();
        if batch.number <= state.noted_number {
            return;
        }
        state.noted_number = batch.number;
        let done = batch.token_uses.iter().filter(|row| row.finished);
        let tokens: Vec<_> = done
            .map(|row| Token {
                batch_number: batch.number,
                ..Token::of(row.user_id, row.torrent_id)
            })
            .collect();
        if tokens.is_empty() {
            return;
        }
        if let Err(error) = state.spool.append(&tokens) {
            error!(%error, "expired tokens are not on the disk: a restart would not tell the site");
        }
        self.add(&mut state, tokens);
        self.shorten(&mut state);
    }

    /// Lets the tokens of a batch be called for, for the store has it.
    pub fn release(&self, batch_number: u64) {
        self.state.lock().applied_number = batch_number;
        self.changed.notify_one();
    }

    /// The oldest tokens, as many as fit; waits until there are some.
    pub(super) async fn next(&self, list_characters_max: usize) -> Vec<Token> {
        loop {
            let tokens = self.first(list_characters_max);
            if !tokens.is_empty() {
                return tokens;
            }
            self.changed.notified().await;
        }
    }

    fn first(&self, list_characters_max: usize) -> Vec<Token> {
        let state = self.state.lock();
        let mut characters = 0;
        let fits = |token: &&Token| {
            characters += token.to_string().len() + usize::from(characters > 0);
            characters <= list_characters_max && token.batch_number <= state.applied_number
        };
        state.waiting.iter().take_while(fits).copied().collect()
    }

    /// Forgets tokens that were called for: the oldest ones.
    pub(super) fn done(&self, tokens: &[Token]) {
        let last = tokens.last().map_or(0, |token| token.serial);
        let mut state = self.state.lock();
        while state.waiting.front().is_some_and(|token| token.serial <= last) {
            state.waiting.pop_front();
        }
        self.shorten(&mut state);
        self.status().waiting.store(state.waiting.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn status(&self) -> &SiteCallStatus {
        &self.status.site_calls
    }

    fn add(&self, state: &mut State, tokens: Vec<Token>) {
        for token in tokens {
            state.waiting.push_back(Token { serial: state.next_serial, ..token });
            state.next_serial += 1;
        }
        let over = state.waiting.len().saturating_sub(self.waiting_max);
        if over > 0 {
            state.waiting.drain(..over);
            self.status().dropped_total.fetch_add(over as u64, Ordering::Relaxed);
            warn!(
                dropped = over,
                "too many expired tokens wait: the site is not told of the oldest"
            );
        }
        self.status().waiting.store(state.waiting.len() as u64, Ordering::Relaxed);
    }

    fn shorten(&self, state: &mut State) {
        if let Err(error) = state.spool.keep(state.waiting.iter()) {
            warn!(%error, "the file of expired tokens cannot be shortened");
        }
    }
}

#[cfg(test)]
mod tests {
    use mika_core::batch::TokenUseRow;
    use tempfile::TempDir;

    use super::*;

    fn batch(number: u64, users: std::ops::Range<u32>, finished: bool) -> Batch {
        let row = |user_id| TokenUseRow { user_id, torrent_id: 10, downloaded_raw: 1, finished };
        Batch { number, token_uses: users.map(row).collect(), ..Batch::default() }
    }

    fn open(dir: &TempDir, waiting_max: u32) -> SiteCallQueue {
        let status = Arc::new(FlushStatus::default());
        SiteCallQueue::open(&dir.path().join("site-calls"), waiting_max, status).unwrap()
    }

    fn list(tokens: &[Token]) -> String {
        tokens.iter().map(Token::to_string).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn tokens_are_called_for_once_the_store_has_their_batch() {
        let dir = TempDir::new().unwrap();
        let queue = open(&dir, 100);
        queue.note(&batch(1, 1..3, true));
        queue.note(&batch(1, 1..3, true));
        queue.note(&batch(2, 3..4, false));
        assert_eq!(list(&queue.first(350)), "");
        queue.release(1);
        assert_eq!(list(&queue.first(350)), "1:10,2:10");
        queue.note(&batch(3, 5..6, true));
        assert_eq!(list(&queue.first(350)), "1:10,2:10");
        queue.done(&queue.first(350));
        queue.release(3);
        assert_eq!(list(&queue.first(350)), "5:10");
        drop(queue);
        // A process that was killed before the site answered: it calls again, for some in vain.
        let again = list(&open(&dir, 100).first(350));
        assert_eq!(again, "1:10,2:10,5:10");
    }

    #[test]
    fn a_list_has_at_most_so_many_characters() {
        let dir = TempDir::new().unwrap();
        let queue = open(&dir, 1000);
        queue.note(&batch(1, 1000..1300, true));
        queue.release(1);
        let mut calls = 0;
        loop {
            let tokens = queue.first(350);
            if tokens.is_empty() {
                break;
            }
            assert!(list(&tokens).len() <= 350);
            queue.done(&tokens);
            calls += 1;
        }
        // 43 × 7 characters and 42 commas.
        assert_eq!(calls, 7);
        assert_eq!(std::fs::metadata(dir.path().join("site-calls")).unwrap().len(), 0);
    }

    #[test]
    fn of_too_many_the_oldest_go_and_are_counted() {
        let dir = TempDir::new().unwrap();
        let queue = open(&dir, 100);
        queue.note(&batch(1, 0..80, true));
        queue.release(1);
        let in_flight = queue.first(350);
        queue.note(&batch(2, 80..200, true));
        queue.release(2);
        let status = queue.status();
        assert_eq!(status.dropped_total.load(Ordering::Relaxed), 100);
        // What is answered meanwhile takes nothing else along.
        queue.done(&in_flight);
        assert_eq!(status.waiting.load(Ordering::Relaxed), 100);
        assert!(list(&queue.first(350)).starts_with("100:10,101:10,"));
    }
}
