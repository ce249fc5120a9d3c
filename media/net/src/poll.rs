//! Waiting for sockets and for other threads: epoll(7) and eventfd(2).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Sockets that one look tells of, at most.
pub(crate) const READY: usize = 32;

/// A socket that is ready, by the token that it was added under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub token: u64,
    /// Bytes, an end or an error can be read.
    pub reads: bool,
    pub writes: bool,
}

/// Watches many sockets. One that is closed is no longer watched.
pub(crate) struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointers.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open and nobody else owns it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: RawFd,
        events: libc::c_int,
        token: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        // SAFETY: both descriptors are open for the call, and the event lives until it returns.
        match unsafe { libc::epoll_ctl(self.fd(), operation, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Watches a socket for what can be read.
    pub(crate) fn add(&self, socket: &impl AsRawFd, token: u64) -> io::Result<()> {
        let events = libc::EPOLLIN | libc::EPOLLRDHUP;
        self.control(libc::EPOLL_CTL_ADD, socket.as_raw_fd(), events, token)
    }

    /// Whether to tell of room for writing, too.
    pub(crate) fn writes(&self, socket: &impl AsRawFd, token: u64, on: bool) -> io::Result<()> {
        let writes = if on { libc::EPOLLOUT } else { 0 };
        let events = libc::EPOLLIN | libc::EPOLLRDHUP | writes;
        self.control(libc::EPOLL_CTL_MOD, socket.as_raw_fd(), events, token)
    }

    pub(crate) fn remove(&self, socket: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, socket.as_raw_fd(), 0, 0)
    }

    /// Sockets that are ready, at most [`READY`]; waits for the first until `patience` is over,
    /// without one for as long as it takes.
    pub(crate) fn wait(&self, patience: Option<Duration>) -> Vec<Ready> {
        let milliseconds = match patience {
            // Up to the next millisecond: rather late than again and again too early.
            Some(patience) => {
                patience.as_nanos().div_ceil(1_000_000).min(libc::c_int::MAX as u128) as libc::c_int
            }
            None => -1,
        };
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; READY];
        // SAFETY: the array lives until the call returns, and has the length that is told. An
        // interruption is a look that finds nothing.
        let count = unsafe {
            libc::epoll_wait(self.fd(), events.as_mut_ptr(), READY as libc::c_int, milliseconds)
        };
        let told = events.iter().take(usize::try_from(count).unwrap_or(0));
        told.map(|event| {
            let is = |wanted: libc::c_int| event.events & wanted as u32 != 0;
            let over = is(libc::EPOLLHUP | libc::EPOLLERR | libc::EPOLLRDHUP);
            Ready { token: event.u64, reads: is(libc::EPOLLIN) || over, writes: is(libc::EPOLLOUT) }
        })
        .collect()
    }
}

/// Wakes a thread that sleeps in poll(2) or epoll(7).
pub(crate) struct Waker {
    event: OwnedFd,
    awake: AtomicBool,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointers; a descriptor that it returns is ours.
        let event = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open and nobody else owns it.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        Ok(Self { event, awake: AtomicBool::new(false) })
    }

    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel) {
            let one = 1u64.to_ne_bytes();
            // SAFETY: the descriptor is open and `one` is 8 readable bytes. A failure means that
            // the counter is full: the sleeper is about to wake anyway.
            unsafe { libc::write(self.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        }
    }

    pub(crate) fn reset(&self) {
        if self.awake.load(Ordering::Acquire) {
            let mut count = [0u8; 8];
            // SAFETY: the descriptor is open and `count` is 8 writable bytes.
            unsafe { libc::read(self.event.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
            self.awake.store(false, Ordering::Release);
        }
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }
}
