//! A TCP connection on its way to the shard whose peer it is for, and what is counted of all.

use crate::framing::{FrameTooLong, LONGEST, first};
use roombox_sfu::stun_local_ufrag;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicU64;

/// Media connections by TCP. Counters only grow; `open` and `waiting` go up and down.
#[derive(Debug, Default)]
pub struct TcpStats {
    /// Connections that belong to somebody now.
    pub open: AtomicU64,
    /// Connections that have not said yet whose they are.
    pub waiting: AtomicU64,
    /// Connections that were found to be somebody's.
    pub opened: AtomicU64,
    /// Turned away: there were too many, or what they said first was for nobody here.
    pub refused: AtomicU64,
    /// Closed because they said nothing in time.
    pub timed_out: AtomicU64,
    /// Closed because what they said later was in no frame.
    pub broken: AtomicU64,
    /// Datagrams that a connection did not take.
    pub drops: AtomicU64,
}

/// What a connection's first words come to.
pub(crate) enum Said {
    /// Nothing yet.
    Little,
    /// A check for the peer that goes by this user name fragment.
    For(String),
    /// Nothing that a client of ours begins with.
    Nonsense,
}

/// A connection and what it has said.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub stream: TcpStream,
    pub remote: SocketAddr,
    pub local: SocketAddr,
    pub said: Vec<u8>,
    /// Whose it is; empty until it has said so.
    pub ufrag: String,
    /// Shards that do not know it.
    pub strangers: usize,
}

/// IPv4 in IPv6 clothes (RFC 4291 §2.5.5.2) is IPv4.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl Arrival {
    /// # Errors
    /// The connection has gone again.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (remote, local) = (plain(stream.peer_addr()?), plain(stream.local_addr()?));
        Ok(Self { stream, remote, local, said: Vec::new(), ufrag: String::new(), strangers: 0 })
    }

    /// Takes more of what the connection says.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Said {
        self.said.extend_from_slice(bytes);
        match first(&self.said) {
            Ok(Some(datagram)) => match stun_local_ufrag(datagram) {
                Some(ufrag) => Said::For(ufrag.to_owned()),
                None => Said::Nonsense,
            },
            Ok(None) => Said::Little,
            Err(FrameTooLong { .. }) => Said::Nonsense,
        }
    }

    /// As much as may be heard before a connection has said whose it is, with what follows at once.
    pub(crate) const MOST: usize = 2 * LONGEST;
}
