//! The box's clocks, beyond what the time of day is.

use roombox_control::clock::UnixMs;
use roombox_control::retention::Moment;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

/// systemd-timesyncd makes this file when a server has set the clock.
const SET: &str = "/run/systemd/timesync/synchronized";

/// 1: the kernel took the time from this clock.
const KEPT: &str = "/sys/class/rtc/rtc0/hctosys";

/// A time server has set the wall clock since the start.
pub fn is_set() -> bool {
    Path::new(SET).exists()
}

/// When this was written: no clock that is right says less.
const NOT_BEFORE: Duration = Duration::from_secs(1_764_288_000);

/// The wall clock can be believed to the minute: a time server has set it, or a clock with a battery of its
/// own, which the kernel reads when it starts. A box without either begins where it was last switched off.
pub fn is_believable() -> bool {
    let kept = || std::fs::read_to_string(KEPT).is_ok_and(|read| read.trim() == "1");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.is_ok_and(|now| now >= NOT_BEFORE) && (is_set() || kept())
}

/// IANA name of the box's time zone. On the image the link that names it is one more step away, on the data
/// partition.
pub fn time_zone() -> String {
    let zone = jiff::tz::TimeZone::system();
    let led_to = || {
        let file = std::fs::canonicalize("/etc/localtime").ok()?;
        Some(file.to_str()?.rsplit_once("/zoneinfo/")?.1.to_owned())
    };
    zone.iana_name().map(str::to_owned).or_else(led_to).unwrap_or_else(|| "UTC".to_owned())
}

/// Time since the box started, sleep included.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// This moment, by both clocks; `set`: the time of day can be believed. In development nobody says so, and it can.
/// `by_hand`: how often an owner has set it since the start.
pub fn moment(set: bool, by_hand: u64) -> Moment {
    // Who sets the clock says so afterwards: the words before the time. A server's first word counts beside each of
    // the owner's, as its mark may go when the owner takes over.
    let words = 2 * by_hand + u64::from(is_set());
    Moment { wall_ms: UnixMs::now().0, boot: since_boot(), set, words }
}

/// A box without a time server gets no certificate later than so long after its start because of that.
const WAITED_FOR: Duration = Duration::from_secs(600);

/// Other servers and their certificates can be judged by the wall clock: it can be believed, or nobody has
/// set it for so long that nobody will, and it is at least not from before this was written.
pub fn is_fit_for_certificates() -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let plausible = now.is_ok_and(|now| now >= NOT_BEFORE);
    is_believable() || (plausible && since_boot() >= WAITED_FOR)
}
