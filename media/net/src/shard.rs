//! One shard's loop: datagrams, requests, timers, outputs; bounded work each turn.

use crate::arrival::{Arrival, TcpStats};
use crate::batch::{BatchSocket, Outgoing};
use crate::connections::Connections;
use crate::link::{Batch, Carried, Link, Refused};
use crate::place::Spilling;
use crate::plane::{EventSink, Inbox, ShardStats, TapSink};
use crate::poll::Waker;
use crate::thread::{pin_to_core, thread_cpu};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::TapId;
use roombox_sfu::view::RoomView;
use roombox_sfu::{Command, Event, LeaveReason, Notice, Output, Sfu, SfuConfig, Transport};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Datagrams a turn takes before timers and requests have their turn...
const DATAGRAMS_A_TURN: usize = 160;
/// ...and time it takes for them: at 2 µs a packet about a batch of each.
const TURN: Duration = Duration::from_micros(50);
/// Requests a turn takes.
const MESSAGES_A_TURN: usize = 64;
/// Datagrams that are collected before they are sent, at most.
const SEND_BATCH: usize = 128;
/// The loop looks up at least this often, to keep its figures fresh.
const IDLE: Duration = Duration::from_secs(1);
/// What rooms cost is told this often.
const LOADS: Duration = Duration::from_secs(1);

pub(crate) type Notices = Box<dyn Fn(Notice) + Send>;
pub(crate) type ListReply = Box<dyn Fn(Vec<RoomView>) + Send>;

/// What other threads send to a shard.
pub(crate) enum Message {
    Command(Box<Command>),
    Attach {
        participant: ParticipantId,
        sink: Box<dyn EventSink>,
        command: Box<Command>,
    },
    OpenTap {
        room: RoomName,
        tap: TapId,
        sink: Box<dyn TapSink>,
    },
    List {
        query: u64,
        reply: ListReply,
    },
    /// The box is reached at these from now on.
    Reached(Reach),
    /// A TCP connection looks for its peer.
    Arrival(Box<Arrival>),
    /// What another shard has for this one.
    Linked(Box<Batch>),
    Stop,
}

/// Where a shard is reached.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// Addresses of the box.
    pub addresses: Vec<IpAddr>,
    /// Where TCP connections for the media plane are accepted.
    pub listeners: Vec<SocketAddr>,
    /// Whether connections estimate what they carry.
    pub estimates: bool,
}

impl Reach {
    /// Candidates of a shard with this socket.
    fn config(&self, socket: &BatchSocket, port: u16) -> SfuConfig {
        let ours = self.addresses.iter().filter(|ip| socket.carries(ip));
        let addresses = ours.map(|ip| SocketAddr::new(*ip, port)).collect();
        let by_tcp = self.listeners.iter().flat_map(|listener| {
            let reached = |ip: &&IpAddr| match listener.ip() {
                IpAddr::V4(at) if at.is_unspecified() => ip.is_ipv4(),
                at => at.is_unspecified() || at == **ip,
            };
            let port = listener.port();
            self.addresses.iter().filter(reached).map(move |ip| SocketAddr::new(*ip, port))
        });
        SfuConfig { addresses, tcp_addresses: by_tcp.collect(), estimates: self.estimates }
    }
}

/// What a shard is made of.
pub(crate) struct ShardParts {
    pub number: usize,
    /// How many shards there are.
    pub shards: usize,
    pub socket: UdpSocket,
    pub port: u16,
    pub reach: Reach,
    pub inbox: Receiver<Message>,
    pub waker: Arc<Waker>,
    /// The shard that is asked for what this one does not know.
    pub next: Inbox,
    /// Of all shards, this one included.
    pub inboxes: Vec<Inbox>,
    /// Likewise.
    pub stats: Arc<[Arc<ShardStats>]>,
    /// Share of a core, in thousandths, from which on newcomers live elsewhere.
    pub spill_at: u64,
    pub tcp_stats: Arc<TcpStats>,
    pub notices: Notices,
}

pub(crate) struct Shard {
    number: usize,
    shards: usize,
    port: u16,
    socket: BatchSocket,
    connections: Connections,
    sfu: Sfu,
    inbox: Receiver<Message>,
    waker: Arc<Waker>,
    next: Inbox,
    /// To each shard; this one's is not used.
    links: Vec<Link>,
    spilling: Spilling,
    next_loads: Instant,
    stats: Arc<ShardStats>,
    tcp_stats: Arc<TcpStats>,
    notices: Notices,
    doors: HashMap<ParticipantId, Box<dyn EventSink>>,
    taps: HashMap<TapId, Box<dyn TapSink>>,
    lists: HashMap<u64, ListReply>,
    outgoing: Vec<Outgoing>,
    stopping: bool,
}

impl Shard {
    pub(crate) fn new(parts: ShardParts) -> io::Result<Self> {
        let ShardParts { number, shards, socket, port, inbox, waker, next, .. } = parts;
        let socket = BatchSocket::new(socket)?;
        let sfu = Sfu::new(parts.reach.config(&socket, port)).numbered(number);
        let links = parts.inboxes.into_iter().map(|to| Link::new(number, to)).collect();
        Ok(Self {
            number,
            shards,
            port,
            socket,
            connections: Connections::new(parts.tcp_stats.clone())?,
            sfu,
            inbox,
            waker,
            next,
            links,
            spilling: Spilling::new(parts.spill_at, parts.stats.clone()),
            next_loads: Instant::now(),
            stats: parts.stats[number].clone(),
            tcp_stats: parts.tcp_stats,
            notices: parts.notices,
            doors: HashMap::new(),
            taps: HashMap::new(),
            lists: HashMap::new(),
            outgoing: Vec::with_capacity(SEND_BATCH),
            stopping: false,
        })
    }

    pub(crate) fn run(mut self) {
        pin_to_core(self.number);
        while !self.stopping {
            self.sleep();
            let begun = Instant::now();
            self.take_datagrams(begun);
            self.take_frames();
            self.take_messages();
            let now = Instant::now();
            if self.sfu.next_timeout().is_some_and(|at| at <= now) {
                self.sfu.timeout(now);
                self.deliver(now);
            }
            self.flush();
            self.links.iter_mut().for_each(Link::flush);
            self.report(begun);
        }
        tracing::debug!(shard = self.number, "shard stopped");
    }

    fn sleep(&self) {
        let patience = match self.sfu.next_timeout() {
            Some(at) => at.saturating_duration_since(Instant::now()).min(IDLE),
            None => IDLE,
        };
        let wait = libc::timespec {
            tv_sec: patience.as_secs() as libc::time_t,
            tv_nsec: patience.subsec_nanos() as libc::c_long,
        };
        let watch = |fd: i32| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let connections = watch(self.connections.fd());
        let mut fds = [watch(self.socket.fd()), watch(self.waker.as_raw_fd()), connections];
        // SAFETY: the array and the timespec live until the call returns; the descriptors are all
        // open. An interruption just begins the turn early.
        unsafe {
            libc::ppoll(
                fds.as_mut_ptr(),
                fds.len() as libc::nfds_t,
                &raw const wait,
                std::ptr::null(),
            );
        }
    }

    fn take_datagrams(&mut self, begun: Instant) {
        let mut taken = 0;
        while taken < DATAGRAMS_A_TURN {
            let now = Instant::now();
            let (sfu, mut bytes) = (&mut self.sfu, 0);
            let received = self.socket.receive(|incoming| {
                bytes += incoming.contents.len() as u64;
                let (source, destination) = (incoming.source, incoming.destination);
                sfu.datagram(now, Transport::Udp, source, destination, incoming.contents);
            });
            let received = match received {
                Ok(received) => received,
                Err(error) => {
                    tracing::warn!(shard = self.number, %error, "receiving failed");
                    return;
                }
            };
            self.stats.packets_in.fetch_add(received as u64, Ordering::Relaxed);
            self.stats.bytes_in.fetch_add(bytes, Ordering::Relaxed);
            self.deliver(now);
            taken += received;
            if received < crate::batch::BATCH || begun.elapsed() > TURN {
                return;
            }
        }
    }

    fn take_frames(&mut self) {
        let now = Instant::now();
        let (sfu, mut datagrams, mut bytes) = (&mut self.sfu, 0, 0);
        self.connections.receive(now, |framed| {
            datagrams += 1;
            bytes += framed.contents.len() as u64;
            sfu.datagram(now, Transport::Tcp, framed.remote, framed.local, framed.contents)
        });
        if datagrams > 0 {
            self.stats.packets_in.fetch_add(datagrams, Ordering::Relaxed);
            self.stats.bytes_in.fetch_add(bytes, Ordering::Relaxed);
            self.deliver(now);
        }
    }

    /// A connection says that it is for a peer here.
    fn arrive(&mut self, now: Instant, mut arrival: Arrival) {
        if self.sfu.knows(&arrival.ufrag) {
            let sfu = &mut self.sfu;
            self.connections.adopt(now, arrival, |framed| {
                sfu.datagram(now, Transport::Tcp, framed.remote, framed.local, framed.contents)
            });
            return;
        }
        arrival.strangers += 1;
        let asked_all = arrival.strangers >= self.shards;
        if asked_all || self.next.send(Message::Arrival(Box::new(arrival))).is_err() {
            self.tcp_stats.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take_messages(&mut self) {
        self.waker.reset();
        let mut linked = 0;
        for _ in 0..MESSAGES_A_TURN {
            if linked >= DATAGRAMS_A_TURN {
                break;
            }
            let message = match self.inbox.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
            };
            let now = Instant::now();
            match message {
                Message::Command(command) => self.command(now, *command),
                Message::Attach { participant, sink, command } => {
                    self.attach(now, participant, sink, *command);
                }
                Message::OpenTap { room, tap, sink } => {
                    self.taps.insert(tap, sink);
                    self.sfu.command(now, Command::OpenTap { room, tap });
                }
                Message::List { query, reply } => {
                    self.lists.insert(query, reply);
                    self.sfu.command(now, Command::List { query });
                }
                Message::Reached(reach) => {
                    self.sfu.reached_at(reach.config(&self.socket, self.port));
                }
                Message::Arrival(arrival) => self.arrive(now, *arrival),
                Message::Linked(batch) => {
                    linked += batch.len();
                    self.take_batch(now, *batch);
                }
                Message::Stop => self.stop(now),
            }
            self.deliver(now);
        }
        // More may wait: come back at once.
        self.waker.wake();
    }

    fn command(&mut self, now: Instant, command: Command) {
        if let Command::Detach { participant } = &command
            && self.doors.get(participant).is_some_and(|door| door.is_open())
        {
            // It has come back by another connection meanwhile.
            return;
        }
        self.sfu.command(now, command);
    }

    fn attach(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        mut sink: Box<dyn EventSink>,
        command: Command,
    ) {
        if let Command::Resume { room, participant, identity } = &command
            && !self.sfu.may_resume(room, participant, identity)
        {
            let reason = LeaveReason::ConnectionLost;
            if sink.offer(Event::Closed { reason }).is_err() {
                tracing::debug!(%participant, "a door was full before it opened");
            }
            return;
        }
        self.doors.insert(participant, sink);
        match command {
            Command::Join { room, options, participant } => {
                let shard = self.spilling.place(self.number, self.sfu.spans(&room));
                match shard == self.number {
                    true => self.sfu.command(now, Command::Join { room, options, participant }),
                    false => self.sfu.join_elsewhere(now, shard, &room, options, *participant),
                }
            }
            command => self.sfu.command(now, command),
        }
    }

    /// Does what another shard says.
    fn take_batch(&mut self, now: Instant, batch: Batch) {
        let (from, items) = batch.open();
        for item in items {
            match item {
                Carried::Relayed(what) => self.sfu.relayed(now, from, what),
                Carried::Command(command) => self.command(now, *command),
                Carried::Door(participant, sink) => {
                    self.doors.insert(participant, sink);
                }
                Carried::Lost => self.lose(now, from),
            }
            self.deliver(now);
        }
    }

    fn lose(&mut self, now: Instant, shard: usize) {
        tracing::error!(shard = self.number, other = shard, "two shards lost each other");
        self.sfu.lose_shard(now, shard);
    }

    /// Has something go to another shard.
    fn link(
        &mut self,
        now: Instant,
        to: usize,
        send: impl FnOnce(&mut Link) -> Result<(), Refused>,
    ) {
        match self.links.get_mut(to).map(send) {
            None | Some(Ok(())) => {}
            Some(Err(Refused::Full(lost))) => self.sfu.relay_was_full(now, to, &lost),
            Some(Err(Refused::Lost)) => self.lose(now, to),
        }
    }

    fn stop(&mut self, now: Instant) {
        let everybody: Vec<ParticipantId> = self.doors.keys().cloned().collect();
        for participant in everybody {
            let reason = LeaveReason::Shutdown;
            self.sfu.command(now, Command::Leave { participant, reason });
        }
        self.deliver(now);
        self.flush();
        self.stopping = true;
    }

    fn deliver(&mut self, now: Instant) {
        let mut slow: Vec<ParticipantId> = Vec::new();
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Transmit { transport, source, destination, contents } => match transport {
                    Transport::Udp => self.transmit(source, destination, contents),
                    Transport::Tcp => self.frame(source, destination, &contents),
                },
                Output::Event { participant, event } => self.event(participant, *event, &mut slow),
                Output::Notice(notice) => (self.notices)(*notice),
                Output::Relay { to, what } => self.link(now, to, |link| link.relay(what)),
                Output::Pass { to, command } => {
                    self.link(now, to, |link| link.carry(Carried::Command(command)));
                }
                Output::Seat { to, participant } => {
                    if let Some(door) = self.doors.remove(&participant) {
                        self.link(now, to, |link| link.carry(Carried::Door(participant, door)));
                    }
                }
                Output::Tap { tap, item, .. } => {
                    if let Some(sink) = self.taps.get_mut(&tap) {
                        sink.offer(item);
                    }
                }
                Output::TapClosed { tap, .. } => {
                    self.taps.remove(&tap);
                }
                Output::Listing { query, rooms } => {
                    if let Some(reply) = self.lists.remove(&query) {
                        reply(rooms);
                    }
                }
            }
        }
        for participant in slow {
            tracing::warn!(%participant, "a client reads its signalling too slowly");
            self.stats.slow_doors.fetch_add(1, Ordering::Relaxed);
            let reason = LeaveReason::SignalSlow;
            self.sfu.command(now, Command::Leave { participant, reason });
            self.deliver(now);
        }
    }

    fn event(&mut self, participant: ParticipantId, event: Event, slow: &mut Vec<ParticipantId>) {
        let last = matches!(event, Event::Closed { .. });
        if let Some(door) = self.doors.get_mut(&participant)
            && door.offer(event).is_err()
            && !last
        {
            self.doors.remove(&participant);
            slow.push(participant);
        } else if last {
            self.doors.remove(&participant);
        }
    }

    fn transmit(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>) {
        self.outgoing.push(Outgoing { source: source.ip(), destination, contents });
        if self.outgoing.len() >= SEND_BATCH {
            self.flush_datagrams();
        }
    }

    fn frame(&mut self, local: SocketAddr, remote: SocketAddr, contents: &[u8]) {
        if self.connections.send(local, remote, contents) {
            self.stats.packets_out.fetch_add(1, Ordering::Relaxed);
            self.stats.bytes_out.fetch_add(contents.len() as u64, Ordering::Relaxed);
        }
    }

    fn flush(&mut self) {
        self.flush_datagrams();
        self.connections.flush();
    }

    fn flush_datagrams(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        let bytes: usize = self.outgoing.iter().map(|o| o.contents.len()).sum();
        let dropped = self.socket.send(&self.outgoing) as u64;
        let sent = self.outgoing.len() as u64 - dropped;
        self.stats.packets_out.fetch_add(sent, Ordering::Relaxed);
        self.stats.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        self.stats.send_drops.fetch_add(dropped, Ordering::Relaxed);
        self.outgoing.clear();
    }

    fn report(&mut self, begun: Instant) {
        let counters = self.sfu.counters();
        let (rooms, participants) = self.sfu.population();
        let stats = &self.stats;
        stats.rtp_in.store(counters.rtp_in, Ordering::Relaxed);
        stats.rtp_out.store(counters.rtp_out, Ordering::Relaxed);
        stats.strays.store(counters.strays, Ordering::Relaxed);
        stats.rooms.store(rooms as u64, Ordering::Relaxed);
        stats.participants.store(participants as u64, Ordering::Relaxed);
        let connections = self.sfu.connections();
        stats.connections_udp.store(connections.udp, Ordering::Relaxed);
        stats.connections_tcp.store(connections.tcp, Ordering::Relaxed);
        stats.longest_turn_us.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        stats.relayed_out.store(counters.relayed_out, Ordering::Relaxed);
        stats.relayed_in.store(counters.relayed_in, Ordering::Relaxed);
        stats.relay_drops.store(counters.relay_drops, Ordering::Relaxed);
        stats.spilled.store(self.sfu.spilled() as u64, Ordering::Relaxed);
        if begun >= self.next_loads {
            self.next_loads = begun + LOADS;
            *stats.loads.lock().unwrap_or_else(PoisonError::into_inner) = self.sfu.room_loads();
        }
        let cpu = thread_cpu();
        stats.cpu_us.store(cpu.as_micros() as u64, Ordering::Relaxed);
        if let Some(busy) = self.spilling.measure(begun, cpu) {
            stats.busy.store(busy, Ordering::Relaxed);
        }
    }
}
