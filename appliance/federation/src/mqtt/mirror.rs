//! What the broker keeps of this box, and what must be sent so that it keeps what is so. Pure.
//!
//! One payload a topic: what was not sent yet and is not so any more is never sent. Nothing is remembered
//! over a lost connection but what is so; the broker itself says what it kept meanwhile.

use super::discovery::{Platforms, platforms, without};
use super::topics::{Known, Topics};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Topics that are taken away in one connection: a broker that keeps more of this box loses the rest after
/// the next one.
const MOST_STALE: usize = 1000;
/// Changes of discovery that may wait; each room has one at a time.
const MOST_PARTINGS: usize = 1000;

/// Topics with their payloads.
pub type Payloads = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub struct Mirror {
    wanted: Payloads,
    told: Payloads,
    /// Payloads that say what is gone, before those without it.
    partings: VecDeque<(String, String)>,
    /// Kept by the broker, and not so any more.
    stale: BTreeSet<String>,
}

impl Mirror {
    /// This is so now.
    pub fn want(&mut self, wanted: Payloads) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        for (topic, payload) in before {
            match self.wanted.contains_key(&topic) {
                true => self.part(&topic, &platforms(payload.as_bytes())),
                false => self.outdated(topic),
            }
        }
    }

    /// The broker had kept this.
    pub fn heard(&mut self, topics: &Topics, topic: &str, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let known = topics.know(topic);
        if !matches!(known, Known::Config { .. } | Known::RoomState { .. }) {
            return;
        }
        match self.wanted.contains_key(topic) {
            true if matches!(known, Known::Config { .. }) => self.part(topic, &platforms(payload)),
            true => {}
            false => self.outdated(topic.to_owned()),
        }
    }

    fn outdated(&mut self, topic: String) {
        self.told.remove(&topic);
        if self.stale.len() < MOST_STALE {
            self.stale.insert(topic);
        }
    }

    /// Those that a device had and has no more are said to be gone.
    fn part(&mut self, topic: &str, had: &Platforms) {
        let Some(now) = self.wanted.get(topic) else { return };
        let has = platforms(now.as_bytes());
        let gone = had.iter().filter(|(key, _)| !has.contains_key(*key));
        let gone: Platforms = gone.map(|(key, kind)| (key.clone(), kind.clone())).collect();
        if gone.is_empty() || self.partings.len() >= MOST_PARTINGS {
            return;
        }
        if let Some(parting) = without(now, &gone) {
            self.partings.push_back((topic.to_owned(), parting));
            self.told.remove(topic);
        }
    }

    /// What is to be sent next; whoever takes it sends it.
    pub fn next(&mut self) -> Option<(String, String)> {
        if let Some(parting) = self.partings.pop_front() {
            return Some(parting);
        }
        while let Some(topic) = self.stale.pop_first() {
            // It may have come back meanwhile.
            if !self.wanted.contains_key(&topic) {
                return Some((topic, String::new()));
            }
        }
        let news = |(topic, payload): &(&String, &String)| self.told.get(*topic) != Some(*payload);
        let (topic, payload) = self.wanted.iter().find(news)?;
        let news = (topic.clone(), payload.clone());
        self.told.insert(news.0.clone(), news.1.clone());
        Some(news)
    }

    /// Whether something is still to be sent.
    pub fn waits(&self) -> bool {
        let news = |(topic, payload)| self.told.get(topic) != Some(payload);
        !self.partings.is_empty() || !self.stale.is_empty() || self.wanted.iter().any(news)
    }

    /// Nobody knows what arrived: everything is told again.
    pub fn again(&mut self) {
        self.told.clear();
    }

    /// The connection is gone, and with it what the broker said that it had kept.
    pub fn lost(&mut self) {
        self.again();
        self.partings.clear();
        self.stale.clear();
    }

    /// Topics of everything that the broker may keep.
    pub fn topics(&self) -> impl Iterator<Item = &String> {
        self.wanted.keys()
    }
}
