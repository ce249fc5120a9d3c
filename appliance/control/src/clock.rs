//! Times as people and files see them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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

    /// `2026-11-25 14:05` in UTC, for titles.
    pub fn minute(self) -> String {
        self.rfc3339().get(..16).unwrap_or_default().replace('T', " ")
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
    fn times_are_written_as_rfc_3339() {
        assert_eq!(UnixMs(1_764_072_345_678).rfc3339(), "2025-11-25T12:05:45.678Z");
        assert_eq!(UnixMs(1_764_072_345_678).minute(), "2025-11-25 12:05");
    }
}
