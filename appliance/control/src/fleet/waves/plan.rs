//! Which boxes of a group are updated when. Pure: time is an argument.
//!
//! ```text
//! queued ── its turn, and it is here ──► sent ── it says so ──► waiting ──► working ──► done
//!    ▲                                    │                        │           ├──────► rolled back, failed
//!    └── silent, or the wave rests ───────┘◄── recalled ───────────┘           │
//!                                              refused by its owner ◄──────────┘
//! ```
//! A turn begins when nothing of the one before is under way any more, and its pause has passed. After as many
//! boxes as somebody said have rolled back or failed, none begins any more: what has begun ends, and what only waits is
//! called back.

use super::WaveAct;
use crate::clock::UnixMs;
use crate::fleet::ordered::{OrderPhase, OrderPulse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A box is told again after this, milliseconds.
const AGAIN_MS: u64 = 30_000;
/// A box that was at it and has been silent for so long does not come back by itself, milliseconds.
const LOST_MS: u64 = 60 * 60 * 1000;

/// Where a wave stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaveState {
    Running,
    /// Somebody wants it to rest.
    Paused,
    /// Too many boxes rolled back or failed.
    Halted,
    /// Somebody has ended it.
    Stopped,
    Done,
}

/// Where a box stands in a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaveBoxState {
    Queued,
    /// It was told, and has not answered.
    Sent,
    /// For the night, or for people and recordings.
    Waiting,
    Working,
    /// It came back healthy, in the new version.
    Done,
    /// It came back in the old version.
    RolledBack,
    Failed,
    /// Its owner refuses updates of the fleet.
    Refused,
}

impl WaveBoxState {
    fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::RolledBack | Self::Failed | Self::Refused)
    }

    fn under_way(self) -> bool {
        matches!(self, Self::Sent | Self::Waiting | Self::Working)
    }
}

/// A box of a wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaveBox {
    pub id: String,
    pub name: String,
    pub state: WaveBoxState,
    /// Why it is not done, as the box says.
    #[schema(required)]
    pub why: Option<String>,
    /// When it was told, or recalled, last.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) told: UnixMs,
    /// When it was heard last while it was at it.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) heard: UnixMs,
    /// It was told, and has not shown since whether it knows.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) unsure: bool,
    /// It counts as failed because it is silent: what it says when it is back counts more.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) lost: bool,
}

/// An update of a group, box by box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wave {
    pub id: String,
    /// Of the group.
    pub name: String,
    pub made_at: UnixMs,
    pub state: WaveState,
    pub version: String,
    /// Where the bundle is; absent: each box's channel offers it.
    #[schema(required)]
    pub url: Option<String>,
    /// Boxes install and restart at night, by their own settings of when that is.
    pub night: bool,
    /// So many boxes a turn.
    pub at_once: u32,
    /// Between two turns, seconds.
    pub pause_s: u32,
    /// It halts when so many boxes have rolled back or failed.
    pub halt_after: u32,
    pub boxes: Vec<WaveBox>,
    /// So many had fallen when somebody had it go on all the same.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) forgiven: u32,
    /// When something was under way last.
    #[serde(default)]
    #[schema(ignore)]
    pub(super) rested: UnixMs,
}

/// What is known of a box now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Says {
    pub here: bool,
    pub refuses: bool,
    /// The order that it has.
    pub order: Option<OrderPulse>,
}

/// What a box is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    Update,
    /// Not any more, if it has not begun.
    Recall,
}

impl Wave {
    /// Whether nothing of it begins any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, WaveState::Stopped | WaveState::Done)
    }

    /// Whether boxes are still to be heard: in one that is over, those that have begun, or may begin yet.
    pub(super) fn is_open(&self) -> bool {
        let open = |one: &WaveBox| one.state.under_way() || one.unsure || one.lost;
        !self.is_over() || self.boxes.iter().any(open)
    }

    /// Nothing that somebody would want to know has changed, nor what a restart must know.
    pub(super) fn same_but_for_times(&self, other: &Self) -> bool {
        let seen = |wave: &Self| {
            let of = |one: &WaveBox| (one.state, one.why.clone(), one.unsure, one.lost);
            (wave.state, wave.boxes.iter().map(of).collect::<Vec<_>>())
        };
        // When it, or one of its boxes, was at it last is written each minute.
        let near = |now: UnixMs, before: UnixMs| now.0.abs_diff(before.0) < 60_000;
        let heard = |(now, before): (&WaveBox, &WaveBox)| near(now.heard, before.heard);
        let heard = self.boxes.iter().zip(&other.boxes).all(heard);
        seen(self) == seen(other) && near(self.rested, other.rested) && heard
    }

    /// Somebody wants it to rest, to go on or to end.
    pub(super) fn act(&mut self, act: WaveAct) {
        self.state = match act {
            WaveAct::Pause => WaveState::Paused,
            WaveAct::Stop => WaveState::Stopped,
            WaveAct::Resume => {
                // As many more may fall as somebody said.
                if self.state == WaveState::Halted {
                    self.forgiven = self.fallen();
                }
                WaveState::Running
            }
        };
    }

    fn fallen(&self) -> u32 {
        let bad =
            |one: &&WaveBox| matches!(one.state, WaveBoxState::RolledBack | WaveBoxState::Failed);
        u32::try_from(self.boxes.iter().filter(bad).count()).unwrap_or(u32::MAX)
    }

    /// Takes what boxes say, and says which are to be told what. `since`: when this hub began to listen; what
    /// boxes said before, it cannot know.
    pub(super) fn look(
        &mut self,
        now: UnixMs,
        since: UnixMs,
        says: impl Fn(&str) -> Says,
    ) -> Vec<(String, Tell)> {
        // The clock may have gone back.
        self.rested = self.rested.min(now);
        let said: Vec<Says> = self.boxes.iter().map(|one| says(&one.id)).collect();
        for (one, said) in self.boxes.iter_mut().zip(&said) {
            (one.told, one.heard) = (one.told.min(now), one.heard.min(now));
            one.hear(&self.id, said, now, since);
        }
        let goes = matches!(self.state, WaveState::Running | WaveState::Paused);
        if goes && self.fallen().saturating_sub(self.forgiven) >= self.halt_after {
            self.state = WaveState::Halted;
        }
        if self.state == WaveState::Running {
            self.turn(now, &said);
        }
        self.told(now, &said)
    }

    /// Begins the next turn, if it is time.
    fn turn(&mut self, now: UnixMs, said: &[Says]) {
        if self.boxes.iter().any(|one| one.state.under_way()) {
            self.rested = now;
            return;
        }
        if self.boxes.iter().all(|one| one.state.is_over()) {
            self.state = WaveState::Done;
            return;
        }
        let pause = u64::from(self.pause_s) * 1000;
        if self.rested.0 > 0 && now.0 < self.rested.0.saturating_add(pause) {
            return;
        }
        let due = self.boxes.iter_mut().zip(said);
        let due = due.filter(|(one, said)| one.state == WaveBoxState::Queued && said.here);
        for (one, _) in due.take(self.at_once as usize) {
            (one.state, one.told) = (WaveBoxState::Sent, UnixMs(0));
            self.rested = now;
        }
    }

    fn told(&mut self, now: UnixMs, said: &[Says]) -> Vec<(String, Tell)> {
        let running = self.state == WaveState::Running;
        let mut tell = Vec::new();
        for (one, said) in self.boxes.iter_mut().zip(said) {
            if one.state == WaveBoxState::Sent && !running {
                one.state = WaveBoxState::Queued;
                // Whoever is here hears at once that it is not wanted any more.
                one.told = if said.here { UnixMs(0) } else { one.told };
            }
            let what = match one.state {
                WaveBoxState::Sent => Tell::Update,
                WaveBoxState::Waiting if !running => Tell::Recall,
                WaveBoxState::Queued if !running && one.unsure => Tell::Recall,
                _ => continue,
            };
            if said.here && (one.told.0 == 0 || one.told_long_ago(now)) {
                one.told = now;
                one.unsure |= what == Tell::Update;
                tell.push((one.id.clone(), what));
            }
        }
        tell
    }
}

impl WaveBox {
    fn told_long_ago(&self, now: UnixMs) -> bool {
        now.0.saturating_sub(self.told.0) >= AGAIN_MS
    }

    fn hear(&mut self, wave: &str, said: &Says, now: UnixMs, since: UnixMs) {
        if self.state.is_over() && !self.lost {
            return;
        }
        if said.here {
            (self.heard, self.lost) = (now, false);
        }
        // Of a box that is silent the last word is known, and says nothing of now.
        let order = said.order.as_ref().filter(|order| said.here && order.wave == wave);
        // It has it, or what it was told has had time to arrive.
        if order.is_some() || (said.here && self.told_long_ago(now)) {
            self.unsure = false;
        }
        match order {
            Some(order) => {
                let before = self.state;
                self.state = match order.phase {
                    OrderPhase::Waiting => WaveBoxState::Waiting,
                    OrderPhase::Working => WaveBoxState::Working,
                    OrderPhase::Done => WaveBoxState::Done,
                    OrderPhase::RolledBack => WaveBoxState::RolledBack,
                    OrderPhase::Failed => WaveBoxState::Failed,
                    OrderPhase::Refused => WaveBoxState::Refused,
                };
                if before != self.state {
                    self.told = UnixMs(0);
                }
                self.why.clone_from(&order.why);
            }
            None if said.here && said.refuses && self.state.under_way() => {
                self.state = WaveBoxState::Refused;
            }
            // It was recalled, or has forgotten it: a box that left, or came from a copy.
            None if said.here && self.state.under_way() && self.state != WaveBoxState::Sent => {
                self.state = WaveBoxState::Queued;
            }
            None if !said.here && self.state == WaveBoxState::Sent => {
                self.state = WaveBoxState::Queued;
            }
            None if !said.here
                && matches!(self.state, WaveBoxState::Working | WaveBoxState::Waiting)
                && now.0.saturating_sub(self.heard.max(since).0) >= LOST_MS =>
            {
                (self.state, self.lost) = (WaveBoxState::Failed, true);
                self.why = Some("it has not been heard for an hour since it was told".to_owned());
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
