//! The box's clocks, beyond what the time of day is.

use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

/// systemd-timesyncd makes this file when a server has set the clock.
const SET: &str = "/run/systemd/timesync/synchronized";

/// A time server has set the wall clock since the start.
pub fn is_set() -> bool {
    Path::new(SET).exists()
}

/// Time since the box started, sleep included.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
