//! A shard's TCP connections: each is a remote address whose datagrams come and go in frames.
//!
//! Never waits. What a connection does not take is kept up to a bound, then dropped like what a full
//! UDP socket does not take: datagrams are dropped whole. A broken frame, a datagram that belongs to
//! nobody, and a long silence cost their connection.

use crate::arrival::{Arrival, TcpStats};
use crate::framing::{Frames, put};
use crate::poll::{Epoll, Ready};
use socket2::SockRef;
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes that one look takes of a connection before the others have their turn.
const READ: usize = 4096;
/// What the kernel may hold of what is sent on a connection (it doubles that): a second of a good
/// picture. More would only make it late, and hide a full link from the bandwidth estimate.
const SEND_BUFFER: usize = 128 * 1024;
/// What is kept beside that: the bursts of a keyframe.
const OUTGOING: usize = 64 * 1024;
/// A client checks its connections at least each 25 s (libwebrtc's spare ones): one that was silent
/// for so long has gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Silence is looked for this often.
const LOOK: Duration = Duration::from_secs(5);
/// Connections of one peer: one to each address of the box by each port. The oldest goes first.
const OF_ONE_PEER: usize = 16;

struct Connection {
    stream: TcpStream,
    remote: SocketAddr,
    local: SocketAddr,
    /// Whose it is: the local ICE user name fragment of its first check.
    ufrag: String,
    frames: Frames,
    /// Frames that the kernel has not taken yet; the first may be taken in part.
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that it has.
    sent: usize,
    /// The kernel is full, and will say when it no longer is.
    full: bool,
    /// It is among those that the next flush looks at.
    unsent: bool,
    heard: Instant,
    stats: Arc<TcpStats>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stats.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// Shows the datagrams in what came. False: the connection is good for nothing more.
    fn digest(&mut self, bytes: &[u8], take: &mut impl FnMut(Framed<'_>) -> bool) -> bool {
        let (remote, local, mut known) = (self.remote, self.local, true);
        let taken = self.frames.take(bytes, |contents| {
            known &= take(Framed { remote, local, contents });
        });
        if let Err(error) = taken {
            tracing::debug!(%remote, %error, "a connection lost its place");
            self.stats.broken.fetch_add(1, Ordering::Relaxed);
        }
        known && taken.is_ok()
    }

    /// Hands the kernel what it takes. False: the connection broke.
    fn write(&mut self) -> bool {
        while self.sent < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(0) => return false,
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.outgoing.drain(..self.sent);
                    self.sent = 0;
                    return true;
                }
                Err(_) => return false,
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        true
    }
}

/// A datagram that came on a connection.
pub(crate) struct Framed<'a> {
    pub remote: SocketAddr,
    pub local: SocketAddr,
    pub contents: &'a [u8],
}

/// All connections of a shard.
pub(crate) struct Connections {
    epoll: Epoll,
    all: HashMap<u64, Connection>,
    /// By local and remote address.
    by_path: HashMap<(SocketAddr, SocketAddr), u64>,
    next: u64,
    unsent: Vec<u64>,
    next_look: Option<Instant>,
    buffer: Box<[u8; READ]>,
    stats: Arc<TcpStats>,
}

impl Connections {
    pub(crate) fn new(stats: Arc<TcpStats>) -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new()?,
            all: HashMap::new(),
            by_path: HashMap::new(),
            next: 0,
            unsent: Vec::new(),
            next_look: None,
            buffer: Box::new([0; READ]),
            stats,
        })
    }

    /// Ready to be read while one of them has something to say.
    pub(crate) fn fd(&self) -> RawFd {
        self.epoll.fd()
    }

    /// Takes over a connection and shows what it has said so far.
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        arrival: Arrival,
        mut take: impl FnMut(Framed<'_>) -> bool,
    ) {
        let Arrival { stream, remote, local, said, ufrag, .. } = arrival;
        let same = self.all.iter().filter(|(_, open)| open.ufrag == ufrag);
        let mut same: Vec<u64> = same.map(|(token, _)| *token).collect();
        if same.len() >= OF_ONE_PEER {
            same.sort_unstable();
            self.close(same[0]);
        }
        if let Some(before) = self.by_path.get(&(local, remote)) {
            self.close(*before);
        }
        let socket = SockRef::from(&stream);
        let ready =
            socket.set_tcp_nodelay(true).and_then(|()| socket.set_send_buffer_size(SEND_BUFFER));
        if let Err(error) = ready.and_then(|()| self.epoll.add(&stream, self.next)) {
            tracing::warn!(%error, "a media connection cannot be watched");
            return;
        }
        let token = self.next;
        self.next += 1;
        self.stats.open.fetch_add(1, Ordering::Relaxed);
        self.stats.opened.fetch_add(1, Ordering::Relaxed);
        let mut connection = Connection {
            stream,
            remote,
            local,
            ufrag,
            frames: Frames::default(),
            outgoing: Vec::new(),
            sent: 0,
            full: false,
            unsent: false,
            heard: now,
            stats: self.stats.clone(),
        };
        if connection.digest(&said, &mut take) {
            self.by_path.insert((local, remote), token);
            self.all.insert(token, connection);
        }
    }

    /// Shows the datagrams that wait, as many as one look takes; `take` is false for one that belongs
    /// to nobody.
    pub(crate) fn receive(&mut self, now: Instant, mut take: impl FnMut(Framed<'_>) -> bool) {
        if self.all.is_empty() {
            return;
        }
        for Ready { token, reads, writes } in self.epoll.wait(Some(Duration::ZERO)) {
            let Some(open) = self.all.get_mut(&token) else { continue };
            let mut good = !writes || open.write();
            if good && reads {
                good = match open.stream.read(&mut self.buffer[..]) {
                    Ok(0) => false,
                    Ok(count) => {
                        open.heard = now;
                        open.digest(&self.buffer[..count], &mut take)
                    }
                    Err(error) => {
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
                    }
                };
            }
            if good {
                self.watch(token);
            } else {
                self.close(token);
            }
        }
        if self.next_look.is_none_or(|at| at <= now) {
            self.next_look = Some(now + LOOK);
            let gone = |open: &Connection| now.saturating_duration_since(open.heard) > SILENCE;
            let silent = self.all.iter().filter(|(_, open)| gone(open));
            for token in silent.map(|(token, _)| *token).collect::<Vec<_>>() {
                self.stats.timed_out.fetch_add(1, Ordering::Relaxed);
                self.close(token);
            }
        }
    }

    /// Sends a datagram with the next [`Connections::flush`]. False if it is dropped: there is no such
    /// connection, or it takes too little.
    pub(crate) fn send(&mut self, local: SocketAddr, remote: SocketAddr, datagram: &[u8]) -> bool {
        let token = self.by_path.get(&(local, remote)).copied();
        let open = token.and_then(|token| Some((token, self.all.get_mut(&token)?)));
        let kept = open.is_some_and(|(token, open)| {
            let room = open.outgoing.len() - open.sent + datagram.len() <= OUTGOING;
            if room && put(datagram, &mut open.outgoing) {
                if !open.unsent && !open.full {
                    open.unsent = true;
                    self.unsent.push(token);
                }
                return true;
            }
            false
        });
        if !kept {
            self.stats.drops.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// Hands the kernel what was sent since the last time.
    pub(crate) fn flush(&mut self) {
        for token in std::mem::take(&mut self.unsent) {
            let Some(open) = self.all.get_mut(&token) else { continue };
            open.unsent = false;
            if open.write() {
                self.watch(token);
            } else {
                self.close(token);
            }
        }
    }

    /// Sees to it that the kernel tells when there is room again, if there is none now.
    fn watch(&mut self, token: u64) {
        let Some(open) = self.all.get_mut(&token) else { return };
        let full = !open.outgoing.is_empty() && !open.unsent;
        if open.full != full {
            open.full = full;
            if let Err(error) = self.epoll.writes(&open.stream, token, full) {
                tracing::warn!(%error, "a media connection is no longer watched");
                self.close(token);
            }
        }
    }

    fn close(&mut self, token: u64) {
        if let Some(open) = self.all.remove(&token) {
            self.by_path.remove(&(open.local, open.remote));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrival::Arrival;
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::atomic::AtomicU64;

    /// Connections with one in it, the client's end of that, and its path.
    fn one() -> (Connections, TcpStream, (SocketAddr, SocketAddr)) {
        let mut connections = Connections::new(Arc::default()).unwrap();
        let (client, path) = more(&mut connections, "ufrag", &[]);
        (connections, client, path)
    }

    fn more(
        connections: &mut Connections,
        ufrag: &str,
        said: &[u8],
    ) -> (TcpStream, (SocketAddr, SocketAddr)) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut arrival = Arrival::new(listener.accept().unwrap().0).unwrap();
        (arrival.ufrag, arrival.said) = (ufrag.to_owned(), said.to_vec());
        let path = (arrival.local, arrival.remote);
        connections.adopt(Instant::now(), arrival, |_| true);
        (client, path)
    }

    fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Looks until something came, or the connection has gone.
    fn look(connections: &mut Connections, known: bool) -> Vec<Vec<u8>> {
        let (mut seen, begun) = (Vec::new(), Instant::now());
        while seen.is_empty() && !connections.all.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing came");
            connections.epoll.wait(Some(Duration::from_millis(100)));
            connections.receive(Instant::now(), |framed| {
                seen.push(framed.contents.to_vec());
                known
            });
        }
        seen
    }

    #[test]
    fn a_client_that_does_not_read_loses_whole_datagrams_and_the_rest_comes_in_order() {
        let (mut connections, mut client, (local, remote)) = one();
        let datagram = |n: u32| [&n.to_be_bytes()[..], &[7; 1100]].concat();
        let (mut taken, mut n) = (Vec::new(), 0);
        while count(&connections.stats.drops) < 100 {
            if connections.send(local, remote, &datagram(n)) {
                taken.push(datagram(n));
            }
            n += 1;
            connections.flush();
            assert!(n < 100_000, "everything is kept");
        }
        let mut got = Vec::new();
        let (mut frames, mut buffer) = (Frames::default(), [0; 50_000]);
        while got.len() < taken.len() {
            let read = client.read(&mut buffer).unwrap();
            assert!(read > 0, "closed after {} of {}", got.len(), taken.len());
            frames.take(&buffer[..read], |frame| got.push(frame.to_vec())).unwrap();
            // The kernel says that there is room, and what was kept goes on.
            connections.receive(Instant::now(), |_| true);
        }
        assert!(got == taken, "datagrams came otherwise than they were taken");
        assert!(connections.send(local, remote, b"and on"));
        connections.flush();
        assert_eq!(client.read(&mut buffer).unwrap(), 8);
    }

    #[test]
    fn a_broken_frame_or_a_datagram_for_nobody_costs_its_connection() {
        for (words, known, broken) in [
            (&[0, 2, 7, 7][..], true, 0),
            (&[0, 2, 7, 7], false, 0),
            (&[0, 1, 7, 0xff, 0xff], true, 1),
        ] {
            let (mut connections, mut client, (local, remote)) = one();
            client.write_all(words).unwrap();
            assert_eq!(look(&mut connections, known).len(), 1);
            let stays = known && broken == 0;
            assert_eq!(count(&connections.stats.broken), broken);
            assert_eq!(count(&connections.stats.open), u64::from(stays), "{words:?}");
            assert_eq!(connections.send(local, remote, b"you"), stays);
            connections.flush();
            assert_eq!(client.read(&mut [0; 100]).unwrap_or(0) > 0, stays);
        }
    }

    #[test]
    fn the_silent_and_the_ended_go_and_one_peer_has_only_so_many() {
        let mut connections = Connections::new(Arc::default()).unwrap();
        let mut clients: Vec<_> =
            (0..OF_ONE_PEER + 3).map(|_| more(&mut connections, "ufrag", &[]).0).collect();
        assert_eq!(connections.all.len(), OF_ONE_PEER);
        assert_eq!(clients[2].read(&mut [0]).unwrap(), 0, "the oldest went");
        more(&mut connections, "another", &[]);
        assert_eq!(connections.all.len(), OF_ONE_PEER + 1);
        let later = Instant::now() + SILENCE + LOOK;
        connections.receive(later, |_| true);
        assert_eq!(count(&connections.stats.open), 0);
        assert_eq!(count(&connections.stats.timed_out), OF_ONE_PEER as u64);
    }

    #[test]
    fn what_was_said_on_arrival_counts() {
        let mut connections = Connections::new(Arc::default()).unwrap();
        // A frame of which the second half is still to come.
        let (mut client, _) = more(&mut connections, "ufrag", &[0, 4, 1, 2]);
        client.write_all(&[3, 4]).unwrap();
        assert_eq!(look(&mut connections, true), [[1, 2, 3, 4]]);
        drop(client);
        assert!(look(&mut connections, true).is_empty() && connections.all.is_empty());
    }
}
