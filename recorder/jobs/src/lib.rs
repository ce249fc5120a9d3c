//! The job desk: queue, leases, attempts, back-off, parking. Pure: time is an argument.

pub mod spec;
