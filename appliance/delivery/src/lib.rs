//! HTTP clients of the box: what it fetches from and sends to others.
//!
//! It knows addresses and bytes, never what they mean: who calls it reads them.

mod fetch;

pub use fetch::{FetchError, FetchLimits, fetch};
