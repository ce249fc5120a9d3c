//! Settings: typed, with defaults, changed in the panel, kept in the store.
//!
//! Their names, defaults and bounds are in `roombox-provision`, because `roombox.toml` has them too.
//! That file is no layer: it is imported once into the settings.

mod text;

pub use text::{ForeignKey, ForeignVerdict, SettingChange, SettingsPreview, TextKind, TextProblem};

use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::Store;
use roombox_provision::{HIDDEN, with_suggestion};
pub use roombox_provision::{
    MeetingSettings, Mode, ProxyException, ProxySettings, RecorderSettings, RecordingSettings,
    SecuritySettings, Settings, TurnSettings,
};
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, MutexGuard};

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

/// What pages show in the place of a secret comes back when they send a whole section: it leaves the
/// secret as it is.
fn without_hidden(mut patch: Value) -> Value {
    for (section, secret) in [("turn", "secret"), ("proxy", "password")] {
        if let Some(values) = patch.get_mut(section).and_then(Value::as_object_mut) {
            values.retain(|name, value| name != secret || value != HIDDEN);
        }
    }
    patch
}

/// The box's settings.
pub struct SettingsDesk {
    store: Arc<Store>,
    events: Arc<Events>,
    current: RwLock<Arc<Settings>>,
    /// One change at a time.
    turn: Mutex<()>,
}

impl SettingsDesk {
    /// # Errors
    /// The store refuses.
    pub async fn load(store: Arc<Store>, events: Arc<Events>) -> Result<Self, ControlError> {
        let current = RwLock::new(Arc::new(store.settings_get().await?.unwrap_or_default()));
        Ok(Self { store, events, current, turn: Mutex::default() })
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
        let _turn = self.turn().await;
        self.put(settings).await
    }

    async fn put(&self, settings: Settings) -> Result<Arc<Settings>, ControlError> {
        settings.check()?;
        self.store.settings_put(settings.clone()).await?;
        Ok(self.adopted(settings))
    }

    /// Whoever holds it is the only one to change settings.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// These are in the store now.
    pub(crate) fn adopted(&self, settings: Settings) -> Arc<Settings> {
        let settings = Arc::new(settings);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        self.events.publish("settings", Happening::SettingsChanged((*settings).clone()));
        settings
    }

    /// Changes some settings by a merge patch (RFC 7396); `null` brings a default back.
    ///
    /// # Errors
    /// An unknown setting, a value that will not do, no object, or the store refuses.
    pub async fn patch(&self, patch: Value) -> Result<Arc<Settings>, ControlError> {
        let _turn = self.turn().await;
        self.put(self.patched(patch)?).await
    }

    /// What a merge patch would make of the settings.
    pub(crate) fn patched(&self, patch: Value) -> Result<Settings, ControlError> {
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
        let mut merged = self.get().kept().map_err(all)?;
        let patch = without_hidden(patch);
        let typed = patch.pointer("/proxy/password").is_some();
        merge(&mut merged, patch);
        let settings: Settings = serde_path_to_error::deserialize(merged)
            .map_err(|error| invalid(error.path().to_string(), error.into_inner()))?;
        settings.check()?;
        if let (false, Err((name, why))) = (typed, settings.proxy.password_stays(&self.get().proxy))
        {
            let (field, why) = (format!("proxy.{name}"), why.to_owned());
            return Err(ControlError::InvalidSetting { field, why });
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settings_are_imported_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let desk = SettingsDesk::load(store, Arc::default()).await.unwrap();
        let import =
            roombox_provision::parse("[recording]\nresume_window_s = 77\n").unwrap().settings;
        assert!(desk.begin_with(import.clone()).await.unwrap());
        desk.patch(serde_json::json!({"recording": {"resume_window_s": 55}})).await.unwrap();
        assert!(!desk.begin_with(import).await.unwrap());
        assert_eq!(desk.get().recording.resume_window_s, 55);
    }

    #[tokio::test]
    async fn a_secret_is_kept_and_shown_to_nobody_and_stays_when_it_comes_back_hidden() {
        const CANARY: &str = "canary4711canary";
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let desk = SettingsDesk::load(store.clone(), Arc::default()).await.unwrap();
        let turn = serde_json::json!({"urls": ["turn:t:1"], "secret": CANARY, "relay_only": false});
        let changed = desk.patch(serde_json::json!({"turn": turn})).await.unwrap();
        let shown = format!("{} {changed:?}", serde_json::to_string(&*changed).unwrap());
        assert!(!shown.contains(CANARY) && shown.contains(HIDDEN), "{shown}");
        let whole = serde_json::to_value(&*changed).unwrap();
        desk.patch(whole).await.unwrap();
        desk.patch(serde_json::json!({"turn": {"relay_only": true}})).await.unwrap();
        let again = SettingsDesk::load(store, Arc::default()).await.unwrap();
        let turn = &again.get().turn;
        assert_eq!((turn.secret.reveal(), turn.relay_only), (CANARY, true));
        assert!(again.patch(serde_json::json!({"turn": {"secret": null}})).await.is_err());
        let none = serde_json::json!({"turn": null});
        assert_eq!(again.patch(none).await.unwrap().turn, TurnSettings::default());
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
            (serde_json::json!({"updates": {"night_to": "5"}}), "updates.night_to"),
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
