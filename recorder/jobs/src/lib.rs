//! The job desk: queue, leases, attempts, back-off, parking. Pure: time is an argument.

mod desk;
mod governor;
pub mod live;
mod row;
pub mod spec;

pub use desk::{Attempt, Desk, Effect, Input, LEASE_MS, MAX_ATTEMPTS};
pub use governor::{Governor, Load};
pub use row::{JobRow, JobState};
