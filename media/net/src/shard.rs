//! One shard's loop: datagrams, requests, timers, outputs; bounded work each turn.

use crate::batch::{BatchSocket, Outgoing};
use crate::plane::{EventSink, ShardStats, TapSink};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::TapId;
use roombox_sfu::view::RoomView;
use roombox_sfu::{Command, Event, LeaveReason, Notice, Output, Sfu, SfuConfig};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
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
const IDLE: Duration = Duration::from_millis(500);

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
    Addresses(Vec<Ipv4Addr>),
    Stop,
}

/// Wakes a shard that sleeps in poll(2).
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
            // the counter is full: the shard is about to wake anyway.
            unsafe { libc::write(self.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        }
    }

    fn reset(&self) {
        if self.awake.load(Ordering::Acquire) {
            let mut count = [0u8; 8];
            // SAFETY: the descriptor is open and `count` is 8 writable bytes.
            unsafe { libc::read(self.event.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
            self.awake.store(false, Ordering::Release);
        }
    }
}

fn reached_at(addresses: &[Ipv4Addr], port: u16) -> Vec<SocketAddr> {
    addresses.iter().map(|ip| SocketAddr::from((*ip, port))).collect()
}

pub(crate) struct Shard {
    number: usize,
    port: u16,
    socket: BatchSocket,
    sfu: Sfu,
    inbox: Receiver<Message>,
    waker: Arc<Waker>,
    stats: Arc<ShardStats>,
    notices: Notices,
    doors: HashMap<ParticipantId, Box<dyn EventSink>>,
    taps: HashMap<TapId, Box<dyn TapSink>>,
    lists: HashMap<u64, ListReply>,
    outgoing: Vec<Outgoing>,
    stopping: bool,
}

impl Shard {
    #[expect(clippy::too_many_arguments, reason = "called once, by the plane that owns the parts")]
    pub(crate) fn new(
        number: usize,
        socket: UdpSocket,
        port: u16,
        addresses: &[Ipv4Addr],
        inbox: Receiver<Message>,
        waker: Arc<Waker>,
        stats: Arc<ShardStats>,
        notices: Notices,
    ) -> io::Result<Self> {
        let addresses = reached_at(addresses, port);
        Ok(Self {
            number,
            port,
            socket: BatchSocket::new(socket)?,
            sfu: Sfu::new(SfuConfig { addresses }),
            inbox,
            waker,
            stats,
            notices,
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
            self.take_messages();
            let now = Instant::now();
            if self.sfu.next_timeout().is_some_and(|at| at <= now) {
                self.sfu.timeout(now);
                self.deliver(now);
            }
            self.flush();
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
            tv_sec: 0,
            tv_nsec: patience.as_nanos().min(999_999_999) as libc::c_long,
        };
        let watch = |fd: i32| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut fds = [watch(self.socket.fd()), watch(self.waker.event.as_raw_fd())];
        // SAFETY: the array and the timespec live until the call returns; both descriptors are
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
                sfu.datagram(now, incoming.source, incoming.destination, incoming.contents);
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

    fn take_messages(&mut self) {
        self.waker.reset();
        for _ in 0..MESSAGES_A_TURN {
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
                Message::Addresses(addresses) => {
                    self.sfu.reached_at(reached_at(&addresses, self.port));
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
        self.sfu.command(now, command);
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
                Output::Transmit { source, destination, contents } => {
                    self.transmit(source, destination, contents);
                }
                Output::Event { participant, event } => self.event(participant, *event, &mut slow),
                Output::Notice(notice) => (self.notices)(*notice),
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
        let (SocketAddr::V4(source), SocketAddr::V4(destination)) = (source, destination) else {
            return;
        };
        self.outgoing.push(Outgoing { source: *source.ip(), destination, contents });
        if self.outgoing.len() >= SEND_BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
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

    fn report(&self, begun: Instant) {
        let counters = self.sfu.counters();
        let (rooms, participants) = self.sfu.population();
        let stats = &self.stats;
        stats.rtp_in.store(counters.rtp_in, Ordering::Relaxed);
        stats.rtp_out.store(counters.rtp_out, Ordering::Relaxed);
        stats.strays.store(counters.strays, Ordering::Relaxed);
        stats.rooms.store(rooms as u64, Ordering::Relaxed);
        stats.participants.store(participants as u64, Ordering::Relaxed);
        stats.longest_turn_us.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        stats.cpu_us.store(thread_cpu().as_micros() as u64, Ordering::Relaxed);
    }
}

/// CPU time of this thread (clock_gettime(2)).
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the timespec lives until the call returns.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Shard n runs on the n-th core that the process may use. Refused by some containers: then the
/// kernel chooses.
fn pin_to_core(number: usize) {
    // SAFETY: cpu_set_t is plain data, all zeros is an empty set; both calls get its true size;
    // CPU_ISSET and CPU_SET are given indexes below CPU_SETSIZE.
    let pinned = unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        let size = std::mem::size_of::<libc::cpu_set_t>();
        libc::sched_getaffinity(0, size, &raw mut allowed);
        let cores: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
            .filter(|core| libc::CPU_ISSET(*core, &allowed))
            .collect();
        let Some(core) = cores.get(number % cores.len().max(1)) else {
            return;
        };
        let mut only: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(*core, &mut only);
        libc::sched_setaffinity(0, size, &raw const only) == 0
    };
    tracing::debug!(shard = number, pinned, "shard started");
}
