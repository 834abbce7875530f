//! Waiting for sockets, with a timeout in microseconds rather than milliseconds.

use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Result;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;

/// Sockets reported by one wait at most.
const EVENTS_MAX: usize = 256;

/// A socket on which something can be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub(super) token: usize,
    /// There is nothing to be read.
    pub(super) only_writable: bool,
}

pub(super) struct Poller {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl Poller {
    pub(super) fn new() -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, events: vec![EpollEvent::empty(); EVENTS_MAX] })
    }

    pub(super) fn add(&self, socket: impl AsFd, token: usize, flags: EpollFlags) -> Result<()> {
        Ok(self.epoll.add(socket, EpollEvent::new(flags, token as u64))?)
    }

    /// Fills `ready` with what is ready, after at most `nanoseconds`.
    pub(super) fn wait(&mut self, nanoseconds: u64, ready: &mut Vec<Ready>) -> Result<()> {
        ready.clear();
        // Whole milliseconds need no call of their own; the caller asks again for the rest.
        let milliseconds = u16::try_from(nanoseconds / 1_000_000).unwrap_or(u16::MAX);
        if milliseconds == 0 && nanoseconds > 0 {
            let timeout = TimeSpec::from_duration(Duration::from_nanos(nanoseconds));
            let fds = &mut [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)];
            if matches!(ppoll(fds, Some(timeout), None), Ok(0)) {
                return Ok(());
            }
        }
        let count = match self.epoll.wait(&mut self.events, EpollTimeout::from(milliseconds)) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let events = self.events.iter().take(count);
        ready.extend(events.map(|event| Ready {
            token: event.data() as usize,
            only_writable: event.events() == EpollFlags::EPOLLOUT,
        }));
        Ok(())
    }
}
