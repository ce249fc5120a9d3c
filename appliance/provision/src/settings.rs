//! The settings of a box: their names, defaults and bounds.

use crate::proxy::ProxySettings;
use crate::recorder::RecorderSettings;
use crate::security::SecuritySettings;
use crate::turn::TurnSettings;
use crate::updates::UpdateSettings;
#[cfg(feature = "schema")]
use crate::words;
use roombox_jobs::spec::{EncoderChoice, LayoutName};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// A reserve above this is a slip of the finger: no disk of a box is so large.
const LARGEST_RESERVE: u64 = 10_000_000_000_000;

/// All settings of a box.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub recording: RecordingSettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub recorder: RecorderSettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub meeting: MeetingSettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub updates: UpdateSettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub turn: TurnSettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub security: SecuritySettings,
    #[cfg_attr(feature = "schema", schema(required))]
    #[serde(deserialize_with = "section")]
    pub proxy: ProxySettings,
}

/// Reads a section from names and values only: serde would take a list for one too, and an empty
/// list for one in which everything is at its default.
pub(crate) fn section<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    struct Named<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("settings by their names")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_map(Named(PhantomData))
}

/// How rooms are recorded and filmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// Bytes of the disk that stay free: below, recordings end cleanly. Applies after a restart.
    #[cfg_attr(feature = "schema", schema(required))]
    pub reserve_bytes: u64,
    /// Layout of films.
    #[cfg_attr(feature = "schema", schema(value_type = words::Layout, required))]
    pub layout: LayoutName,
    /// H.264 encoder of films: `auto` and `openh264` need nothing, `x264` (GPL) its plug-in.
    #[cfg_attr(feature = "schema", schema(value_type = words::Encoder, required))]
    pub encoder: EncoderChoice,
    /// Seconds in which a recording that was cut short goes on when its room opens again.
    #[cfg_attr(feature = "schema", schema(required))]
    pub resume_window_s: u32,
    /// Days after its end when the box deletes a recording; 0: it stays until somebody deletes it.
    #[cfg_attr(feature = "schema", schema(required))]
    pub keep_days: u32,
    /// So many of the newest recordings stay, older ones are deleted; 0: all stay.
    #[cfg_attr(feature = "schema", schema(required))]
    pub keep_newest: u32,
    /// The same of each room; 0: all stay.
    #[cfg_attr(feature = "schema", schema(required))]
    pub keep_newest_of_room: u32,
    /// When the disk fills, the oldest recordings make room for new ones; else recording ends.
    #[cfg_attr(feature = "schema", schema(required))]
    pub overwrite_oldest: bool,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            reserve_bytes: 1_000_000_000,
            layout: LayoutName::Auto,
            encoder: EncoderChoice::Auto,
            resume_window_s: 300,
            keep_days: 0,
            keep_newest: 0,
            keep_newest_of_room: 0,
            overwrite_oldest: false,
        }
    }
}

/// How meetings behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MeetingSettings {
    /// A room that nobody joined ends after so many seconds.
    #[cfg_attr(feature = "schema", schema(required))]
    pub empty_timeout_s: u32,
    /// A room that everybody left ends after so many seconds.
    #[cfg_attr(feature = "schema", schema(required))]
    pub departure_timeout_s: u32,
    /// People in a room at most; 0: as many as the box carries.
    #[cfg_attr(feature = "schema", schema(required))]
    pub max_participants: u32,
    /// Megabytes of a file that somebody hands to all in the chat, at most; 0: nobody does.
    #[cfg_attr(feature = "schema", schema(required))]
    pub file_mb: u32,
    /// Endings of files that may be handed out, like `pdf`; none: all.
    #[cfg_attr(feature = "schema", schema(required))]
    pub file_types: Vec<String>,
}

/// What people hand to each other in meetings, and no programs.
const FILE_TYPES: [&str; 27] = [
    "pdf", "png", "jpg", "jpeg", "gif", "webp", "heic", "txt", "md", "csv", "rtf", "doc", "docx",
    "odt", "xls", "xlsx", "ods", "ppt", "pptx", "odp", "zip", "mp3", "m4a", "ogg", "mp4", "webm",
    "ics",
];
const MOST_FILE_MB: u32 = 1_000;
const MOST_FILE_TYPES: usize = 100;

impl MeetingSettings {
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.file_mb > MOST_FILE_MB {
            return Err(("file_mb", "is at most 1000"));
        }
        let ending = |ending: &String| {
            let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (1..=10).contains(&ending.len()) && ending.bytes().all(small)
        };
        if self.file_types.len() > MOST_FILE_TYPES || !self.file_types.iter().all(ending) {
            return Err(("file_types", "are endings like pdf, in small letters, at most 100"));
        }
        Ok(())
    }
}

impl Default for MeetingSettings {
    fn default() -> Self {
        Self {
            empty_timeout_s: 300,
            departure_timeout_s: 20,
            max_participants: 0,
            file_mb: 25,
            file_types: FILE_TYPES.map(str::to_owned).to_vec(),
        }
    }
}

/// A value that will not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting {field} {why}")]
pub struct SettingError {
    /// Section and name with a dot between.
    pub field: String,
    pub why: String,
}

impl Settings {
    /// Whether the box can live with all values.
    ///
    /// # Errors
    /// The first that will not do.
    pub fn check(&self) -> Result<(), SettingError> {
        let bad = |field: &str, why: &str| {
            Err(SettingError { field: field.to_owned(), why: why.to_owned() })
        };
        if self.recording.reserve_bytes > LARGEST_RESERVE {
            let why = "is at most 10 TB (10000000000000 bytes): as much of the disk stays free";
            return bad("recording.reserve_bytes", why);
        }
        if self.recording.resume_window_s > 86_400 {
            return bad("recording.resume_window_s", "is at most a day (86400)");
        }
        if self.recording.keep_days > 36_500 {
            return bad("recording.keep_days", "is at most a hundred years (36500)");
        }
        for (field, most) in [
            ("recording.keep_newest", self.recording.keep_newest),
            ("recording.keep_newest_of_room", self.recording.keep_newest_of_room),
        ] {
            if most > 1_000_000 {
                return bad(field, "is at most a million (1000000); 0: all stay");
            }
        }
        if !(1..=86_400).contains(&self.meeting.empty_timeout_s) {
            return bad("meeting.empty_timeout_s", "is between 1 and 86400");
        }
        if self.meeting.departure_timeout_s > 86_400 {
            return bad("meeting.departure_timeout_s", "is at most a day (86400)");
        }
        if let Err((name, why)) = self.meeting.check() {
            return bad(&format!("meeting.{name}"), why);
        }
        if let Err((name, why)) = self.updates.check() {
            return bad(&format!("updates.{name}"), why);
        }
        if let Err((name, why)) = self.turn.check() {
            return bad(&format!("turn.{name}"), why);
        }
        if let Err((name, why)) = self.security.check() {
            return bad(&format!("security.{name}"), why);
        }
        if let Err((name, why)) = self.proxy.check() {
            return bad(&format!("proxy.{name}"), why);
        }
        Ok(())
    }

    /// All settings as they are kept: with the secrets that are hidden everywhere else.
    ///
    /// # Errors
    /// None of these settings can be refused.
    pub fn kept(&self) -> Result<Value, serde_json::Error> {
        let mut all = serde_json::to_value(self)?;
        all["turn"]["secret"] = self.turn.secret.reveal().into();
        all["proxy"]["password"] = self.proxy.password.reveal().into();
        Ok(all)
    }
}

/// serde lists the known names after the unknown one; the nearest is what was meant.
pub fn with_suggestion(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown field") {
        return message.to_owned();
    }
    let Some(unknown) = names.next() else { return message.to_owned() };
    let near = names.map(|name| (strsim::osa_distance(unknown, name), name)).min();
    match near.filter(|(distance, _)| *distance <= 3) {
        Some((_, name)) => format!("unknown key `{unknown}`: did you mean `{name}`?"),
        None => message.replace("unknown field", "unknown key"),
    }
}
