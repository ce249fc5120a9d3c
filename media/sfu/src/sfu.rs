//! The `Sfu`: everything of one shard, driven by datagrams, commands and time.
//!
//! Inputs change state and leave outputs in a queue; [`Sfu::poll_output`] takes them. Slab keys
//! (`usize`) tie rooms, participants, peers and tracks together and never leave this crate.

use crate::bandwidth::DIVIDED_ANEW;
use crate::command::Command;
use crate::event::{Event, Notice, Output};
use crate::ids::{ParticipantId, RoomName, TrackId};
use crate::participant::Participant;
use crate::peer::{Channel, Peer, PeerEvent};
use crate::published::Published;
use crate::quality;
use crate::room::Room;
use crate::speakers;
use crate::transport::Transport;
use slab::Slab;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Rooms are looked after this often: layers that went silent, keyframes that are due, people who
/// did not come back.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// Addresses that one peer may have: interfaces of a client and mappings of a NAT. More would let
/// whoever knows a user name fill the table.
const ADDRESSES_A_PEER: usize = 32;

/// How an `Sfu` is set up.
#[derive(Debug, Clone, Default)]
pub struct SfuConfig {
    /// Where clients reach the shard's UDP socket: its ICE host candidates.
    pub addresses: Vec<SocketAddr>,
    /// Where they reach it by TCP: its passive candidates (RFC 6544).
    pub tcp_addresses: Vec<SocketAddr>,
    /// Estimate what each connection carries, and send no more; else everybody is sent what is asked
    /// for.
    pub estimates: bool,
}

/// Connections that are up, by what carries them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    pub udp: u64,
    pub tcp: u64,
}

/// Counters since start; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SfuCounters {
    pub rtp_in: u64,
    pub rtp_out: u64,
    /// Datagrams that belong to no peer.
    pub strays: u64,
    /// Datagrams of a peer that were dropped unread: str0m would choke on their numbers.
    pub refused: u64,
    /// Connections that ended because what they sent made str0m panic.
    pub broken: u64,
    pub keyframes_requested: u64,
    /// Packets that were handed over to other shards, and taken from them.
    pub relayed_out: u64,
    pub relayed_in: u64,
    /// Packets for other shards that were left out, because there was no place for them or for one
    /// that they depend on.
    pub relay_drops: u64,
}

pub(crate) struct PeerSlot {
    pub peer: Peer,
    pub participant: usize,
    /// Where its datagrams come from, newest last.
    addresses: VecDeque<(Transport, SocketAddr)>,
    /// When the timer queue will look at the peer.
    scheduled: Option<Instant>,
}

/// The media plane of one shard.
pub struct Sfu {
    pub(crate) config: SfuConfig,
    /// What other shards call this one.
    pub(crate) shard: usize,
    pub(crate) rooms: Slab<Room>,
    pub(crate) participants: Slab<Participant>,
    pub(crate) peers: Slab<PeerSlot>,
    pub(crate) tracks: Slab<Published>,
    pub(crate) room_keys: HashMap<RoomName, usize>,
    pub(crate) participant_keys: HashMap<ParticipantId, usize>,
    pub(crate) track_keys: HashMap<TrackId, usize>,
    by_address: HashMap<(Transport, SocketAddr), usize>,
    by_ufrag: HashMap<String, usize>,
    pub(crate) timers: BinaryHeap<Reverse<(Instant, usize)>>,
    next_housekeeping: Option<Instant>,
    next_speakers: Option<Instant>,
    next_division: Option<Instant>,
    next_judgement: Option<Instant>,
    /// Participants whose subscriptions need sections, offers or layers.
    pub(crate) unsettled: Vec<usize>,
    /// Participants whose bandwidth is to be divided anew.
    pub(crate) undivided: Vec<usize>,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) counters: SfuCounters,
    connections: Connections,
    /// Rooms of which this shard has a copy, and participants who live elsewhere.
    pub(crate) copied_rooms: usize,
    pub(crate) far_people: usize,
    spilled: usize,
}

impl Sfu {
    pub fn new(config: SfuConfig) -> Self {
        Self {
            config,
            shard: 0,
            rooms: Slab::new(),
            participants: Slab::new(),
            peers: Slab::new(),
            tracks: Slab::new(),
            room_keys: HashMap::new(),
            participant_keys: HashMap::new(),
            track_keys: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            timers: BinaryHeap::new(),
            next_housekeeping: None,
            next_speakers: None,
            next_division: None,
            next_judgement: None,
            unsettled: Vec::new(),
            undivided: Vec::new(),
            outputs: VecDeque::new(),
            counters: SfuCounters::default(),
            connections: Connections::default(),
            copied_rooms: 0,
            far_people: 0,
            spilled: 0,
        }
    }

    /// Gives the shard the number by which others name it; without one it is 0.
    #[must_use]
    pub fn numbered(mut self, shard: usize) -> Self {
        self.shard = shard;
        self
    }

    /// Where clients reach the shard from now on: the candidates of new connections.
    pub fn reached_at(&mut self, config: SfuConfig) {
        self.config = config;
    }

    /// Whether a connection goes by this local ICE user name fragment.
    pub fn knows(&self, ufrag: &str) -> bool {
        self.by_ufrag.contains_key(ufrag)
    }

    /// Takes a datagram. One that belongs to nobody is counted and dropped; false then.
    pub fn datagram(
        &mut self,
        now: Instant,
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> bool {
        let Some(key) = self.peer_of((transport, source), contents) else {
            self.counters.strays += 1;
            return false;
        };
        if let Some(slot) = self.peers.get_mut(key) {
            if !slot.peer.datagram(now, transport, source, destination, contents) {
                self.counters.refused += 1;
                return true;
            }
            self.after(now, key);
            self.settle(now);
        }
        true
    }

    /// The peer behind an address; on first contact by the local half of the STUN user name
    /// (RFC 8445 §7.3).
    fn peer_of(&mut self, source: (Transport, SocketAddr), contents: &[u8]) -> Option<usize> {
        // A STUN binding request may move an address to another peer: a new tab behind one NAT
        // mapping. All else follows the table.
        if let Some(ufrag) = crate::peer::stun_local_ufrag(contents) {
            let key = *self.by_ufrag.get(ufrag)?;
            if self.by_address.insert(source, key) != Some(key) {
                self.remember_address(source, key);
            }
            return Some(key);
        }
        self.by_address.get(&source).copied()
    }

    fn remember_address(&mut self, source: (Transport, SocketAddr), key: usize) {
        let Some(slot) = self.peers.get_mut(key) else {
            return;
        };
        slot.addresses.push_back(source);
        if slot.addresses.len() > ADDRESSES_A_PEER
            && let Some(oldest) = slot.addresses.pop_front()
        {
            Self::forget_address(&mut self.by_address, oldest, key);
        }
    }

    /// An address may belong to another peer by now.
    fn forget_address(
        by_address: &mut HashMap<(Transport, SocketAddr), usize>,
        address: (Transport, SocketAddr),
        key: usize,
    ) {
        if by_address.get(&address) == Some(&key) {
            by_address.remove(&address);
        }
    }

    /// Takes a request from a door or service.
    pub fn command(&mut self, now: Instant, command: Command) {
        self.wake_clocks(now);
        self.obey(now, command);
        self.settle(now);
    }

    /// What has to be done again and again begins, unless it goes on already.
    pub(crate) fn wake_clocks(&mut self, now: Instant) {
        self.next_housekeeping.get_or_insert(now + HOUSEKEEPING);
        self.next_speakers.get_or_insert(now + speakers::WINDOW);
        self.next_division.get_or_insert(now + DIVIDED_ANEW);
        self.next_judgement.get_or_insert(now + quality::JUDGED);
    }

    /// Lets time pass. To be called at [`Sfu::next_timeout`], or later.
    pub fn timeout(&mut self, now: Instant) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            let Some(slot) = self.peers.get_mut(key) else {
                continue;
            };
            if slot.scheduled == Some(at) {
                slot.scheduled = None;
                if slot.peer.timeout() <= now {
                    slot.peer.wake(now);
                }
                self.after(now, key);
            }
        }
        if self.next_housekeeping.is_some_and(|at| at <= now) {
            self.housekeeping(now);
            self.end_simulated_speech(now);
            self.play_preludes(now);
            self.count_connections();
            self.next_housekeeping = (!self.rooms.is_empty()).then_some(now + HOUSEKEEPING);
        }
        if self.next_division.is_some_and(|at| at <= now) {
            self.divide_all();
            self.next_division = (!self.rooms.is_empty()).then_some(now + DIVIDED_ANEW);
        }
        if self.next_judgement.is_some_and(|at| at <= now) {
            self.judge_connections(now);
            self.next_judgement = (!self.rooms.is_empty()).then_some(now + quality::JUDGED);
        }
        if self.next_speakers.is_some_and(|at| at <= now) {
            self.announce_speakers(now);
            self.next_speakers = (!self.rooms.is_empty()).then_some(now + speakers::WINDOW);
        }
        self.settle(now);
    }

    /// When [`Sfu::timeout`] wants to be called.
    pub fn next_timeout(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let Self { next_housekeeping, next_speakers, next_division, next_judgement, .. } = self;
        let own = [next_housekeeping, next_speakers, next_division, next_judgement];
        own.into_iter().copied().chain([timer]).flatten().min()
    }

    /// Takes the next output. To be called until there is none after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn counters(&self) -> SfuCounters {
        self.counters
    }

    /// Connections that are up, as of the last look.
    pub fn connections(&self) -> Connections {
        self.connections
    }

    fn count_connections(&mut self) {
        self.spilled = self.rooms.iter().filter(|(_, room)| room.shards() > 1).count();
        let carriers = self.peers.iter().filter_map(|(_, slot)| slot.peer.carried_by());
        self.connections = carriers.fold(Connections::default(), |mut count, carrier| {
            match carrier {
                Transport::Udp => count.udp += 1,
                Transport::Tcp => count.tcp += 1,
            }
            count
        });
    }

    /// Rooms that are at home in this shard, and participants who live in it.
    pub fn population(&self) -> (usize, usize) {
        (self.rooms.len() - self.copied_rooms, self.participants.len() - self.far_people)
    }

    /// Rooms at home here of which people live on other shards, too, as of the last look.
    pub fn spilled(&self) -> usize {
        self.spilled
    }

    /// After a change to a peer: takes its datagrams and events, and reads its clock.
    pub(crate) fn after(&mut self, now: Instant, key: usize) {
        // Handling an event may change the same peer again.
        while let Some(slot) = self.peers.get_mut(key) {
            Self::collect(&mut self.outputs, slot);
            let Some(event) = slot.peer.events.pop_front() else {
                break;
            };
            self.peer_event(now, key, event);
        }
        self.reschedule(key);
    }

    fn collect(outputs: &mut VecDeque<Output>, slot: &mut PeerSlot) {
        outputs.extend(slot.peer.transmits.drain(..).map(|transmit| Output::Transmit {
            transport: transmit.transport,
            source: transmit.source,
            destination: transmit.destination,
            contents: transmit.contents,
        }));
    }

    /// After a packet was written to a peer: only its datagrams and clock, its events wait for the
    /// peer's own turn.
    pub(crate) fn after_write(
        outputs: &mut VecDeque<Output>,
        timers: &mut BinaryHeap<Reverse<(Instant, usize)>>,
        key: usize,
        slot: &mut PeerSlot,
    ) {
        Self::collect(outputs, slot);
        Self::schedule(timers, key, slot);
    }

    fn schedule(
        timers: &mut BinaryHeap<Reverse<(Instant, usize)>>,
        key: usize,
        slot: &mut PeerSlot,
    ) {
        let at = slot.peer.timeout();
        if slot.scheduled.is_none_or(|scheduled| at < scheduled) {
            slot.scheduled = Some(at);
            timers.push(Reverse((at, key)));
        }
    }

    fn reschedule(&mut self, key: usize) {
        if let Some(slot) = self.peers.get_mut(key) {
            Self::schedule(&mut self.timers, key, slot);
        }
    }

    fn peer_event(&mut self, now: Instant, key: usize, event: PeerEvent) {
        match event {
            PeerEvent::Rtp(packet) => self.rtp(now, key, &packet),
            PeerEvent::Estimate => self.estimated(key),
            PeerEvent::Connected => self.peer_connected(now, key),
            PeerEvent::Lost(lost) => self.peer_lost(now, key, lost),
            PeerEvent::Closed => self.peer_closed(now, key),
            PeerEvent::Broken => {
                self.counters.broken += 1;
                self.peer_lost(now, key, true);
            }
            PeerEvent::KeyframeWanted(mid) => self.keyframe_wanted(now, key, mid),
            PeerEvent::ChannelOpened(channel) => {
                tracing::debug!(?channel, "data channel open");
                self.send_missed(now, key);
            }
            PeerEvent::Data(channel, message) => {
                let Some(slot) = self.peers.get(key) else {
                    return;
                };
                match channel {
                    _ if self.participants[slot.participant].waits() => {}
                    Channel::DataTrack => self.data_packet(now, slot.participant, message),
                    _ => self.tell(slot.participant, Event::Data { channel, message }),
                }
            }
        }
    }

    pub(crate) fn add_peer(&mut self, now: Instant, participant: usize) -> usize {
        let peer = Peer::new(now, &self.reach_of(now, participant));
        let ufrag = peer.ufrag().to_owned();
        let key = self.peers.insert(PeerSlot {
            peer,
            participant,
            addresses: VecDeque::new(),
            scheduled: None,
        });
        self.by_ufrag.insert(ufrag, key);
        self.after(now, key);
        key
    }

    /// The client may have restarted ICE: its next contact uses the new name.
    pub(crate) fn learn_ufrag(&mut self, key: usize) {
        if let Some(slot) = self.peers.get(key) {
            self.by_ufrag.insert(slot.peer.ufrag().to_owned(), key);
        }
    }

    pub(crate) fn remove_peer(&mut self, now: Instant, key: usize) {
        let Some(slot) = self.peers.get_mut(key) else {
            return;
        };
        slot.peer.close(now);
        Self::collect(&mut self.outputs, slot);
        let slot = self.peers.remove(key);
        for address in slot.addresses {
            Self::forget_address(&mut self.by_address, address, key);
        }
        self.by_ufrag.retain(|_, peer| *peer != key);
    }

    /// Queues an event for a participant's door. Who lives elsewhere is told there.
    pub(crate) fn tell(&mut self, participant: usize, event: Event) {
        if let Some(found) = self.participants.get(participant).filter(|found| found.far.is_none())
        {
            self.outputs.push_back(Output::Event {
                participant: found.info.id.clone(),
                event: Box::new(event),
            });
        }
    }

    /// Queues news for services: they hear of a room from its home.
    pub(crate) fn notice(&mut self, notice: Notice) {
        let room = self.room_keys.get(&notice.room().name);
        if room.is_some_and(|room| !self.is_home(*room)) {
            return;
        }
        self.outputs.push_back(Output::Notice(Box::new(notice)));
    }

    pub(crate) fn settle(&mut self, now: Instant) {
        while !self.unsettled.is_empty() || !self.undivided.is_empty() {
            if let Some(participant) = self.unsettled.pop() {
                self.reconcile(now, participant);
            }
            self.divide_due(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{NewParticipant, RoomOptions, TransportMode};
    use crate::view::{Permissions, Standing};

    fn join(id: &str) -> Command {
        let permissions = Permissions { can_update_metadata: false, ..Permissions::everything() };
        let participant = Box::new(NewParticipant {
            id: id.into(),
            identity: id.into(),
            name: String::new(),
            metadata: String::new(),
            attributes: Default::default(),
            permissions,
            standing: Standing::Member,
            known_as: None,
            joined_unix_ms: 0,
            auto_subscribe: true,
            auto_subscribe_data: false,
            hears_by_packets: false,
            mode: TransportMode::Single,
            note: [].into(),
        });
        let options = RoomOptions {
            sid: "RM_1".to_owned(),
            metadata: String::new(),
            created_unix_ms: 0,
            opened_with: String::new(),
            max_participants: 0,
            video_codecs: Default::default(),
            lobby: false,
            empty_timeout: Duration::ZERO,
            departure_timeout: Duration::ZERO,
        };
        Command::Join { room: "room".into(), options, participant }
    }

    /// A STUN binding request for a user name, without a valid signature.
    fn knock(ufrag: &str) -> Vec<u8> {
        let name = format!("{ufrag}:x");
        let padded = name.len().next_multiple_of(4);
        let mut message = vec![0, 1, 0, (padded + 4) as u8, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        message.extend([0, 6, 0, name.len() as u8]);
        message.extend(name.as_bytes());
        message.resize(24 + padded, 0);
        message
    }

    #[test]
    fn a_known_user_name_cannot_fill_the_address_table() {
        let now = Instant::now();
        let here = SocketAddr::from(([10, 0, 0, 1], 7882));
        let mut sfu = Sfu::new(SfuConfig { addresses: vec![here], ..SfuConfig::default() });
        sfu.command(now, join("PA_1"));
        let ufrag = sfu.by_ufrag.keys().next().expect("a peer").clone();
        for port in 1..2000 {
            let source = SocketAddr::from(([10, 0, 0, 9], port));
            assert!(sfu.datagram(now, Transport::Udp, source, here, &knock(&ufrag)));
        }
        assert_eq!(sfu.by_address.len(), ADDRESSES_A_PEER);
        sfu.command(
            now,
            Command::Leave { participant: "PA_1".into(), reason: crate::LeaveReason::ClientLeft },
        );
        assert!(sfu.by_address.is_empty() && sfu.by_ufrag.is_empty());
    }
}
