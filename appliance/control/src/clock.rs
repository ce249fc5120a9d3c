//! Times as people and files see them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep_until};

/// Milliseconds since the Unix epoch. In JSON an RFC 3339 text in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct UnixMs(pub u64);

impl UnixMs {
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_millis() as u64))
    }

    /// RFC 3339, UTC.
    pub fn rfc3339(self) -> String {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
    }

    /// A moment in RFC 3339, with whatever offset; `None`: it is none, or not of the years 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let ms = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        u64::try_from(ms).ok().map(Self)
    }

    /// `2026-11-25 14:05` in UTC.
    pub fn minute(self) -> String {
        self.rfc3339().get(..16).unwrap_or_default().replace('T', " ")
    }

    /// `2026-11-25 15:05` as the box's owners read it on their clocks, for titles.
    pub fn minute_here(self) -> String {
        self.minute_in(TimeZone::system())
    }

    fn minute_in(self, zone: TimeZone) -> String {
        let at = i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        at.map_or_else(String::new, |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string())
    }
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no moment in RFC 3339"))
    }
}

impl utoipa::PartialSchema for UnixMs {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::DateTime,
            )))
            .into()
    }
}

impl utoipa::ToSchema for UnixMs {
    fn name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }
}

/// What is looked at again and again, at once and then at the multiples of a period since the program's first
/// look. All who look each second do so in the same instant: an idle box wakes once a second, and not once for
/// each of them.
#[derive(Debug)]
pub struct Ticks {
    period: Duration,
    next: Instant,
}

impl Ticks {
    /// `period`: more than zero.
    pub fn every(period: Duration) -> Self {
        Self { period, next: Instant::now() }
    }

    /// Comes back when the next look is due. What took longer than a period has missed those that passed.
    ///
    /// # Cancel safety
    /// A tick that is given up is still due.
    pub async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next = self.after(Instant::now());
    }

    /// The first multiple of the period that lies behind `now`.
    fn after(&self, now: Instant) -> Instant {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        let begun = *BEGUN.get_or_init(|| now);
        let passed = now.saturating_duration_since(begun).as_nanos() % self.period.as_nanos();
        now + self.period - Duration::from_nanos(passed as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_offset_and_nothing_else_is() {
        assert_eq!(UnixMs::parse("2025-11-25T13:05:45.678+01:00"), Some(UnixMs(1_764_072_345_678)));
        assert_eq!(UnixMs::parse("1970-01-01T00:00:00Z"), Some(UnixMs(0)));
        for none in [
            "",
            "2025-11-25",
            "2025-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "99999-01-01T00:00:00Z",
        ] {
            assert_eq!(UnixMs::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_title_has_the_time_of_the_box_own_zone() {
        // Two hours before UTC's midnight; Berlin has put its clocks forward by then.
        let late = UnixMs(1_774_821_900_000);
        assert_eq!(late.minute(), "2026-03-29 22:05");
        let east = jiff::tz::Offset::constant(2).to_time_zone();
        assert_eq!(late.minute_in(east), "2026-03-30 00:05");
        assert_eq!(late.minute_in(TimeZone::UTC), late.minute());
        assert_eq!(UnixMs(u64::MAX).minute_in(TimeZone::UTC), "");
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_look_each_second_do_so_in_the_same_instant() {
        let second = Duration::from_secs(1);
        let mut first = Ticks::every(second);
        first.tick().await;
        first.tick().await;
        let begun = Instant::now();
        tokio::time::advance(Duration::from_millis(300)).await;
        let (mut other, mut slower) = (Ticks::every(second), Ticks::every(2 * second));
        for ticks in [&mut other, &mut slower] {
            ticks.tick().await;
            assert_eq!(begun.elapsed(), Duration::from_millis(300), "the first look is at once");
        }
        let mut instants = Vec::new();
        for ticks in [&mut first, &mut other, &mut slower] {
            ticks.tick().await;
            instants.push(Instant::now());
        }
        assert_eq!(instants[0], instants[1]);
        assert!(instants[2] == instants[0] || instants[2] == instants[0] + second);
        assert!(instants[0] - begun <= second);
        // Whoever was kept from looking does so once, and is with the others again.
        tokio::time::advance(Duration::from_millis(3_400)).await;
        other.tick().await;
        assert_eq!(Instant::now() - instants[2], Duration::from_millis(3_400));
        first.tick().await;
        let late = Instant::now();
        other.tick().await;
        first.tick().await;
        assert_eq!(Instant::now() - late, Duration::from_millis(600));
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(UnixMs(1_764_072_345_678).rfc3339(), "2025-11-25T12:05:45.678Z");
        assert_eq!(UnixMs(1_764_072_345_678).minute(), "2025-11-25 12:05");
    }
}
