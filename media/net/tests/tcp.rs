//! Clients that come by TCP (RFC 6544, RFC 4571), and strangers who only hold connections.

use roombox_net::{EventSink, Plane, PlaneConfig, SinkFull};
use roombox_sfu::ids::RoomName;
use roombox_sfu::view::{Permissions, Standing};
use roombox_sfu::{
    Command, Event, LoopbackPeer, NewParticipant, RoomOptions, Transport, TransportMode,
};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn plane(shared_listeners: Vec<SocketAddr>) -> Plane {
    let config = PlaneConfig {
        shards: 2,
        udp_port_base: 0,
        tcp_port: 0,
        shared_listeners,
        addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        estimates: false,
        spill_at: 60,
    };
    Plane::start(&config, |_| {}).expect("the plane starts")
}

fn entrance(plane: &Plane) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, plane.listeners()[0].port()).into()
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket waits so long");
    stream
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// The box has closed the connection.
fn is_over(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        // It had words of ours unread.
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

struct Door(Sender<Event>);

impl EventSink for Door {
    fn offer(&mut self, event: Event) -> Result<(), SinkFull> {
        self.0.send(event).map_err(|_| SinkFull)
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// A client whose only way is a TCP connection.
struct Client {
    peer: LoopbackPeer,
    stream: TcpStream,
    from: SocketAddr,
    events: Receiver<Event>,
    /// The box's description.
    answer: String,
    came: Vec<u8>,
}

impl Client {
    /// Joins a room and connects to `to`.
    fn join(plane: &Plane, name: &str, to: SocketAddr) -> Self {
        let room = RoomName::from(name);
        let options = RoomOptions {
            sid: "RM_1".to_owned(),
            metadata: String::new(),
            opened_with: String::new(),
            created_unix_ms: 0,
            max_participants: 0,
            video_codecs: Default::default(),
            lobby: false,
            empty_timeout: PATIENCE,
            departure_timeout: PATIENCE,
        };
        let participant = Box::new(NewParticipant {
            id: name.into(),
            identity: name.into(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permissions: Permissions::everything(),
            standing: Standing::Member,
            known_as: None,
            joined_unix_ms: 0,
            auto_subscribe: true,
            auto_subscribe_data: false,
            hears_by_packets: false,
            mode: TransportMode::Single,
            note: [].into(),
        });
        let command = Command::Join { room: room.clone(), options, participant };
        let (sender, events) = mpsc::channel();
        plane.attach(&room, name.into(), Box::new(Door(sender)), command).expect("room in it");
        let stream = connect(to);
        let (now, here) = (Instant::now(), stream.local_addr().expect("it is connected"));
        let mut peer = LoopbackPeer::new(now, Transport::Tcp, here).expect("a client");
        let (id, sdp) = peer.offer(now, None, 1).expect("an offer").expect("the first offer");
        let offer = Command::Offer { participant: name.into(), id, sdp };
        plane.command(&room, offer).expect("room in it");
        let answer = loop {
            if let Event::Answer { sdp, .. } = events.recv_timeout(PATIENCE).expect("an answer") {
                break sdp;
            }
        };
        peer.answer(now, &answer).expect("the answer fits");
        Self { peer, stream, from: to, events, answer, came: Vec::new() }
    }

    /// Does what is due, and waits a moment for what comes.
    fn turn(&mut self) {
        self.peer.wake(Instant::now()).expect("the client lives");
        while let Some((to, datagram)) = self.peer.transmit() {
            if to == self.from {
                let frame = [&(datagram.len() as u16).to_be_bytes()[..], &datagram].concat();
                self.stream.write_all(&frame).expect("the connection stands");
            }
        }
        let short = Some(Duration::from_millis(5));
        self.stream.set_read_timeout(short).expect("a socket waits so long");
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count) => self.came.extend_from_slice(&buffer[..count]),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            ),
        }
        while let Some((head, rest)) = self.came.split_first_chunk::<2>()
            && let Some(datagram) = rest.get(..usize::from(u16::from_be_bytes(*head)))
        {
            self.peer.datagram(Instant::now(), self.from, datagram).expect("the client lives");
            let length = 2 + datagram.len();
            self.came.drain(..length);
        }
    }

    fn connects(mut self) -> Self {
        let begun = Instant::now();
        while !self.peer.is_connected() {
            assert!(begun.elapsed() < PATIENCE, "it does not connect: {}", self.answer);
            self.turn();
        }
        self
    }
}

#[test]
fn a_client_connects_by_tcp_whichever_shard_its_room_is_on() {
    let plane = plane(Vec::new());
    let to = entrance(&plane);
    let _first = Client::join(&plane, "first", to).connects();
    until("the first shard has somebody", || {
        plane.stats().iter().map(|shard| count(&shard.participants)).sum::<u64>() == 1
    });
    let second = Client::join(&plane, "second", to).connects();
    assert!(plane.stats().iter().all(|shard| count(&shard.participants) <= 1));
    until("both connections are by TCP", || {
        plane.stats().iter().all(|shard| count(&shard.connections_tcp) == 1)
    });
    let stats = plane.tcp_stats();
    assert_eq!((count(&stats.open), count(&stats.opened), count(&stats.drops)), (2, 2, 0));
    let candidate = format!("tcp {} 127.0.0.1 {} typ host tcptype passive", "", to.port());
    let listed = second.answer.lines().filter(|line| line.starts_with("a=candidate"));
    let by_tcp = listed.filter(|line| line.contains(" tcp ") && line.contains("tcptype passive"));
    assert_eq!(by_tcp.count(), 2, "{candidate}: {}", second.answer);
    drop(second);
    until("the second has gone", || count(&stats.open) == 1);
    plane.stop();
}

#[test]
fn by_ipv6_it_is_the_same() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let plane = plane(Vec::new());
    let to = (Ipv6Addr::LOCALHOST, plane.listeners()[0].port()).into();
    Client::join(&plane, "room", to).connects();
    plane.stop();
}

#[test]
fn a_connection_that_another_listener_took_is_as_good() {
    let shared = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = shared.local_addr().unwrap();
    let plane = plane(vec![to]);
    let client = Client::join(&plane, "room", to);
    plane.adopt(shared.accept().unwrap().0);
    client.connects();
    plane.stop();
}

/// As many as the system lets a process have.
fn allow_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit lives until both calls return.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit)
    };
    assert!(raised == 0 && limit.rlim_cur >= 2048, "too few files may be open: {}", limit.rlim_cur);
}

#[test]
fn a_silent_crowd_keeps_nobody_out_and_is_sent_away() {
    const CROWD: usize = 1000;
    // This process holds both ends.
    allow_open_files();
    let plane = plane(Vec::new());
    let to = entrance(&plane);
    let stats = plane.tcp_stats();
    let mut silent = Vec::new();
    for n in 0..CROWD {
        silent.push(connect(to));
        if n == CROWD / 2 {
            Client::join(&plane, "between", to).connects();
        }
    }
    Client::join(&plane, "after", to).connects();
    until("most were sent away early", || count(&stats.timed_out) >= CROWD as u64 - 256);
    assert!(count(&stats.waiting) <= 256);
    assert!(is_over(&mut silent[0]));
    until("all were sent away", || count(&stats.timed_out) == CROWD as u64);
    assert_eq!((count(&stats.waiting), count(&stats.refused)), (0, 0));
    assert!(is_over(silent.last_mut().unwrap()));
    plane.stop();
}

#[test]
fn who_begins_with_nonsense_or_asks_for_nobody_is_turned_away() {
    let plane = plane(Vec::new());
    let to = entrance(&plane);
    let check_for = |name: &str| {
        let padded = name.len().next_multiple_of(4);
        let mut check = vec![0, 1, 0, (padded + 4) as u8, 0x21, 0x12, 0xa4, 0x42];
        check.extend([7; 12]);
        check.extend([0, 6, 0, name.len() as u8]);
        check.extend(name.as_bytes());
        check.resize(24 + padded, 0);
        [&[0, check.len() as u8][..], &check].concat()
    };
    let strangers = [
        b"GET / HTTP/1.1\r\nhost: box\r\n\r\n".to_vec(),
        vec![0, 0],
        vec![0, 3, 1, 2, 3],
        vec![0xff; 5000],
        check_for("nobody:x"),
    ];
    for (refused, words) in (1..).zip(strangers) {
        let mut stream = connect(to);
        // A byte alone first: what comes in pieces is put together.
        stream.write_all(&words[..1]).unwrap();
        stream.write_all(&words[1..]).unwrap();
        assert!(is_over(&mut stream), "{:?}", &words[..words.len().min(20)]);
        until("it is counted", || count(&plane.tcp_stats().refused) == refused);
    }
    assert_eq!(count(&plane.tcp_stats().opened), 0);
    plane.stop();
}

#[test]
fn a_frame_that_makes_no_sense_costs_its_connection_and_no_other() {
    let plane = plane(Vec::new());
    let to = entrance(&plane);
    let mut bad = Client::join(&plane, "bad", to).connects();
    let mut good = Client::join(&plane, "good", to).connects();
    bad.stream.write_all(&[0xff, 0xff, 1, 2, 3]).unwrap();
    until("it is counted", || count(&plane.tcp_stats().broken) == 1);
    until("it is closed", || count(&plane.tcp_stats().open) == 1);
    for _ in 0..20 {
        good.turn();
    }
    assert!(good.events.try_iter().all(|event| !matches!(event, Event::Closed { .. })));
    plane.stop();
}
