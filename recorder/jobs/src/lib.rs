//! The job desk: queue, order, costs, leases, attempts, back-off, parking. Pure: time is an argument.

mod cost;
mod desk;
pub mod encoders;
mod governor;
pub mod live;
mod loan;
mod machine;
pub mod order;
mod outlook;
mod row;
pub mod spec;

pub use cost::{Cost, Costs, Spent, Tally};
pub use desk::{Attempt, Desk, Effect, Input, LEASE_MS, MAX_ATTEMPTS, Wish};
pub use governor::{Governor, Load};
pub use loan::{LOAN_MS, Offer};
pub use machine::{Machine, SLOWLY};
pub use outlook::{Outlook, Waits};
pub use row::{Borrower, JobRow, JobState};
