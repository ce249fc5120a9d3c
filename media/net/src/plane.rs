//! The handle that the rest of the box holds: which shard has which room, and the way in.

use crate::arrival::TcpStats;
use crate::entrance::{Bell, Entrance};
use crate::poll::Waker;
use crate::shard::{Message, Reach, Shard, ShardParts};
use crate::{arrival, bind, shard};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::{TapId, TapItem};
use roombox_sfu::view::RoomView;
use roombox_sfu::{Command, Event, Notice, RoomLoad};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Messages that may wait for a shard.
const INBOX: usize = 8192;

/// How the plane is set up.
#[derive(Debug, Clone)]
pub struct PlaneConfig {
    /// One thread and one UDP port each.
    pub shards: usize,
    /// Shard n listens on `udp_port_base + n`; 0: any free port.
    pub udp_port_base: u16,
    /// Where clients connect that cannot use UDP; 0: any free port.
    pub tcp_port: u16,
    /// Where else such connections are accepted, and handed over by [`Plane::adopt`].
    pub shared_listeners: Vec<SocketAddr>,
    /// Addresses under which clients reach this box. Must not be empty.
    pub addresses: Vec<IpAddr>,
    /// Divide what each connection is estimated to carry among what it is sent.
    pub estimates: bool,
    /// From this share of a core on, in percent, a shard has newcomers of its rooms live on others.
    /// 0: all but the first of each room.
    pub spill_at: u8,
}

/// What can go wrong with the plane.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    #[error("UDP port {port} cannot be opened")]
    BindPort { port: u16, source: io::Error },
    #[error("TCP port {port} cannot be opened")]
    BindTcpPort { port: u16, source: io::Error },
    #[error("a shard's socket cannot be set up")]
    PrepareSocket(#[source] io::Error),
    #[error("a media thread cannot be started")]
    StartThread(#[source] io::Error),
}

/// A shard has more waiting than it can take: the request was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media plane is too busy")]
pub struct PlaneBusy;

/// A reader is too far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkFull;

/// Where one participant's events go. Called on the shard's thread: must not wait.
pub trait EventSink: Send {
    /// # Errors
    /// The reader is too far behind; the participant will be closed.
    fn offer(&mut self, event: Event) -> Result<(), SinkFull>;

    /// Somebody still reads.
    fn is_open(&self) -> bool;
}

/// Where one tap's items go. Called on the shard's thread: must not wait; drops and counts when
/// its reader is behind.
pub trait TapSink: Send {
    fn offer(&mut self, item: TapItem);
}

/// What one shard has done; counters only grow.
#[derive(Debug, Default)]
pub struct ShardStats {
    pub packets_in: AtomicU64,
    pub packets_out: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    /// Datagrams that the socket did not take.
    pub send_drops: AtomicU64,
    /// Datagrams that belong to nobody.
    pub strays: AtomicU64,
    /// Participants whose door was too slow.
    pub slow_doors: AtomicU64,
    pub rtp_in: AtomicU64,
    pub rtp_out: AtomicU64,
    /// CPU time of the thread in microseconds.
    pub cpu_us: AtomicU64,
    /// Share of a core that the thread took lately, in thousandths.
    pub busy: AtomicU64,
    /// Packets that were handed over to other shards, taken from them, and dropped on the way there.
    pub relayed_out: AtomicU64,
    pub relayed_in: AtomicU64,
    pub relay_drops: AtomicU64,
    /// Rooms at home here that are on other shards, too.
    pub spilled: AtomicU64,
    pub rooms: AtomicU64,
    pub participants: AtomicU64,
    /// Connections that are up, by what carries them.
    pub connections_udp: AtomicU64,
    pub connections_tcp: AtomicU64,
    /// Longest turn of the loop since the last look, microseconds.
    pub longest_turn_us: AtomicU64,
    /// Rooms, as of the last second.
    pub loads: Mutex<Vec<RoomLoad>>,
}

#[derive(Clone)]
pub(crate) struct Inbox {
    sender: SyncSender<Message>,
    waker: Arc<Waker>,
}

impl Inbox {
    pub(crate) fn new(sender: SyncSender<Message>, waker: Arc<Waker>) -> Self {
        Self { sender, waker }
    }

    /// Sends a message, or gives it back.
    pub(crate) fn offer(&self, message: Message) -> Result<(), Message> {
        match self.sender.try_send(message) {
            Ok(()) => {
                self.waker.wake();
                Ok(())
            }
            Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) => Err(message),
        }
    }

    pub(crate) fn send(&self, message: Message) -> Result<(), PlaneBusy> {
        self.offer(message).map_err(|_| PlaneBusy)
    }
}

/// All shards.
pub struct Plane {
    inboxes: Vec<Inbox>,
    stats: Arc<[Arc<ShardStats>]>,
    ports: Vec<u16>,
    listeners: Vec<SocketAddr>,
    addresses: Mutex<Vec<IpAddr>>,
    estimates: bool,
    bell: Bell,
    tcp_stats: Arc<TcpStats>,
    pins: Mutex<HashMap<RoomName, usize>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_query: AtomicU64,
}

impl Plane {
    /// Opens the ports and starts the threads. `notices` gets what services want to know, on a
    /// shard's thread: it must not wait.
    ///
    /// # Errors
    /// A port is taken, or a thread cannot be started.
    pub fn start(
        config: &PlaneConfig,
        notices: impl Fn(Notice) + Send + Clone + 'static,
    ) -> Result<Self, PlaneError> {
        let tcp_stats = Arc::new(TcpStats::default());
        let refused = |source| PlaneError::BindTcpPort { port: config.tcp_port, source };
        let listener = bind::tcp(config.tcp_port).map_err(refused)?;
        let here = arrival::plain(listener.local_addr().map_err(PlaneError::PrepareSocket)?);
        let listeners: Vec<SocketAddr> =
            [here].into_iter().chain(config.shared_listeners.iter().copied()).collect();
        let (inboxes, receivers): (Vec<Inbox>, Vec<Receiver<Message>>) = (0..config.shards.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::sync_channel(INBOX);
                let waker = Arc::new(Waker::new()?);
                Ok((Inbox::new(sender, waker), receiver))
            })
            .collect::<io::Result<_>>()
            .map_err(PlaneError::PrepareSocket)?;
        let (entrance, bell) = Entrance::new(listener, inboxes[0].clone(), tcp_stats.clone())
            .map_err(PlaneError::PrepareSocket)?;
        let mut plane = Self {
            stats: inboxes.iter().map(|_| Arc::default()).collect(),
            inboxes,
            ports: Vec::new(),
            listeners,
            addresses: Mutex::new(config.addresses.clone()),
            estimates: config.estimates,
            bell,
            tcp_stats,
            pins: Mutex::new(HashMap::new()),
            threads: Mutex::new(Vec::new()),
            next_query: AtomicU64::new(0),
        };
        for (n, inbox) in receivers.into_iter().enumerate() {
            plane.start_shard(n, config, inbox, Box::new(notices.clone()))?;
        }
        plane.start_thread("entrance".to_owned(), move || entrance.run())?;
        Ok(plane)
    }

    fn start_shard(
        &mut self,
        number: usize,
        config: &PlaneConfig,
        inbox: Receiver<Message>,
        notices: shard::Notices,
    ) -> Result<(), PlaneError> {
        let wanted = match config.udp_port_base {
            0 => 0,
            base => base.saturating_add(number as u16),
        };
        let socket =
            bind::udp(wanted).map_err(|source| PlaneError::BindPort { port: wanted, source })?;
        let port = socket.local_addr().map_err(PlaneError::PrepareSocket)?.port();
        let shards = self.inboxes.len();
        let shard = Shard::new(ShardParts {
            number,
            shards,
            socket,
            port,
            reach: self.reach(&config.addresses),
            inbox,
            waker: self.inboxes[number].waker.clone(),
            next: self.inboxes[(number + 1) % shards].clone(),
            inboxes: self.inboxes.clone(),
            spill_at: u64::from(config.spill_at) * 10,
            stats: self.stats.clone(),
            tcp_stats: self.tcp_stats.clone(),
            notices,
        })
        .map_err(PlaneError::PrepareSocket)?;
        self.start_thread(format!("shard-{number}"), move || shard.run())?;
        self.ports.push(port);
        Ok(())
    }

    fn start_thread(
        &mut self,
        name: String,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), PlaneError> {
        let thread = std::thread::Builder::new().name(name).spawn(work);
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        threads.push(thread.map_err(PlaneError::StartThread)?);
        Ok(())
    }

    fn reach(&self, addresses: &[IpAddr]) -> Reach {
        let (addresses, listeners) = (addresses.to_vec(), self.listeners.clone());
        Reach { addresses, listeners, estimates: self.estimates }
    }

    /// UDP port of each shard.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Addresses under which clients reach the box now.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where media connections by TCP are accepted, the plane's own listener first.
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// Takes over a TCP connection on which a client of the media plane speaks.
    pub fn adopt(&self, stream: TcpStream) {
        self.bell.ring(stream);
    }

    pub fn tcp_stats(&self) -> &TcpStats {
        &self.tcp_stats
    }

    pub fn stats(&self) -> &[Arc<ShardStats>] {
        &self.stats
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<RoomName, usize>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard of a room; a room without one gets the shard with the fewest participants.
    fn inbox(&self, room: &RoomName) -> &Inbox {
        let mut pins = self.pins();
        let shard = *pins.entry(room.clone()).or_insert_with(|| {
            let load = |n: &usize| self.stats[*n].participants.load(Ordering::Relaxed);
            (0..self.inboxes.len()).min_by_key(load).unwrap_or(0)
        });
        &self.inboxes[shard]
    }

    /// Gives a room that has no shard that of another one. False if it has another, or the other has
    /// none.
    pub fn beside(&self, room: &RoomName, other: &RoomName) -> bool {
        let mut pins = self.pins();
        let there = pins.get(other).copied();
        there.is_some_and(|there| *pins.entry(room.clone()).or_insert(there) == there)
    }

    /// Whether a room has a shard, and so is open or about to be.
    pub fn has_room(&self, room: &RoomName) -> bool {
        self.pins().contains_key(room)
    }

    /// Whether any room is open or about to be.
    pub fn has_rooms(&self) -> bool {
        !self.pins().is_empty()
    }

    /// Forgets where an ended room was.
    pub fn room_ended(&self, room: &RoomName) {
        self.pins().remove(room);
    }

    /// Names the addresses under which clients reach the box from now on; connections that stand
    /// keep theirs.
    ///
    /// # Errors
    /// A shard has too much waiting; say it again.
    pub fn reached_at(&self, addresses: &[IpAddr]) -> Result<(), PlaneBusy> {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses.to_vec();
        let reach = self.reach(addresses);
        self.inboxes.iter().try_for_each(|inbox| inbox.send(Message::Reached(reach.clone())))
    }

    /// Sends a request to a room's shard.
    ///
    /// # Errors
    /// The shard has too much waiting.
    pub fn command(&self, room: &RoomName, command: Command) -> Result<(), PlaneBusy> {
        self.inbox(room).send(Message::Command(Box::new(command)))
    }

    /// The same to a room that has a shard. Without one there is nobody to hear it, and it gets none by this.
    ///
    /// # Errors
    /// The shard has too much waiting.
    pub fn command_if_open(&self, room: &RoomName, command: Command) -> Result<(), PlaneBusy> {
        let Some(shard) = self.pins().get(room).copied() else { return Ok(()) };
        self.inboxes[shard].send(Message::Command(Box::new(command)))
    }

    /// Sends a join or resume; the participant's events go to `sink` from now on.
    ///
    /// # Errors
    /// The shard has too much waiting.
    pub fn attach(
        &self,
        room: &RoomName,
        participant: ParticipantId,
        sink: Box<dyn EventSink>,
        command: Command,
    ) -> Result<(), PlaneBusy> {
        let command = Box::new(command);
        self.inbox(room).send(Message::Attach { participant, sink, command })
    }

    /// Opens a tap; it closes with its room or by [`Command::CloseTap`].
    ///
    /// # Errors
    /// The shard has too much waiting.
    pub fn open_tap(
        &self,
        room: &RoomName,
        tap: TapId,
        sink: Box<dyn TapSink>,
    ) -> Result<(), PlaneBusy> {
        self.inbox(room).send(Message::OpenTap { room: room.clone(), tap, sink })
    }

    /// Asks every shard for its rooms; `reply` is called once a shard, on its thread.
    ///
    /// # Errors
    /// A shard has too much waiting.
    pub fn list(
        &self,
        reply: impl Fn(Vec<RoomView>) + Send + Clone + 'static,
    ) -> Result<(), PlaneBusy> {
        for inbox in &self.inboxes {
            let query = self.next_query.fetch_add(1, Ordering::Relaxed);
            inbox.send(Message::List { query, reply: Box::new(reply.clone()) })?;
        }
        Ok(())
    }

    /// Tells every participant to come back later and stops the threads.
    pub fn stop(&self) {
        self.bell.stop();
        for inbox in &self.inboxes {
            // A full inbox is emptied by the running shard; a dead one has stopped already.
            while inbox.send(Message::Stop) == Err(PlaneBusy) {
                inbox.waker.wake();
                std::thread::yield_now();
                if self.threads.lock().is_ok_and(|t| t.iter().all(JoinHandle::is_finished)) {
                    return;
                }
            }
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard's thread had panicked");
            }
        }
    }
}

/// Threads that nobody can reach any more would run for ever: the shards know each other.
impl Drop for Plane {
    fn drop(&mut self) {
        self.stop();
    }
}
