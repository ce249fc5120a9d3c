//! Clients of the box: what it fetches from, sends to and carries to others.
//!
//! It knows addresses and bytes, never what they mean: who calls it reads them.

mod address;
mod fetch;
mod knock;
mod line;
mod neighbour;
mod pinned;
mod post;
mod reach;
pub mod targets;

pub use fetch::{FetchError, FetchLimits, fetch};
pub use hyper::Method;
pub use knock::{KnockError, knock};
pub use line::{Line, Security, SecurityError, line};
pub use neighbour::{Neighbour, NeighbourError};
pub use post::{Letter, PostError, Sender};
pub use reach::ReachError;
