//! The other shards of a room, and what shards say to each other: at once and in order, but for packets
//! that have no place.

use super::World;
use super::network::{SFU_TCP, reached_by};
use roombox_sfu::{Command, Connections, Output, Relayed, RelayedMedia, Sfu, SfuConfig, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// Shards of a world of which nothing else is said: all simulations can be run with people on several.
pub fn usual_shards() -> usize {
    let told = std::env::var("ROOMBOX_SIM_SHARDS").ok();
    told.map_or(1, |told| told.parse().expect("ROOMBOX_SIM_SHARDS=number"))
}

pub fn shard(number: usize, estimates: bool) -> Sfu {
    let addresses = vec![reached_by(Transport::Udp, number)];
    Sfu::new(SfuConfig { addresses, tcp_addresses: vec![SFU_TCP], estimates }).numbered(number)
}

pub enum Word {
    Relayed(Box<Relayed>),
    Command(Box<Command>),
    /// Back to who said it: there was no place.
    Full(RelayedMedia),
}

pub struct Beyond {
    pub shards: Vec<Sfu>,
    /// From, to, and what.
    pub said: VecDeque<(usize, usize, Word)>,
    seats: BTreeMap<String, usize>,
    /// Where newcomers live, one after the other, over and over.
    next: usize,
    /// Packets that may still be taken; `None`: all.
    pub places: Option<usize>,
    /// What was said otherwise.
    pub words: u64,
    /// Packets that were handed over, by shard that gave and shard that took.
    pub handed: BTreeMap<(usize, usize), u64>,
}

impl Beyond {
    pub fn new(shards: usize, estimates: bool) -> Self {
        Self {
            shards: (1..shards).map(|number| shard(number, estimates)).collect(),
            said: VecDeque::new(),
            seats: BTreeMap::new(),
            next: 0,
            places: None,
            words: 0,
            handed: BTreeMap::new(),
        }
    }

    pub fn seat(&self, name: &str) -> usize {
        self.seats.get(name).copied().unwrap_or(0)
    }

    /// The shard for a newcomer.
    pub fn take_seat(&mut self, name: &str) -> usize {
        let seat = self.next % (self.shards.len() + 1);
        self.next += 1;
        self.seats.insert(name.to_owned(), seat);
        seat
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.shards.iter().filter_map(Sfu::next_timeout).min()
    }

    pub fn due(&self, now: Instant) -> Vec<usize> {
        let shards = self.shards.iter().zip(1..);
        let due = shards.filter(|(sfu, _)| sfu.next_timeout().is_some_and(|at| at <= now));
        due.map(|(_, number)| number).collect()
    }

    /// Takes what is for another shard.
    pub fn takes(&mut self, from: usize, output: Output) -> Option<Output> {
        match output {
            Output::Relay { to, what } => {
                if let Some(media) = what.media() {
                    if self.places.is_some_and(|left| !media.fits(16 - left.min(16), 16)) {
                        self.said.push_back((to, from, Word::Full(media)));
                        return None;
                    }
                    *self.handed.entry((from, to)).or_default() += 1;
                } else {
                    self.words += 1;
                }
                self.said.push_back((from, to, Word::Relayed(Box::new(what))));
            }
            Output::Pass { to, command } => self.said.push_back((from, to, Word::Command(command))),
            Output::Seat { .. } => {}
            other => return Some(other),
        }
        None
    }
}

impl World {
    /// The shard on which somebody lives.
    pub fn at(&self, name: &str) -> &Sfu {
        match self.beyond.seat(name) {
            0 => &self.sfu,
            shard => &self.beyond.shards[shard - 1],
        }
    }

    /// Connections to all shards.
    pub fn connections(&self) -> Connections {
        let shards = [&self.sfu].into_iter().chain(&self.beyond.shards);
        shards.map(Sfu::connections).fold(Connections::default(), |sum, here| Connections {
            udp: sum.udp + here.udp,
            tcp: sum.tcp + here.tcp,
        })
    }

    /// The home and another shard lose each other.
    pub fn lose(&mut self, shard: usize) {
        let now = self.now;
        self.timed(0, |sfu| sfu.lose_shard(now, shard));
        self.timed(shard, |sfu| sfu.lose_shard(now, 0));
    }

    /// Packets that all shards have forwarded.
    pub fn forwarded(&self) -> u64 {
        let shards = [&self.sfu].into_iter().chain(&self.beyond.shards);
        shards.map(|shard| shard.counters().rtp_out).sum()
    }
}
