//! Clients and an `Sfu` on one virtual clock, with a seeded network between them. Signalling is
//! immediate and lossless; datagrams take their time, or never arrive.

#[path = "beyond.rs"]
mod beyond;
#[path = "network.rs"]
mod network;
#[path = "reception.rs"]
mod reception;

use crate::chance::Chance;
use crate::client::{Client, RIDS};
use beyond::{Beyond, shard, usual_shards};
pub use network::Network;
use network::{MOST_QUEUED, SETTLED, SFU_UDP, UDP_OVERHEAD, reached_by};
use roombox_sfu::ids::{ParticipantId, RoomName, TrackId};
use roombox_sfu::tap::TapEvent;
use roombox_sfu::track::{Codec, MediaKind, TrackSource, VideoCodecs};
use roombox_sfu::view::{LayerInfo, Permissions, Standing};
use roombox_sfu::{
    Command, Event, LeaveReason, NewParticipant, NewTrack, Output, RoomOptions, Sfu, Transport,
    TransportMode,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::media::{MediaKind as Kind, Mid};

pub const ROOM: &str = "room";

/// CPU time of this thread.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct Flight {
    to_sfu: bool,
    client: String,
    contents: Vec<u8>,
}

pub struct World {
    begun: Instant,
    pub now: Instant,
    /// The shard at which rooms are at home.
    pub sfu: Sfu,
    pub beyond: Beyond,
    pub clients: BTreeMap<String, Client>,
    /// Clients that left, for the final check.
    pub left: Vec<Client>,
    pub network: Network,
    /// Networks of clients that have another one than the rest.
    pub networks: BTreeMap<String, Network>,
    /// Until when a client's bottleneck is busy.
    busy: BTreeMap<String, Instant>,
    /// When the last datagram of each direction lands.
    landed: BTreeMap<(String, bool), Instant>,
    pub chance: Chance,
    pub sfu_address: SocketAddr,
    air: BinaryHeap<Reverse<(Instant, u64)>>,
    flights: BTreeMap<u64, Flight>,
    next_flight: u64,
    next_track: u16,
    next_address: u16,
    pub numbers: BTreeMap<String, u16>,
    pub events: Vec<(String, Event)>,
    pub dropped: u64,
    /// Thread CPU time that the `Sfu` took.
    pub spent: Duration,
    /// Clients that know H.264 instead.
    pub without_vp8: Vec<&'static str>,
    /// Clients that know both.
    pub with_both: Vec<&'static str>,
    /// Clients name a track otherwise in the offer than they announced it, as Firefox does.
    pub other_cid: bool,
    /// The second codec of tracks that are published from now on.
    pub backup: Option<Codec>,
    /// Where clients join.
    pub room: &'static str,
    /// Of the room once it opens: guests wait, and so many people may be in it (0: any number).
    pub lobby: bool,
    pub most: u32,
    pub codecs: VideoCodecs,
    /// What taps saw, but for packets.
    pub tapped: Vec<TapEvent>,
    /// Packets that they saw, by track.
    pub taped: BTreeMap<String, u64>,
}

impl World {
    pub fn new(seed: u64, network: Network) -> Self {
        Self::usual(seed, network, false)
    }

    /// One in which people live on so many shards in turn.
    pub fn spread(seed: u64, network: Network, shards: usize) -> Self {
        Self::with(seed, network, shards, false)
    }

    /// One in which each client gets no more than its connection carries.
    pub fn dividing(seed: u64, network: Network) -> Self {
        Self::usual(seed, network, true)
    }

    /// One of a simulation that does not ask where people live: what it asks for is done everywhere
    /// before it looks, as if there were one shard.
    fn usual(seed: u64, network: Network, estimates: bool) -> Self {
        let mut world = Self::with(seed, network, usual_shards(), estimates);
        world.beyond.patient = usual_shards() > 1;
        world
    }

    fn with(seed: u64, network: Network, shards: usize, estimates: bool) -> Self {
        let now = Instant::now();
        let sfu_address = SFU_UDP;
        Self {
            begun: now,
            now,
            sfu: shard(0, estimates),
            beyond: Beyond::new(seed, shards, estimates),
            clients: BTreeMap::new(),
            left: Vec::new(),
            network,
            networks: BTreeMap::new(),
            busy: BTreeMap::new(),
            landed: BTreeMap::new(),
            chance: Chance::new(seed),
            sfu_address,
            air: BinaryHeap::new(),
            flights: BTreeMap::new(),
            next_flight: 0,
            next_track: 0,
            next_address: 1,
            numbers: BTreeMap::new(),
            events: Vec::new(),
            dropped: 0,
            spent: Duration::ZERO,
            without_vp8: Vec::new(),
            with_both: Vec::new(),
            other_cid: false,
            backup: None,
            room: ROOM,
            lobby: false,
            most: 0,
            codecs: VideoCodecs::default(),
            tapped: Vec::new(),
            taped: BTreeMap::new(),
        }
    }

    pub fn command(&mut self, command: Command) {
        let now = self.now;
        self.timed(0, |sfu| sfu.command(now, command));
        self.wait_for_all();
    }

    pub fn join(&mut self, name: &str) {
        self.join_by(Transport::Udp, name);
    }

    /// Somebody joins for whom there is one way to the box.
    pub fn join_by(&mut self, transport: Transport, name: &str) {
        self.come(transport, name, |_| {});
    }

    /// Somebody joins by UDP, but for what `otherwise` changes as others do.
    pub fn join_otherwise(&mut self, name: &str, otherwise: impl FnOnce(&mut NewParticipant)) {
        self.come(Transport::Udp, name, otherwise);
    }

    fn come(
        &mut self,
        transport: Transport,
        name: &str,
        otherwise: impl FnOnce(&mut NewParticipant),
    ) {
        self.next_address += 1;
        let address = SocketAddr::from(([10, 0, 1, 1], 10_000 + self.next_address));
        let (seed, vp8) = (self.chance.next(), !self.without_vp8.contains(&name));
        let codecs = (vp8, !vp8 || self.with_both.contains(&name));
        let client = Client::new(self.now, name.to_owned(), (transport, address), seed, codecs);
        self.enter(client, otherwise);
        self.offer(name, 0, 1, &[]);
        self.wait_for_all();
    }

    /// A client joins the room as somebody who may everything and hears of everything, but for what
    /// `otherwise` changes.
    pub fn enter(&mut self, client: Client, otherwise: impl FnOnce(&mut NewParticipant)) {
        let name = client.name.clone();
        let mut participant = Box::new(NewParticipant {
            id: ParticipantId::from(name.as_str()),
            identity: name.as_str().into(),
            name: name.clone(),
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
        otherwise(&mut participant);
        let seat = self.beyond.take_seat(&name);
        self.clients.insert(name, client);
        let (room, options, now) = (RoomName::from(self.room), self.options(), self.now);
        match seat {
            0 => self.command(Command::Join { room, options, participant }),
            seat => {
                self.timed(0, |sfu| {
                    sfu.join_elsewhere(now, seat, &room, options, *participant);
                });
                self.wait_for_all();
            }
        }
    }

    /// How rooms open.
    pub fn options(&self) -> RoomOptions {
        RoomOptions {
            sid: "RM_1".to_owned(),
            metadata: String::new(),
            created_unix_ms: 0,
            opened_with: String::new(),
            max_participants: self.most,
            video_codecs: self.codecs,
            lobby: self.lobby,
            empty_timeout: Duration::from_secs(60),
            departure_timeout: Duration::from_secs(20),
        }
    }

    pub fn leave(&mut self, name: &str) {
        // Whoever has gone hears nothing of how the box takes it.
        self.left.extend(self.clients.remove(name));
        let (participant, reason) = (ParticipantId::from(name), LeaveReason::ClientLeft);
        self.command(Command::Leave { participant, reason });
    }

    /// Announces and offers a simulcast track; returns its id.
    pub fn publish(&mut self, name: &str, layers: usize) -> String {
        self.publish_as(name, TrackSource::Camera, layers, [0; 3])
    }

    /// Announces and offers a microphone, or pictures of these bitrates (by layer); returns its id.
    pub fn publish_as(
        &mut self,
        name: &str,
        source: TrackSource,
        layers: usize,
        bitrates: [usize; 3],
    ) -> String {
        let audio = source == TrackSource::Microphone;
        self.next_track += 1;
        let number = self.next_track;
        let id = format!("TR_{number}");
        self.numbers.insert(id.clone(), number);
        for client in self.clients.values_mut() {
            client.numbers.clone_from(&self.numbers);
        }
        let cid = format!("cid-{number}");
        let track = NewTrack {
            id: TrackId::from(id.as_str()),
            cid: cid.clone(),
            name: "camera".to_owned(),
            kind: if audio { MediaKind::Audio } else { MediaKind::Video },
            source,
            muted: false,
            width: 1280,
            height: 720,
            encrypted: false,
            layers: (0..if audio { 0 } else { layers })
                .map(|n| LayerInfo {
                    rid: if layers > 1 { RIDS[n].to_owned() } else { String::new() },
                    width: 320 << n,
                    height: 180 << n,
                    bitrate: if bitrates[n] > 0 { bitrates[n] as u32 } else { 100_000 },
                })
                .collect(),
            codec: None,
            backup: self.backup,
            no_red: false,
            note: [].into(),
        };
        let (participant, track) = (ParticipantId::from(name), Box::new(track));
        self.command(Command::AddTrack { participant, track });
        let now = self.now;
        let cid = if self.other_cid { format!("{{other-{number}}}") } else { cid };
        if let Some(client) = self.clients.get_mut(name) {
            let kind = if audio { Kind::Audio } else { Kind::Video };
            client.publish(now, kind, cid, number, layers, bitrates);
        }
        self.offer(name, 0, 0, &[]);
        id
    }

    /// Takes a client's first published track down.
    pub fn unpublish(&mut self, name: &str) {
        let Some(client) = self.clients.get_mut(name) else {
            return;
        };
        let at = client.publishing.iter().position(|track| track.mid.is_some());
        if client.is_offering() {
            return;
        }
        let Some(track) = at.map(|at| client.publishing.remove(at)) else {
            return;
        };
        let stop: Vec<Mid> = track.mid.into_iter().collect();
        self.offer(name, 0, 0, &stop);
    }

    pub fn offer(&mut self, name: &str, audios: usize, videos: usize, stop: &[Mid]) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(name) else {
            return;
        };
        let Some((id, sdp)) = client.offer(now, audios, videos, stop) else {
            return;
        };
        self.collect(name);
        let participant = ParticipantId::from(name);
        self.timed(0, |sfu| sfu.command(now, Command::Offer { participant, id, sdp }));
    }

    /// Runs until `until` after now.
    pub fn run(&mut self, until: Duration) {
        let end = self.now + until;
        loop {
            let flight = self.air.peek().map(|Reverse((at, _))| *at);
            let client = self.clients.values().map(Client::next_timeout).min();
            let beyond = self.beyond.next_timeout();
            let all = [flight, client, self.sfu.next_timeout(), beyond];
            let next = all.into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            let now = self.now;
            if flight.is_some_and(|at| at <= now) {
                self.land();
                continue;
            }
            let mut due: Vec<String> = self
                .clients
                .iter()
                .filter(|(_, client)| client.next_timeout() <= now)
                .map(|(name, _)| name.clone())
                .collect();
            due.sort_unstable();
            for name in due {
                if let Some(client) = self.clients.get_mut(&name) {
                    client.wake(now);
                }
                self.collect(&name);
            }
            if self.sfu.next_timeout().is_some_and(|at| at <= now) {
                self.timed(0, |sfu| sfu.timeout(now));
            }
            for shard in self.beyond.due(now) {
                self.timed(shard, |sfu| sfu.timeout(now));
            }
            self.carry();
        }
    }

    fn land(&mut self) {
        let Some(Reverse((_, number))) = self.air.pop() else {
            return;
        };
        let Some(flight) = self.flights.remove(&number) else {
            return;
        };
        let now = self.now;
        let Some(client) = self.clients.get_mut(&flight.client) else {
            return;
        };
        if flight.to_sfu {
            let (way, source) = (client.transport, client.address);
            let seat = self.beyond.seat(&flight.client);
            let to = reached_by(way, seat);
            self.timed(seat, |sfu| {
                sfu.datagram(now, way, source, to, &flight.contents);
            });
        } else {
            let from = reached_by(client.transport, self.beyond.seat(&flight.client));
            client.datagram(now, from, &flight.contents);
            self.collect(&flight.client);
        }
    }

    /// A client closes its connection, as a page that goes does.
    pub fn hang_up(&mut self, name: &str) {
        let now = self.now;
        self.clients.get_mut(name).expect("a client").hang_up(now);
        self.collect(name);
    }

    /// A client's datagrams take off.
    fn collect(&mut self, name: &str) {
        while let Some(contents) = self.clients.get_mut(name).and_then(|c| c.sent.pop_front()) {
            self.fly(true, name.to_owned(), contents);
        }
    }

    fn fly(&mut self, to_sfu: bool, client: String, contents: Vec<u8>) {
        // The handshake is not what is tested; it also would make seeds differ in length.
        let connected = self.clients.get(&client).and_then(|client| client.connected);
        let lossy = connected.is_some_and(|since| self.now >= since + SETTLED);
        let network = self.networks.get(&client).copied().unwrap_or(self.network);
        if lossy && self.chance.percent(network.loss_percent) {
            self.dropped += 1;
            return;
        }
        let mut queued = 0;
        if network.downlink > 0 && !to_sfu {
            let bits = (contents.len() + UDP_OVERHEAD) as u64 * 8;
            let busy = self.busy.entry(client.clone()).or_insert(self.now);
            let begins = (*busy).max(self.now);
            if begins - self.now > MOST_QUEUED {
                self.dropped += 1;
                return;
            }
            *busy = begins + Duration::from_micros(bits * 1_000_000 / network.downlink);
            queued = (*busy - self.now).as_micros() as u64;
        }
        let copies = 1 + u64::from(lossy && self.chance.percent(network.duplicate_percent));
        for _ in 0..copies {
            let jitter = network.jitter.as_micros() as u64 + 1;
            let wait = queued + 5_000 + if lossy { self.chance.below(jitter) } else { 0 };
            let mut at = self.now + Duration::from_micros(wait);
            if !to_sfu {
                at = self.begun + network.handled(at - self.begun);
            }
            if network.in_order {
                let last = self.landed.entry((client.clone(), to_sfu)).or_insert(at);
                at = at.max(*last);
                *last = at;
            }
            self.next_flight += 1;
            let number = self.next_flight;
            self.air.push(Reverse((at, number)));
            let (client, contents) = (client.clone(), contents.clone());
            self.flights.insert(number, Flight { to_sfu, client, contents });
        }
    }

    /// Has a shard do something, takes what comes out, and counts what both cost.
    fn timed(&mut self, shard: usize, work: impl FnOnce(&mut Sfu)) {
        self.one(shard, work);
        let now = self.now;
        while let Some((from, to, lost)) = self.beyond.lost() {
            self.one(from, |sfu| sfu.relay_was_full(now, to, &lost));
        }
    }

    fn one(&mut self, shard: usize, work: impl FnOnce(&mut Sfu)) {
        let sfu = match shard {
            0 => &mut self.sfu,
            shard => &mut self.beyond.shards[shard - 1],
        };
        let before = cpu_time();
        work(sfu);
        let outputs: Vec<Output> = std::iter::from_fn(|| sfu.poll_output()).collect();
        self.spent += cpu_time().saturating_sub(before);
        self.deliver(shard, outputs);
    }

    fn deliver(&mut self, shard: usize, outputs: Vec<Output>) {
        for output in outputs {
            let Some(output) = self.beyond.takes(self.now, shard, output) else { continue };
            match output {
                Output::Transmit { transport, destination, contents, .. } => {
                    let to = (transport, destination);
                    let to = self.clients.values_mut().find(|c| (c.transport, c.address) == to);
                    if let Some(client) = to {
                        client.departs(&contents);
                        let name = client.name.clone();
                        self.fly(false, name, contents);
                    }
                }
                Output::Event { participant, event } => {
                    self.event(&participant.to_string(), *event);
                }
                Output::Tap { item, .. } => match item.event {
                    TapEvent::Packet(packet) => {
                        *self.taped.entry(packet.track.to_string()).or_default() += 1;
                    }
                    event => self.tapped.push(event),
                },
                _ => {}
            }
        }
    }

    fn event(&mut self, name: &str, event: Event) {
        let now = self.now;
        match &event {
            Event::Answer { sdp, tracks, .. } => {
                if let Some(client) = self.clients.get_mut(name) {
                    client.numbers.clone_from(&self.numbers);
                    let tracks = tracks.iter().map(|(m, t)| (m.clone(), t.to_string())).collect();
                    client.answer(now, sdp, tracks);
                    self.collect(name);
                    // What could not be offered while the last offer was open.
                    let client = &self.clients[name];
                    if client.publishing.iter().any(|track| track.mid.is_none()) {
                        self.offer(name, 0, 0, &[]);
                    }
                }
            }
            Event::SectionsWanted { audios, videos } => {
                self.offer(name, *audios as usize, *videos as usize, &[]);
            }
            Event::OfferRefused { reason, .. } => panic!("{name}: offer refused: {reason}"),
            _ => {}
        }
        self.events.push((name.to_owned(), event));
    }
}
