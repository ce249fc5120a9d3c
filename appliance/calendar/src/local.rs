//! Local times, and the moments that they are.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendar, ICalendarEntry};
use chrono::{DateTime, Datelike, Duration, NaiveDateTime, TimeZone, Timelike};
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// Clocks are never set forward by more than this.
const LONGEST_GAP_HOURS: i64 = 24;

/// Time zones as a feed names them.
pub struct Zones {
    named: BTreeMap<String, Tz>,
    home: Tz,
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

impl Zones {
    /// A zone is known by its name, IANA's or Microsoft's, or by what its VTIMEZONE says it is; the rules
    /// in there are not read: those of the feed's author may be years old.
    pub fn of(calendar: &ICalendar, home: Tz) -> Self {
        let named = calendar.timezones().filter_map(|zone| zone.timezone());
        Self { named: named.map(|(name, zone)| (name.to_owned(), zone)).collect(), home }
    }

    /// The zone of a property: the box's own, if it names none.
    ///
    /// # Errors
    /// It names one that nobody knows.
    pub fn zone(&self, entry: &ICalendarEntry) -> Result<Tz, Unknown> {
        let Some(name) = entry.tz_id() else { return Ok(self.home) };
        let named = self.named.get(name).copied();
        named.or_else(|| by_name(name)).ok_or_else(|| Unknown(name.to_owned()))
    }
}

/// `/example.org/2026/Europe/Berlin` is Europe/Berlin: whoever publishes zones of their own puts their name
/// before it.
fn by_name(name: &str) -> Option<Tz> {
    let ends = name.match_indices('/').map(|(at, slash)| &name[at + slash.len()..]);
    std::iter::once(name).chain(ends).find_map(|end| Tz::from_str(end).ok())
}

/// The moment of a local time. One that is twice, because the clocks are set back, is the first; one that
/// never is counts as if the clocks had not been set yet (RFC 5545 §3.3.5).
pub fn moment(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Tz>> {
    if let Some(moment) = zone.from_local_datetime(&local).earliest() {
        return Some(moment);
    }
    let before = (1..=LONGEST_GAP_HOURS).find_map(|hours| {
        let earlier = local.checked_sub_signed(Duration::hours(hours))?;
        Some((hours, zone.from_local_datetime(&earlier).latest()?))
    });
    let (hours, before) = before?;
    before.checked_add_signed(Duration::hours(hours))
}

/// What a value's clock shows in another zone.
pub fn seen_in(value: &PartialDateTime, from: Tz, to: Tz) -> Option<NaiveDateTime> {
    let read = value.to_date_time()?;
    let moment = match read.offset {
        Some(offset) => Tz::Fixed(offset).from_local_datetime(&read.date_time).earliest()?,
        None if from == to => return Some(read.date_time),
        None => moment(read.date_time, from)?,
    };
    Some(moment.with_timezone(&to).naive_local())
}

/// A local time without any zone, as calendars write it.
pub fn floating(local: NaiveDateTime) -> Option<PartialDateTime> {
    Some(PartialDateTime {
        year: Some(u16::try_from(local.year()).ok()?),
        month: Some(u8::try_from(local.month()).ok()?),
        day: Some(u8::try_from(local.day()).ok()?),
        hour: Some(u8::try_from(local.hour()).ok()?),
        minute: Some(u8::try_from(local.minute()).ok()?),
        second: Some(u8::try_from(local.second()).ok()?),
        ..PartialDateTime::default()
    })
}

/// Milliseconds since the Unix epoch; before it there are no meetings.
pub fn unix_ms(moment: &DateTime<Tz>) -> Option<u64> {
    u64::try_from(moment.timestamp_millis()).ok()
}
