//! The hub of a fleet: hears what its boxes tell, once each, and knows which are alive.
//!
//! What it heard is in SQLite before the stream may forget it. One bad message is counted and left
//! out; it stops nobody.

mod clocks;
mod desk;
mod gaps;
mod market;
mod moved;
mod pace;
mod roster;
mod silence;
mod wishing;

pub use desk::{HubDesk, HubError};
pub use roster::{Roster, STALE};
