//! How the box looks for updates: off until the owner says otherwise.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// Where updates come from, and when they are installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateSettings {
    /// Address of a channel file (see `docs/updates.md`); empty: updates are only uploaded.
    #[cfg_attr(feature = "schema", schema(required))]
    pub channel: String,
    /// Looks at the channel once a day.
    #[cfg_attr(feature = "schema", schema(required))]
    pub check_daily: bool,
    /// Installs what the channel offers, and restarts, in the window below when nobody meets.
    #[cfg_attr(feature = "schema", schema(required))]
    pub install_at_night: bool,
    /// `HH:MM`, the box's own time.
    #[cfg_attr(feature = "schema", schema(required))]
    pub night_from: String,
    /// `HH:MM`; earlier than `night_from`: on the next day.
    #[cfg_attr(feature = "schema", schema(required))]
    pub night_to: String,
}

impl Default for UpdateSettings {
    fn default() -> Self {
        Self {
            channel: String::new(),
            check_daily: false,
            install_at_night: false,
            night_from: "02:00".to_owned(),
            night_to: "05:00".to_owned(),
        }
    }
}

impl UpdateSettings {
    /// # Errors
    /// The name of a setting that will not do, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let web = self.channel.starts_with("https://") || self.channel.starts_with("http://");
        if !self.channel.is_empty() && !web {
            return Err(("channel", "is an address that begins with https:// (or http://)"));
        }
        for (name, text) in [("night_from", &self.night_from), ("night_to", &self.night_to)] {
            if minute(text).is_none() {
                return Err((name, "is a time of the day like 02:00"));
            }
        }
        Ok(())
    }

    /// The window in minutes since midnight.
    pub fn night(&self) -> (u16, u16) {
        let or = |text: &str, default| minute(text).unwrap_or(default);
        (or(&self.night_from, 120), or(&self.night_to, 300))
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = (digits(hours).then_some(hours)?, digits(minutes).then_some(minutes)?);
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_times_are_checked() {
        let with = |channel: &str, from: &str, to: &str| UpdateSettings {
            channel: channel.to_owned(),
            night_from: from.to_owned(),
            night_to: to.to_owned(),
            ..UpdateSettings::default()
        };
        for (settings, wrong) in [
            (with("", "02:00", "05:00"), None),
            (with("https://x/y.json", "23:59", "00:00"), None),
            (with("http://10.0.0.1/", "23:59", "00:00"), None),
            (with("ftp://x", "02:00", "05:00"), Some("channel")),
            (with("updates.example", "02:00", "05:00"), Some("channel")),
            (with("", "24:00", "05:00"), Some("night_from")),
            (with("", "2:00", "05:00"), Some("night_from")),
            (with("", "+2:00", "05:00"), Some("night_from")),
            (with("", "02:00", "05:60"), Some("night_to")),
            (with("", "02:00", ""), Some("night_to")),
        ] {
            assert_eq!(settings.check().err().map(|(name, _)| name), wrong, "{settings:?}");
        }
        assert_eq!(with("", "23:30", "00:15").night(), (1410, 15));
    }
}
