//! Three people in a room of a real `Sfu`, and the packets that either of them might send.

use crate::plain::{self, sealed};
use crate::world::{Network, World};
use roombox_sfu::view::{Permissions, Standing};
use roombox_sfu::{
    Command, NewParticipant, Output, RoomOptions, Sfu, SfuConfig, Transport, TransportMode,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where an `Sfu` without a network is reached.
pub const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7882);

pub fn new_sfu() -> Sfu {
    Sfu::new(SfuConfig { addresses: vec![HERE], ..SfuConfig::default() })
}

/// Somebody joins, who may do everything.
pub fn join(id: &str, mode: TransportMode) -> Command {
    let options = RoomOptions {
        sid: "RM_1".to_owned(),
        metadata: String::new(),
        created_unix_ms: 0,
        opened_with: String::new(),
        max_participants: 0,
        video_codecs: Default::default(),
        lobby: false,
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
    };
    let permissions = Permissions::everything();
    let participant = Box::new(NewParticipant {
        id: id.into(),
        identity: id.into(),
        name: id.to_owned(),
        metadata: String::new(),
        attributes: Default::default(),
        permissions,
        standing: Standing::Member,
        known_as: None,
        joined_unix_ms: 0,
        auto_subscribe: true,
        auto_subscribe_data: false,
        hears_by_packets: false,
        mode,
        note: [].into(),
    });
    Command::Join { room: "room".into(), options, participant }
}

/// The header extensions of the simulation's clients, which keep str0m's ids.
pub const TRANSPORT_CC: u8 = 3;
pub const MID: u8 = 4;

pub struct Meeting {
    pub world: World,
    /// Section on which Alice sends.
    pub mid: String,
    /// Datagrams that the `Sfu` has sent since then.
    pub sent: u64,
}

impl Meeting {
    /// All are connected, and Alice sends the others a picture.
    pub fn new(seed: u64) -> Self {
        plain::install();
        let mut world = World::new(seed, Network::default());
        world.join("alice");
        world.join("bob");
        world.join("carol");
        world.run(Duration::from_secs(1));
        world.publish("alice", 1);
        world.run(Duration::from_millis(500));
        let mid = world.clients["alice"].publishing[0].mid.expect("a section").to_string();
        Self { world, mid, sent: 0 }
    }

    /// What `name` sends next; and some time for what follows.
    pub fn send(&mut self, name: &str, packet: &[u8]) {
        let datagram = sealed(packet);
        let (source, here) = (self.world.clients[name].address, self.world.sfu_address);
        let now = self.world.now;
        self.world.sfu.datagram(now, Transport::Udp, source, here, &datagram);
        self.drain();
        self.world.now += Duration::from_millis(1);
    }

    /// Lets the `Sfu` alone see time pass: reports are made.
    pub fn wait(&mut self, time: Duration) {
        let end = self.world.now + time;
        while let Some(at) = self.world.sfu.next_timeout().filter(|at| *at <= end) {
            self.world.now = self.world.now.max(at);
            self.world.sfu.timeout(self.world.now);
            self.drain();
        }
        self.world.now = end;
    }

    /// Nobody is there any more to take what comes out.
    fn drain(&mut self) {
        while let Some(output) = self.world.sfu.poll_output() {
            self.sent += u64::from(matches!(output, Output::Transmit { .. }));
        }
    }

    /// RTP packets that the `Sfu` has taken from anybody.
    pub fn heard(&self) -> u64 {
        self.world.sfu.counters().rtp_in
    }

    pub fn people(&self) -> usize {
        self.world.sfu.population().1
    }

    /// Connections that broke.
    pub fn broken(&self) -> u64 {
        self.world.sfu.counters().broken
    }

    /// One of Alice's pictures: a VP8 packet on her section under this SSRC.
    pub fn picture(&self, ssrc: u32, seq: u16, time: u32, transport_cc: Option<u16>) -> Vec<u8> {
        let mut extensions = vec![MID << 4 | (self.mid.len() - 1) as u8];
        extensions.extend(self.mid.bytes());
        if let Some(number) = transport_cc {
            extensions.push(TRANSPORT_CC << 4 | 1);
            extensions.extend(number.to_be_bytes());
        }
        extensions.resize(extensions.len().next_multiple_of(4), 0);
        let mut packet = vec![0x90, 96];
        packet.extend(seq.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, (extensions.len() / 4) as u8]);
        packet.extend(extensions);
        // VP8: a descriptor with a picture id, then the start of a keyframe (RFC 7741 §4).
        packet.extend([0x90, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0]);
        packet
    }
}

/// Packets in an input: each two bytes of length, of which the highest bit says that Bob sends it.
pub fn packets(mut input: &[u8]) -> impl Iterator<Item = (&'static str, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = input.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes([head[0] & 0x7f, head[1]]));
        let (packet, rest) = rest.split_at(length.min(rest.len()));
        input = rest;
        Some((if head[0] & 0x80 == 0 { "alice" } else { "bob" }, packet))
    })
}

/// The other way round.
pub fn input<'a>(packets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut input = Vec::new();
    for (name, packet) in packets {
        let from = if name == "bob" { 0x8000 } else { 0 };
        input.extend((from | packet.len() as u16).to_be_bytes());
        input.extend(packet);
    }
    input
}

/// CPU time of this thread that `work` takes.
pub fn cost(work: impl FnOnce()) -> Duration {
    let before = crate::world::cpu_time();
    work();
    crate::world::cpu_time().saturating_sub(before)
}
