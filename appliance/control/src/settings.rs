//! Settings: typed, with defaults, changed in the panel, kept in the store.
//!
//! `roombox.toml` is no layer: it is imported once into the settings ([`parse_import`]).

use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::Store;
use crate::words;
use roombox_jobs::spec::{EncoderChoice, LayoutName};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};
use utoipa::ToSchema;

/// A reserve above this is a slip of the finger: no disk of a box is so large.
const LARGEST_RESERVE: u64 = 10_000_000_000_000;

/// All settings of a box.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    #[schema(required)]
    #[serde(deserialize_with = "section")]
    pub recording: RecordingSettings,
    #[schema(required)]
    #[serde(deserialize_with = "section")]
    pub meeting: MeetingSettings,
}

/// Reads a section from names and values only: serde would take a list for one too, and an empty
/// list for one in which everything is at its default.
fn section<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// Bytes of the disk that stay free: below, recordings end cleanly. Applies after a restart.
    #[schema(required)]
    pub reserve_bytes: u64,
    /// Layout of films.
    #[schema(value_type = words::Layout, required)]
    pub layout: LayoutName,
    /// H.264 encoder of films: `auto` and `openh264` need nothing, `x264` (GPL) its plug-in.
    #[schema(value_type = words::Encoder, required)]
    pub encoder: EncoderChoice,
    /// Seconds in which a recording that was cut short goes on when its room opens again.
    #[schema(required)]
    pub resume_window_s: u32,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            reserve_bytes: 1_000_000_000,
            layout: LayoutName::Auto,
            encoder: EncoderChoice::Auto,
            resume_window_s: 300,
        }
    }
}

/// How meetings behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeetingSettings {
    /// A room that nobody joined ends after so many seconds.
    #[schema(required)]
    pub empty_timeout_s: u32,
    /// A room that everybody left ends after so many seconds.
    #[schema(required)]
    pub departure_timeout_s: u32,
    /// People in a room at most; 0: as many as the box carries.
    #[schema(required)]
    pub max_participants: u32,
}

impl Default for MeetingSettings {
    fn default() -> Self {
        Self { empty_timeout_s: 300, departure_timeout_s: 20, max_participants: 0 }
    }
}

impl Settings {
    fn check(&self) -> Result<(), ControlError> {
        let bad = |field: &str, why: &str| {
            Err(ControlError::InvalidSetting { field: field.to_owned(), why: why.to_owned() })
        };
        if self.recording.reserve_bytes > LARGEST_RESERVE {
            let why = "is at most 10 TB (10000000000000 bytes): as much of the disk stays free";
            return bad("recording.reserve_bytes", why);
        }
        if self.recording.resume_window_s > 86_400 {
            return bad("recording.resume_window_s", "is at most a day (86400)");
        }
        if !(1..=86_400).contains(&self.meeting.empty_timeout_s) {
            return bad("meeting.empty_timeout_s", "is between 1 and 86400");
        }
        if self.meeting.departure_timeout_s > 86_400 {
            return bad("meeting.departure_timeout_s", "is at most a day (86400)");
        }
        Ok(())
    }
}

/// What is wrong with a file of settings.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ImportError {
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// Reads a `roombox.toml`. What it leaves out stays at its default.
///
/// # Errors
/// Not TOML, an unknown key (with the nearest known one), or a value that will not do.
pub fn parse_import(text: &str) -> Result<Settings, ImportError> {
    let settings: Settings = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        ImportError { line, what: with_suggestion(error.message()) }
    })?;
    settings.check().map_err(|error| ImportError { line: 1, what: error.to_string() })?;
    Ok(settings)
}

/// serde lists the known names after the unknown one; the nearest is what was meant.
fn with_suggestion(message: &str) -> String {
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

/// JSON Merge Patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                match value {
                    Value::Null => {
                        target.remove(&name);
                    }
                    value => merge(target.entry(name).or_insert(Value::Null), value),
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

/// The box's settings.
pub struct SettingsDesk {
    store: Arc<Store>,
    events: Arc<Events>,
    current: RwLock<Arc<Settings>>,
}

impl SettingsDesk {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, events: Arc<Events>) -> Result<Self, ControlError> {
        let current = RwLock::new(Arc::new(store.settings_get().await?.unwrap_or_default()));
        Ok(Self { store, events, current })
    }

    pub fn get(&self) -> Arc<Settings> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over imported settings if the box has none of its own yet; false if it has: what the
    /// owner changed in the panel is not undone by the next start.
    ///
    /// # Errors
    /// A value will not do, or the store refuses.
    pub async fn begin_with(&self, imported: Settings) -> Result<bool, ControlError> {
        if self.store.settings_get().await?.is_some() {
            return Ok(false);
        }
        self.replace(imported).await?;
        Ok(true)
    }

    /// Puts new settings in the place of all old ones.
    ///
    /// # Errors
    /// A value will not do, or the store refuses.
    pub async fn replace(&self, settings: Settings) -> Result<Arc<Settings>, ControlError> {
        settings.check()?;
        self.store.settings_put(settings.clone()).await?;
        let settings = Arc::new(settings);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        self.events.publish("settings", Happening::SettingsChanged((*settings).clone()));
        Ok(settings)
    }

    /// Changes some settings by a merge patch (RFC 7396); `null` brings a default back.
    ///
    /// # Errors
    /// An unknown setting, a value that will not do, no object, or the store refuses.
    pub async fn patch(&self, patch: Value) -> Result<Arc<Settings>, ControlError> {
        let invalid = |field: String, error: serde_json::Error| {
            let why = format!("will not do: {}", with_suggestion(&error.to_string()));
            ControlError::InvalidSetting { field, why }
        };
        if !patch.is_object() {
            let why =
                "are changed by an object that names them, like {\"meeting\": {…}}".to_owned();
            return Err(ControlError::InvalidSetting { field: "settings".to_owned(), why });
        }
        let all = |error| invalid("settings".to_owned(), error);
        let mut merged = serde_json::to_value(&*self.get()).map_err(all)?;
        merge(&mut merged, patch);
        let settings = serde_path_to_error::deserialize(merged)
            .map_err(|error| invalid(error.path().to_string(), error.into_inner()))?;
        self.replace(settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../docs/roombox.toml");

    #[test]
    fn the_documented_sample_equals_the_defaults() {
        assert_eq!(parse_import(SAMPLE).unwrap(), Settings::default());
        let every = toml::Value::try_from(Settings::default()).unwrap();
        let sample: toml::Value = toml::from_str(SAMPLE).unwrap();
        assert_eq!(every, sample, "the sample must name every setting");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_what_was_meant() {
        let error =
            parse_import("[recording]\nresume_window_s = 10\nreserve_byte = 1\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.what.contains("did you mean `reserve_bytes`"), "{}", error.what);
        let error = parse_import("[meeting]\nempty_timeout_s = 0\n").unwrap_err();
        assert!(error.what.contains("between 1 and"), "{}", error.what);
        assert_eq!(parse_import("[recording\n").unwrap_err().line, 1);
        let error = parse_import("meeting = []\n").unwrap_err();
        assert!(error.what.contains("settings by their names"), "{}", error.what);
    }

    #[tokio::test]
    async fn settings_are_imported_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let desk = SettingsDesk::load(store, Arc::default()).await.unwrap();
        let import = parse_import("[recording]\nresume_window_s = 77\n").unwrap();
        assert!(desk.begin_with(import.clone()).await.unwrap());
        desk.patch(serde_json::json!({"recording": {"resume_window_s": 55}})).await.unwrap();
        assert!(!desk.begin_with(import).await.unwrap());
        assert_eq!(desk.get().recording.resume_window_s, 55);
    }

    #[tokio::test]
    async fn a_patch_changes_what_it_names_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let desk = SettingsDesk::load(store.clone(), Arc::default()).await.unwrap();
        let patch = serde_json::json!({"recording": {"resume_window_s": 7}});
        desk.patch(patch).await.unwrap();
        let wrong = serde_json::json!({"recording": {"resume_windows": 7}});
        assert!(desk.patch(wrong).await.is_err());
        for (wrong, field) in [
            (serde_json::json!([]), "settings"),
            (serde_json::json!({"recording": []}), "recording"),
            (serde_json::json!({"meeting": [300, 20, 0]}), "meeting"),
            (
                serde_json::json!({"recording": {"reserve_bytes": u64::MAX}}),
                "recording.reserve_bytes",
            ),
            (serde_json::json!({"recording": {"reserve_bytes": -1}}), "recording.reserve_bytes"),
            (serde_json::json!({"meeting": {"departure": 1}}), "meeting.departure"),
        ] {
            let refused = desk.patch(wrong.clone()).await.unwrap_err();
            assert!(matches!(refused, ControlError::InvalidSetting { .. }), "{wrong}: {refused}");
            assert_eq!(refused.field(), Some(field), "{wrong}: {refused}");
        }
        let again = SettingsDesk::load(store, Arc::default()).await.unwrap();
        assert_eq!(again.get().recording.resume_window_s, 7);
        assert_eq!(again.get().meeting, MeetingSettings::default());
    }
}
