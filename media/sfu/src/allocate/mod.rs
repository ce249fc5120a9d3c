//! Which layer each subscription of one participant gets, so that all of them fit its connection.
//!
//! Pure: it knows no clock, no connection and no room. Time, the estimate and what is wanted are
//! arguments; what it remembers is only what keeps layers from flapping.
//!
//! ```text
//!   estimate ──┐   minus audio, which is never paused
//!   audio ─────┼─► the lowest layer for each, by importance ─► the second ─► … ─► [`Allocation`]
//!   wants ─────┘   down at once; up one layer, when there was room for a while
//!                  dark only when there was no room for a while ([`dips`])
//! ```

mod dips;
mod doubt;
mod rate;

pub(crate) use dips::Belief;
pub(crate) use doubt::Doubt;
pub(crate) use rate::RateMeter;

use crate::quality::Shortage;
use dips::Bridge;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A subscription goes up when the estimate has had room for it for so long. Shorter waits flap:
/// each layer change costs a keyframe, and the estimate itself swings for a second or two after one.
const HOLD: Duration = Duration::from_secs(2);
/// Room means this share of the estimate, in percent: estimates swing by some 15 % around what a
/// link carries.
const SAFE_PERCENT: u64 = 80;
/// The same for a picture that is dark: a swing does not take it away again ([`dips`]).
const DARK_PERCENT: u64 = 90;
/// The first estimates of a connection are guesses that grow within a second: until then what fits
/// is given at once.
const START_UP: Duration = Duration::from_secs(3);

/// Who gets bandwidth first, most important first: a screen before cameras, then as the client
/// says, then who speaks, then the larger tile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Importance {
    pub screen: bool,
    /// The client's word, 1 the most important; 0: it said nothing.
    pub priority: u32,
    pub speaking: bool,
    /// Pixels of the tile; 0: as large as there is.
    pub pixels: u64,
}

/// One layer that could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerCost {
    /// Index into the track's layers.
    pub layer: usize,
    /// Bits per second.
    pub bps: u64,
}

/// A video subscription that somebody looks at. What is invisible is not in the list, and so costs
/// nothing.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    /// Names the subscription.
    pub track: usize,
    pub importance: Importance,
    /// Layers that are sent and not larger than what is shown, smallest first; at least one.
    pub layers: Vec<LayerCost>,
}

/// Who gets what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Allocation {
    /// Layer by subscription; `None`: paused.
    pub layers: HashMap<usize, Option<usize>>,
    /// Bits per second that would make everybody content.
    pub desired: u64,
    /// Bits per second that the connection should carry now, with padding if media is less, so that
    /// its estimate can grow to the next layer; 0 when everybody is content.
    pub minimum: u64,
}

/// What the last allocation gave one subscription.
#[derive(Debug)]
struct Given {
    layer: Option<usize>,
    /// It got less than it wanted.
    short: bool,
    /// Since when there is room for more.
    room_since: Option<Instant>,
}

/// Divides one connection's bandwidth among its subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    given: HashMap<usize, Given>,
    /// When there was first something to divide.
    begun: Option<Instant>,
    bridge: Bridge,
}

/// Bits per second for pictures.
#[derive(Debug, Clone, Copy)]
struct Budget {
    now: u64,
    /// For the lowest layers of those that are shown; not less.
    lasting: u64,
}

impl Allocator {
    /// Divides what is believed of a connection (`None`: unlimited) among audio that takes `audio` bits per
    /// second and `wants`, in any order.
    pub(crate) fn allocate(
        &mut self,
        now: Instant,
        belief: Option<Belief>,
        audio: u64,
        wants: &[Want],
    ) -> Allocation {
        let estimate = belief.map(|belief| belief.now);
        let wants = by_importance(wants);
        let tops: Vec<usize> = wants.iter().map(|want| want.layers.len()).collect();
        let budget = estimate.map_or(u64::MAX, |estimate| estimate.saturating_sub(audio));
        let caps = match estimate {
            Some(estimate) => {
                let held = self.held(&wants).1.min(budget);
                let room = |percent: u64| {
                    let safe = (estimate.saturating_mul(percent) / 100).saturating_sub(audio);
                    // What is sent already is safe as well: another may have it.
                    let safe = safe.max(held);
                    fill(Budget { now: safe, lasting: safe }, &wants, &tops, &[])
                };
                let (safe, fits) = (room(SAFE_PERCENT), room(DARK_PERCENT));
                self.caps(now, &wants, &safe, &fits)
            }
            None => tops.clone(),
        };
        let shown = self.held(&wants).0;
        let first = wants.iter().zip(&shown).find(|(_, rung)| **rung > 0);
        let first = first.map_or(0, |(want, _)| audio + cost(want, 1));
        let lasting = belief.map_or(u64::MAX, |belief| match self.bridge.is_worn(now) {
            true => budget,
            false => belief.lasting(first).saturating_sub(audio),
        });
        let rungs = fill(Budget { now: budget, lasting }, &wants, &caps, &shown);
        self.remember(&wants, &rungs);
        self.bridge.bears(now, total(&wants, &rungs) > budget);
        let next = next_step(&wants, &rungs);
        Allocation {
            layers: wants.iter().zip(&rungs).map(|(w, rung)| (w.track, layer(w, *rung))).collect(),
            desired: audio + total(&wants, &tops),
            minimum: next.map_or(0, |step| {
                ((audio + total(&wants, &rungs) + step) * 100).div_ceil(SAFE_PERCENT)
            }),
        }
    }

    /// What somebody looks at and does not get, or not as large as wanted.
    pub(crate) fn shortage(&self) -> Shortage {
        let of = |given: &Given| match given.layer {
            None => Shortage::Picture,
            Some(_) if given.short => Shortage::Detail,
            Some(_) => Shortage::Nothing,
        };
        self.given.values().map(of).max().unwrap_or_default()
    }

    /// How far up each subscription may go now: whoever is new or was content, to what it wants;
    /// whoever got less, one layer up once `safe` has had room for that long enough, or `fits` for one that
    /// is dark.
    fn caps(
        &mut self,
        now: Instant,
        wants: &[&Want],
        safe: &[usize],
        fits: &[usize],
    ) -> Vec<usize> {
        let begun = match wants.is_empty() {
            true => self.begun,
            false => Some(*self.begun.get_or_insert(now)),
        };
        let tops: Vec<usize> = wants.iter().map(|want| want.layers.len()).collect();
        if begun.is_some_and(|begun| now.saturating_duration_since(begun) < START_UP) {
            return tops;
        }
        let (held, _) = self.held(wants);
        let mut caps = tops;
        for (n, want) in wants.iter().enumerate() {
            let Some(given) = self.given.get_mut(&want.track).filter(|given| given.short) else {
                continue;
            };
            caps[n] = held[n];
            let room = if held[n] == 0 { fits } else { safe };
            if !has_room(n, &held, room) {
                given.room_since = None;
                continue;
            }
            let since = *given.room_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= HOLD {
                given.room_since = None;
                caps[n] += 1;
            }
        }
        caps
    }

    /// The rung that each subscription has, and what all take together.
    fn held(&self, wants: &[&Want]) -> (Vec<usize>, u64) {
        let rung = |want: &&Want| {
            self.given.get(&want.track).map_or(0, |given| rung_of(want, given.layer))
        };
        let rungs: Vec<usize> = wants.iter().map(rung).collect();
        let total = total(wants, &rungs);
        (rungs, total)
    }

    fn remember(&mut self, wants: &[&Want], rungs: &[usize]) {
        let mut before = std::mem::take(&mut self.given);
        for (want, rung) in wants.iter().zip(rungs) {
            let layer = layer(want, *rung);
            let short = *rung < want.layers.len();
            // What went down must see room anew.
            let room_since = before
                .remove(&want.track)
                .filter(|given| given.layer == layer)
                .and_then(|given| given.room_since);
            self.given.insert(want.track, Given { layer, short, room_since });
        }
    }
}

/// Sorts by importance; equals by their names, so that they do not change places.
fn by_importance(wants: &[Want]) -> Vec<&Want> {
    let mut sorted: Vec<&Want> = wants.iter().collect();
    let unsaid = |number: u64| if number == 0 { u64::MAX } else { number };
    sorted.sort_by_key(|want| {
        let Importance { screen, priority, speaking, pixels } = want.importance;
        let said = unsaid(u64::from(priority));
        (Reverse(screen), said, Reverse(speaking), Reverse(unsaid(pixels)), want.track)
    });
    sorted
}

/// The rung of each subscription within a budget: 0 paused, else one more than the place of its
/// layer. All get their first rung, as far as that fits, before anybody gets a second one. Whoever
/// does not fit at all leaves what there is to the less important. `shown`: the rungs that they have.
fn fill(budget: Budget, wants: &[&Want], caps: &[usize], shown: &[usize]) -> Vec<usize> {
    let mut rungs = vec![0; wants.len()];
    let mut left = budget;
    let highest = caps.iter().copied().max().unwrap_or(0);
    for rung in 1..=highest {
        for (n, want) in wants.iter().enumerate() {
            if caps[n] < rung || rungs[n] + 1 != rung {
                continue;
            }
            let step = cost(want, rung) - cost(want, rung - 1);
            let is_shown = rung == 1 && shown.get(n).is_some_and(|has| *has > 0);
            if step <= if is_shown { left.lasting } else { left.now } {
                left.now = left.now.saturating_sub(step);
                // Nobody is begun, nor gets more, over what is believed now.
                left.lasting = if is_shown { left.lasting.saturating_sub(step) } else { left.now };
                rungs[n] = rung;
            }
        }
    }
    rungs
}

/// Whether `safe` has room for one more rung of number `n` and for all that comes before it: what
/// others would have to give up for it, and would take back at the next swing, is no room.
fn has_room(n: usize, held: &[usize], safe: &[usize]) -> bool {
    let rung = held[n] + 1;
    let first = |other: usize| if other < n { rung } else { rung - 1 };
    safe[n] >= rung && (0..held.len()).filter(|o| *o != n).all(|o| safe[o] >= held[o].min(first(o)))
}

/// What a rung costs, in bits per second. A layer never costs less than a smaller one: what it takes
/// at the moment, a still picture perhaps, is not what it will take.
fn cost(want: &Want, rung: usize) -> u64 {
    want.layers.iter().take(rung).map(|layer| layer.bps).max().unwrap_or(0)
}

fn total(wants: &[&Want], rungs: &[usize]) -> u64 {
    wants.iter().zip(rungs).map(|(want, rung)| cost(want, *rung)).sum()
}

fn layer(want: &Want, rung: usize) -> Option<usize> {
    Some(want.layers.get(rung.checked_sub(1)?)?.layer)
}

/// The rung of a layer, or of the best one below it that is still there.
fn rung_of(want: &Want, layer: Option<usize>) -> usize {
    layer.map_or(0, |held| want.layers.iter().take_while(|there| there.layer <= held).count())
}

/// Bits per second that the next one to go up would need on top: the most important of those that
/// have least.
fn next_step(wants: &[&Want], rungs: &[usize]) -> Option<u64> {
    let short = wants.iter().zip(rungs).filter(|(want, rung)| **rung < want.layers.len());
    let (want, rung) = short.min_by_key(|(_, rung)| **rung)?;
    Some(cost(want, rung + 1) - cost(want, *rung))
}

#[cfg(test)]
mod tests;
