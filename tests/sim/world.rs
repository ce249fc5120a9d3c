//! Clients and an `Sfu` on one virtual clock, with a seeded network between them. Signalling is
//! immediate and lossless; datagrams take their time, or never arrive.

#[path = "network.rs"]
mod network;

use crate::chance::Chance;
use crate::client::{Client, RIDS, Received};
use crate::picture::Seen;
pub use network::Network;
use network::{MOST_QUEUED, SFU_TCP, SFU_UDP, UDP_OVERHEAD, reached_by};
use roombox_sfu::ids::{ParticipantId, RoomName, TrackId};
use roombox_sfu::track::{MediaKind, TrackSource};
use roombox_sfu::view::{LayerInfo, Permissions};
use roombox_sfu::{
    Command, Event, LeaveReason, NewParticipant, NewTrack, Output, RoomOptions, Sfu, SfuConfig,
    Transport, TransportMode,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
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
    pub now: Instant,
    pub sfu: Sfu,
    pub clients: HashMap<String, Client>,
    /// Clients that left, for the final check.
    pub left: Vec<Client>,
    pub network: Network,
    /// Networks of clients that have another one than the rest.
    pub networks: HashMap<String, Network>,
    /// Until when a client's bottleneck is busy.
    busy: HashMap<String, Instant>,
    /// When the last datagram of each direction lands.
    landed: HashMap<(String, bool), Instant>,
    pub chance: Chance,
    pub sfu_address: SocketAddr,
    air: BinaryHeap<Reverse<(Instant, u64)>>,
    flights: HashMap<u64, Flight>,
    next_flight: u64,
    next_track: u16,
    next_address: u16,
    pub numbers: HashMap<String, u16>,
    pub events: Vec<(String, Event)>,
    pub dropped: u64,
    /// Thread CPU time that the `Sfu` took.
    pub spent: Duration,
    /// Clients that know H.264 instead.
    pub without_vp8: Vec<&'static str>,
    /// Clients name a track otherwise in the offer than they announced it, as Firefox does.
    pub other_cid: bool,
}

impl World {
    pub fn new(seed: u64, network: Network) -> Self {
        let now = Instant::now();
        let sfu_address = SFU_UDP;
        Self {
            now,
            sfu: Sfu::new(SfuConfig {
                addresses: vec![sfu_address],
                tcp_addresses: vec![SFU_TCP],
                estimates: true,
            }),
            clients: HashMap::new(),
            left: Vec::new(),
            network,
            networks: HashMap::new(),
            busy: HashMap::new(),
            landed: HashMap::new(),
            chance: Chance::new(seed),
            sfu_address,
            air: BinaryHeap::new(),
            flights: HashMap::new(),
            next_flight: 0,
            next_track: 0,
            next_address: 1,
            numbers: HashMap::new(),
            events: Vec::new(),
            dropped: 0,
            spent: Duration::ZERO,
            without_vp8: Vec::new(),
            other_cid: false,
        }
    }

    pub fn command(&mut self, command: Command) {
        let now = self.now;
        let outputs = self.timed(|sfu| sfu.command(now, command));
        self.deliver(outputs);
    }

    pub fn join(&mut self, name: &str) {
        self.join_by(Transport::Udp, name);
    }

    /// Somebody joins for whom there is one way to the box.
    pub fn join_by(&mut self, transport: Transport, name: &str) {
        self.next_address += 1;
        let address = SocketAddr::from(([10, 0, 1, 1], 10_000 + self.next_address));
        let (seed, vp8) = (self.chance.next(), !self.without_vp8.contains(&name));
        let client = Client::new(self.now, name.to_owned(), (transport, address), seed, vp8);
        self.clients.insert(name.to_owned(), client);
        let participant = NewParticipant {
            id: ParticipantId::from(name),
            identity: name.into(),
            name: name.to_owned(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permissions: Permissions::everything(),
            joined_unix_ms: 0,
            auto_subscribe: true,
            mode: TransportMode::Single,
            note: [].into(),
        };
        let options = RoomOptions {
            sid: "RM_1".to_owned(),
            metadata: String::new(),
            created_unix_ms: 0,
            opened_with: String::new(),
            max_participants: 0,
            empty_timeout: Duration::from_secs(60),
            departure_timeout: Duration::from_secs(20),
        };
        let participant = Box::new(participant);
        self.command(Command::Join { room: RoomName::from(ROOM), options, participant });
        self.offer(name, 0, 1, &[]);
    }

    pub fn leave(&mut self, name: &str) {
        let (participant, reason) = (ParticipantId::from(name), LeaveReason::ClientLeft);
        self.command(Command::Leave { participant, reason });
        if let Some(client) = self.clients.remove(name) {
            self.left.push(client);
        }
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
        self.command(Command::Offer { participant, id, sdp });
    }

    /// Runs until `until` after now.
    pub fn run(&mut self, until: Duration) {
        let end = self.now + until;
        loop {
            let flight = self.air.peek().map(|Reverse((at, _))| *at);
            let client = self.clients.values().map(Client::next_timeout).min();
            let next = [flight, client, self.sfu.next_timeout()].into_iter().flatten().min();
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
                let outputs = self.timed(|sfu| sfu.timeout(now));
                self.deliver(outputs);
            }
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
            let to = reached_by(way);
            let outputs = self.timed(|sfu| {
                sfu.datagram(now, way, source, to, &flight.contents);
            });
            self.deliver(outputs);
        } else {
            let from = reached_by(client.transport);
            client.datagram(now, from, &flight.contents);
            self.collect(&flight.client);
        }
    }

    /// A client's datagrams take off.
    /// A client closes its connection, as a page that goes does.
    pub fn hang_up(&mut self, name: &str) {
        let now = self.now;
        self.clients.get_mut(name).expect("a client").hang_up(now);
        self.collect(name);
    }

    fn collect(&mut self, name: &str) {
        while let Some(contents) = self.clients.get_mut(name).and_then(|c| c.sent.pop_front()) {
            self.fly(true, name.to_owned(), contents);
        }
    }

    fn fly(&mut self, to_sfu: bool, client: String, contents: Vec<u8>) {
        // The handshake is not what is tested; it also would make seeds differ in length.
        let lossy = self.clients.get(&client).is_some_and(|client| client.connected);
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

    /// Has the `Sfu` do something, takes what comes out, and counts what both cost.
    fn timed(&mut self, work: impl FnOnce(&mut Sfu)) -> Vec<Output> {
        let before = cpu_time();
        work(&mut self.sfu);
        let outputs = std::iter::from_fn(|| self.sfu.poll_output()).collect();
        self.spent += cpu_time().saturating_sub(before);
        outputs
    }

    fn deliver(&mut self, outputs: Vec<Output>) {
        for output in outputs {
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

    /// What each received stream must be like.
    pub fn check(&self) {
        let lossless = self.network.loss_percent == 0;
        for client in self.clients.values().chain(&self.left) {
            for (ssrc, stream) in &client.received {
                check_stream(&client.name, *ssrc, stream, lossless);
            }
        }
    }

    /// Frames of a track that arrived whole at a client.
    pub fn whole_frames(&self, name: &str, track: &str) -> usize {
        let number = self.numbers[track];
        let mut parts: HashMap<(u32, u32), u8> = HashMap::new();
        let mut whole = 0;
        for (ssrc, stream) in &self.clients[name].received {
            for (_, seen) in stream.packets.values().filter(|(_, s)| s.mark.track == number) {
                let have = parts.entry((*ssrc, seen.mark.frame)).or_default();
                *have += 1;
                whole += usize::from(*have == seen.mark.parts);
            }
        }
        whole
    }

    /// The longest time from one whole frame of a track to the next at a client, within the last
    /// `time`.
    pub fn longest_freeze(&self, name: &str, track: &str, time: Duration) -> Duration {
        let number = self.numbers[track];
        let since = self.now - time;
        let mut parts: HashMap<(u32, u32, u8), (u8, Instant)> = HashMap::new();
        let mut shown = vec![since, self.now];
        for (ssrc, stream) in &self.clients[name].received {
            for (seq, (_, seen)) in &stream.packets {
                if seen.mark.track != number {
                    continue;
                }
                let at = stream.arrivals[seq];
                let frame = (*ssrc, seen.mark.frame, seen.mark.layer);
                let (have, whole) = parts.entry(frame).or_insert((0, at));
                (*have, *whole) = (*have + 1, at.max(*whole));
                if *have == seen.mark.parts && *whole > since {
                    shown.push(*whole);
                }
            }
        }
        shown.sort_unstable();
        shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(time)
    }

    /// How often a track came back to a client after a break of two seconds or more; each time it
    /// must begin with a keyframe.
    pub fn resumes(&self, name: &str, track: &str) -> usize {
        let number = self.numbers[track];
        let mut resumes = 0;
        for stream in self.clients[name].received.values() {
            let seen: Vec<(&u64, &Seen)> =
                stream.packets.iter().map(|(n, (_, s))| (n, s)).collect();
            for pair in seen.windows(2) {
                let [(before, last), (seq, next)] = pair else { continue };
                if next.mark.track == number && next.mark.frame > last.mark.frame + 50 {
                    assert!(next.mark.keyframe, "{name}: {next:?}");
                    assert!(**before + 1 < **seq || next.mark.part == 0, "{name}: {next:?}");
                    resumes += 1;
                }
            }
        }
        resumes
    }

    /// Of the speech that a client got within the last `time`: the share of packets that came at
    /// all, in percent, and the longest silence.
    pub fn speech(&self, name: &str, time: Duration) -> (usize, Duration) {
        let since = self.now - time;
        let (mut came, mut sent, mut silence) = (0, 0, Duration::ZERO);
        for arrivals in self.clients[name].heard.values() {
            let recent: Vec<_> = arrivals.iter().filter(|(_, at)| **at > since).collect();
            let (Some(first), Some(last)) = (recent.first(), recent.last()) else {
                return (0, time);
            };
            came += recent.len();
            sent += (last.0 - first.0 + 1) as usize;
            let mut times: Vec<_> = recent.iter().map(|(_, at)| **at).collect();
            times.extend([since, self.now]);
            times.sort_unstable();
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            silence = silence.max(longest.unwrap_or(time));
        }
        (came * 100 / sent.max(1), silence)
    }

    /// Layer of the newest packet of a track at a client.
    pub fn layer(&self, name: &str, track: &str) -> Option<u8> {
        let number = self.numbers[track];
        let streams = self.clients[name].received.values();
        let newest = streams
            .flat_map(|stream| stream.packets.values())
            .filter(|(_, seen)| seen.mark.track == number)
            .max_by_key(|(_, seen)| seen.mark.frame);
        newest.map(|(_, seen)| seen.mark.layer)
    }
}

/// One outgoing SSRC: continuous numbers, time and pictures; starts and switches at keyframes.
fn check_stream(name: &str, ssrc: u32, stream: &Received, lossless: bool) {
    let mut last: Option<(u64, u32, Seen)> = None;
    for (seq, (time, seen)) in &stream.packets {
        let place = format!("{name}, ssrc {ssrc}, number {seq}: {seen:?} after {last:?}");
        let Some((last_seq, last_time, before)) = last.replace((*seq, *time, *seen)) else {
            if lossless {
                assert!(seen.mark.keyframe && seen.mark.part == 0, "begins mid-way: {place}");
            }
            continue;
        };
        if lossless {
            assert_eq!(*seq, last_seq + 1, "a hole: {place}");
        }
        let same_frame = before.mark.frame == seen.mark.frame
            && before.mark.layer == seen.mark.layer
            && before.mark.track == seen.mark.track;
        let advance = time.wrapping_sub(last_time);
        if same_frame {
            assert_eq!(advance, 0, "time within a frame: {place}");
            assert_eq!(seen.picture_id, before.picture_id, "picture within a frame: {place}");
            continue;
        }
        assert!(advance > 0 && advance < 0x8000_0000, "time runs back: {place}");
        let pictures = seen.picture_id.wrapping_sub(before.picture_id) & 0x7fff;
        assert!(pictures > 0 && pictures < 0x4000, "pictures run back: {place}");
        let adjacent = *seq == last_seq + 1;
        if adjacent {
            assert_eq!(pictures, 1, "a picture is missing: {place}");
            assert_eq!(seen.tl0, before.tl0.wrapping_add(1), "TL0 jumps: {place}");
        }
        let switched = before.mark.layer != seen.mark.layer || before.mark.track != seen.mark.track;
        if switched && adjacent {
            assert!(seen.mark.keyframe && seen.mark.part == 0, "switch without keyframe: {place}");
            if lossless {
                assert_eq!(before.mark.part + 1, before.mark.parts, "frame torn: {place}");
            }
        }
    }
}
