//! Where media connections by TCP arrive: they wait here until their first check says whose they are,
//! and then go to that peer's shard. A thread of its own, so that no shard has to know of strangers.
//!
//! Whoever says nothing is closed in time, and earlier where too many wait: who is expected says at
//! once whose the connection is, so a crowd that is silent keeps nobody out.

use crate::arrival::{Arrival, Said, TcpStats};
use crate::plane::Inbox;
use crate::poll::{Epoll, Ready, Waker};
use crate::shard::Message;
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// A client checks a connection as soon as it stands: this is patience for a bad network.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections that may wait to say whose they are.
const WAITING: usize = 256;
/// Connections that stand, of everybody. Where UDP works clients open some, too, and close them again:
/// this is more than a full box has people. Well below the files that the daemon may open, because the
/// doors' connections and the recorder's parts are files too.
const OPEN: u64 = 2000;
/// Accepted in a turn.
const ACCEPTED: usize = 32;
/// Connections that doors hand over and that may wait to be looked at.
const HANDED_OVER: usize = 64;
/// When the system gives no more connections (too many open files), it is asked again after this.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

const LISTENER: u64 = 0;
const WAKER: u64 = 1;

/// How others reach the entrance.
#[derive(Clone)]
pub(crate) struct Bell {
    streams: SyncSender<TcpStream>,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    stats: Arc<TcpStats>,
}

impl Bell {
    /// Hands over a connection that another listener took.
    pub(crate) fn ring(&self, stream: TcpStream) {
        match self.streams.try_send(stream) {
            Ok(()) => self.waker.wake(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.stats.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
    }
}

pub(crate) struct Entrance {
    epoll: Epoll,
    listener: TcpListener,
    /// Until when nothing is accepted.
    paused: Option<Instant>,
    handed_over: Receiver<TcpStream>,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    waiting: HashMap<u64, Arrival>,
    /// Since when each waits, longest first; some have gone.
    since: VecDeque<(Instant, u64)>,
    next: u64,
    first_shard: Inbox,
    stats: Arc<TcpStats>,
}

impl Entrance {
    pub(crate) fn new(
        listener: TcpListener,
        first_shard: Inbox,
        stats: Arc<TcpStats>,
    ) -> io::Result<(Self, Bell)> {
        let (streams, handed_over) = sync_channel(HANDED_OVER);
        let (waker, stop) = (Arc::new(Waker::new()?), Arc::new(AtomicBool::new(false)));
        let epoll = Epoll::new()?;
        epoll.add(&listener, LISTENER)?;
        epoll.add(&*waker, WAKER)?;
        let bell = Bell { streams, waker: waker.clone(), stop: stop.clone(), stats: stats.clone() };
        let entrance = Self {
            epoll,
            listener,
            paused: None,
            handed_over,
            waker,
            stop,
            waiting: HashMap::new(),
            since: VecDeque::new(),
            next: WAKER + 1,
            first_shard,
            stats,
        };
        Ok((entrance, bell))
    }

    pub(crate) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            let due = self.since.front().map(|(since, _)| *since + PATIENCE);
            let due = [due, self.paused].into_iter().flatten().min();
            let patience = due.map(|due| due.saturating_duration_since(now));
            for Ready { token, reads, .. } in self.epoll.wait(patience) {
                match token {
                    LISTENER => self.accept(),
                    WAKER => self.take_handed_over(),
                    _ if reads => self.hear(token),
                    _ => {}
                }
            }
            self.look(Instant::now());
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTED {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    // These are about one connection that has gone again.
                    ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionReset
                    | ErrorKind::Interrupted => {}
                    _ => {
                        tracing::error!(%error, "no media connection can be accepted");
                        self.pause();
                        return;
                    }
                },
            }
        }
    }

    fn pause(&mut self) {
        match self.epoll.remove(&self.listener) {
            Ok(()) => self.paused = Some(Instant::now() + ACCEPT_PAUSE),
            Err(error) => tracing::error!(%error, "the media listener is no longer watched"),
        }
    }

    fn take_handed_over(&mut self) {
        self.waker.reset();
        while let Ok(stream) = self.handed_over.try_recv() {
            self.welcome(stream);
        }
    }

    fn welcome(&mut self, stream: TcpStream) {
        let Ok(arrival) = Arrival::new(stream) else {
            return;
        };
        if self.stats.open.load(Ordering::Relaxed) >= OPEN {
            self.refuse(&arrival, "there are too many media connections");
            return;
        }
        if self.waiting.len() >= WAITING {
            self.dismiss_longest();
        }
        if self.since.len() >= 4 * WAITING {
            self.since.retain(|(_, token)| self.waiting.contains_key(token));
        }
        let token = self.next;
        if let Err(error) = self.epoll.add(&arrival.stream, token) {
            tracing::warn!(%error, "a media connection cannot be watched");
            return;
        }
        self.next += 1;
        self.waiting.insert(token, arrival);
        self.since.push_back((Instant::now(), token));
        self.count();
    }

    fn hear(&mut self, token: u64) {
        let Some(arrival) = self.waiting.get_mut(&token) else {
            return;
        };
        let mut bytes = [0; Arrival::MOST];
        let said = match arrival.stream.read(&mut bytes) {
            Ok(0) => Said::Nonsense,
            Ok(count) => arrival.hear(&bytes[..count]),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Said::Little,
                _ => Said::Nonsense,
            },
        };
        if matches!(said, Said::Little) {
            return;
        }
        let Some(mut arrival) = self.waiting.remove(&token) else {
            return;
        };
        self.count();
        match said {
            Said::For(ufrag) => {
                arrival.ufrag = ufrag;
                // The shard has a watch of its own.
                if self.epoll.remove(&arrival.stream).is_err()
                    || self.first_shard.send(Message::Arrival(Box::new(arrival))).is_err()
                {
                    self.stats.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            Said::Nonsense | Said::Little => self.refuse(&arrival, "it is for nobody here"),
        }
    }

    fn refuse(&self, arrival: &Arrival, why: &str) {
        tracing::debug!(remote = %arrival.remote, why, "a media connection was refused");
        self.stats.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Closes who has waited too long, and goes on accepting after a pause.
    fn look(&mut self, now: Instant) {
        while let Some((since, token)) = self.since.front().copied() {
            match self.waiting.contains_key(&token) {
                true if since + PATIENCE > now => break,
                true => self.dismiss_longest(),
                false => drop(self.since.pop_front()),
            }
        }
        if self.paused.is_some_and(|until| until <= now) {
            self.paused = None;
            if let Err(error) = self.epoll.add(&self.listener, LISTENER) {
                tracing::error!(%error, "the media listener is no longer watched");
            }
        }
    }

    fn dismiss_longest(&mut self) {
        while let Some((_, token)) = self.since.pop_front() {
            if self.waiting.remove(&token).is_some() {
                self.stats.timed_out.fetch_add(1, Ordering::Relaxed);
                self.count();
                return;
            }
        }
    }

    fn count(&self) {
        self.stats.waiting.store(self.waiting.len() as u64, Ordering::Relaxed);
    }
}
