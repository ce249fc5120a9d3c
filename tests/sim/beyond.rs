//! The other shards of a room, and what shards say to each other: in order from one to another, but
//! each pair takes its own time, so that what two say about one thing may come either way round; and
//! packets that have no place are lost.

use super::World;
use super::network::{SFU_TCP, reached_by};
use crate::chance::Chance;
use roombox_sfu::{Command, Connections, Output, Relayed, RelayedMedia, Sfu, SfuConfig, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// How long a word is on its way, at most. A shard takes what others say once a turn.
pub const USUAL_DELAY: Duration = Duration::from_millis(12);

/// Shards of a world of which nothing else is said: all simulations can be run with people on several.
pub fn usual_shards() -> usize {
    let told = std::env::var("ROOMBOX_SIM_SHARDS").ok();
    told.map_or(1, |told| told.parse().expect("ROOMBOX_SIM_SHARDS=number"))
}

pub fn shard(number: usize, estimates: bool) -> Sfu {
    let addresses = vec![reached_by(Transport::Udp, number)];
    Sfu::new(SfuConfig { addresses, tcp_addresses: vec![SFU_TCP], estimates }).numbered(number)
}

enum Word {
    Relayed(Box<Relayed>),
    Command(Box<Command>),
    /// What was to be said before is given up.
    Lost,
}

/// From one shard to another.
struct Link {
    chance: Chance,
    words: VecDeque<(Instant, Word)>,
}

pub struct Beyond {
    pub shards: Vec<Sfu>,
    /// By shard that says and shard that is told.
    links: BTreeMap<(usize, usize), Link>,
    /// Packets that had no place, by shard that sent and shard that was to get it.
    full: VecDeque<(usize, usize, RelayedMedia)>,
    /// How long a word is on its way, at most.
    pub delay: Duration,
    /// Whoever asks for something waits until the others have heard of it.
    pub patient: bool,
    seed: u64,
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
    pub fn new(seed: u64, shards: usize, estimates: bool) -> Self {
        Self {
            shards: (1..shards).map(|number| shard(number, estimates)).collect(),
            links: BTreeMap::new(),
            full: VecDeque::new(),
            delay: USUAL_DELAY,
            patient: false,
            seed,
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
        self.shards.iter().filter_map(Sfu::next_timeout).chain(self.next_arrival()).min()
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.links.values().filter_map(|link| Some(link.words.front()?.0)).min()
    }

    /// A packet that had no place: who sent it, to whom, and which.
    pub fn lost(&mut self) -> Option<(usize, usize, RelayedMedia)> {
        self.full.pop_front()
    }

    /// The next word that has arrived by now: who says it, to whom, and what.
    fn arrived(&mut self, now: Instant) -> Option<(usize, usize, Word)> {
        let at = self.next_arrival().filter(|at| *at <= now)?;
        let of = |link: &Link| link.words.front().is_some_and(|(lands, _)| *lands == at);
        let (&(from, to), link) = self.links.iter_mut().find(|(_, link)| of(link))?;
        let (_, word) = link.words.pop_front()?;
        Some((from, to, word))
    }

    fn say(&mut self, now: Instant, from: usize, to: usize, word: Word) {
        let seed = self.seed * 64 + (from * 8 + to) as u64;
        let new = || Link { chance: Chance::new(seed), words: VecDeque::new() };
        let link = self.links.entry((from, to)).or_insert_with(new);
        let wait = link.chance.below(self.delay.as_micros() as u64 + 1);
        let at = now + Duration::from_micros(wait);
        let last = link.words.back().map_or(at, |(last, _)| *last);
        link.words.push_back((at.max(last), word));
    }

    /// Nothing of what two shards have said to each other arrives any more.
    pub fn cut(&mut self, one: usize, other: usize) {
        self.links.retain(|pair, _| *pair != (one, other) && *pair != (other, one));
    }

    pub fn due(&self, now: Instant) -> Vec<usize> {
        let shards = self.shards.iter().zip(1..);
        let due = shards.filter(|(sfu, _)| sfu.next_timeout().is_some_and(|at| at <= now));
        due.map(|(_, number)| number).collect()
    }

    /// Takes what is for another shard.
    pub fn takes(&mut self, now: Instant, from: usize, output: Output) -> Option<Output> {
        match output {
            Output::Relay { to, what } => {
                if let Some(media) = what.media() {
                    if self.places.is_some_and(|left| !media.fits(16 - left.min(16), 16)) {
                        self.full.push_back((from, to, media));
                        return None;
                    }
                    *self.handed.entry((from, to)).or_default() += 1;
                } else {
                    self.words += 1;
                }
                self.say(now, from, to, Word::Relayed(Box::new(what)));
            }
            Output::Pass { to, command } => self.say(now, from, to, Word::Command(command)),
            Output::Seat { .. } => {}
            other => return Some(other),
        }
        None
    }
}

impl World {
    /// Shards hear what others said, as far as it has come.
    pub(super) fn carry(&mut self) {
        let now = self.now;
        while let Some((from, to, word)) = self.beyond.arrived(now) {
            self.timed(to, |sfu| match word {
                Word::Relayed(what) => sfu.relayed(now, from, *what),
                Word::Command(command) => sfu.command(now, *command),
                Word::Lost => sfu.lose_shard(now, from),
            });
        }
    }

    /// There and back, and to a third shard.
    pub(super) fn wait_for_all(&mut self) {
        if self.beyond.patient {
            self.run(self.beyond.delay * 4);
        }
    }

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

    /// The home and another shard lose each other, and what was under way between them.
    pub fn lose(&mut self, shard: usize) {
        let now = self.now;
        self.beyond.cut(0, shard);
        self.timed(0, |sfu| sfu.lose_shard(now, shard));
        self.timed(shard, |sfu| sfu.lose_shard(now, 0));
    }

    /// A shard gives up what it had to say to the home, which hears of that when its time comes and
    /// meanwhile goes on saying what it has to.
    pub fn give_up(&mut self, shard: usize) {
        let now = self.now;
        self.beyond.links.remove(&(shard, 0));
        self.beyond.say(now, shard, 0, Word::Lost);
        self.timed(shard, |sfu| sfu.lose_shard(now, 0));
    }

    /// Packets that all shards have forwarded.
    pub fn forwarded(&self) -> u64 {
        let shards = [&self.sfu].into_iter().chain(&self.beyond.shards);
        shards.map(|shard| shard.counters().rtp_out).sum()
    }
}
