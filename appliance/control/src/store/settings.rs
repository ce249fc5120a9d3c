//! The box itself and its settings, each one row.

use super::{Store, StoreError};
use crate::settings::Settings;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

/// The settings that this version knows. A box that went back to it finds what a newer one wrote:
/// names and values that it does not know are at their defaults then.
fn known(stored: &Value) -> Result<Settings, serde_json::Error> {
    let mut settings = Settings::default();
    let mut so_far = settings.kept()?;
    let names = |value: &Value| -> Vec<String> {
        value.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    for section in names(&so_far) {
        for name in names(&so_far[&section]) {
            let Some(value) = stored.get(&section).and_then(|section| section.get(&name)) else {
                continue;
            };
            let mut with = so_far.clone();
            with[&section][&name] = value.clone();
            match serde_json::from_value(with.clone()) {
                Ok(understood) => (settings, so_far) = (understood, with),
                Err(error) => {
                    tracing::warn!(%error, section, name, "a setting is not understood");
                }
            }
        }
    }
    Ok(settings)
}

/// What is stored instead: these, and beside them what only a newer version knows. It finds its
/// settings again when the box goes forward.
fn with_unknown(settings: &Settings, stored: Value) -> Result<Value, serde_json::Error> {
    let mut all = settings.kept()?;
    let sections = match stored {
        Value::Object(sections) => sections,
        _ => return Ok(all),
    };
    for (section, names) in sections {
        match (all.get_mut(&section), names) {
            (Some(Value::Object(known)), Value::Object(names)) => {
                for (name, value) in names {
                    known.entry(name).or_insert(value);
                }
            }
            (Some(_), _) => {}
            (None, names) => all[section] = names,
        }
    }
    Ok(all)
}

fn stored(sql: &Transaction<'_>) -> Result<Option<Value>, StoreError> {
    let json: Option<String> =
        sql.query_row("SELECT json FROM settings", [], |row| row.get(0)).optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// Stores settings in the place of the old ones.
pub(super) fn put(sql: &Transaction<'_>, settings: &Settings) -> Result<(), StoreError> {
    let all = with_unknown(settings, stored(sql)?.unwrap_or_default())?;
    sql.execute(
        "INSERT INTO settings (id, json) VALUES (1, ?1)
         ON CONFLICT (id) DO UPDATE SET json = excluded.json",
        [all.to_string()],
    )?;
    Ok(())
}

impl Store {
    /// The box's id, name and language; made by the first call.
    pub async fn box_identity(
        &self,
        id: String,
        name: String,
    ) -> Result<(String, String, Option<String>), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT OR IGNORE INTO box (id, box_id, name) VALUES (1, ?1, ?2)",
                params![id, name],
            )?;
            let found = sql.query_row("SELECT box_id, name, language FROM box", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            Ok(found)
        })
        .await
    }

    pub async fn box_rename(&self, name: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE box SET name = ?1", [name])?;
            Ok(())
        })
        .await
    }

    /// `None`: never changed.
    pub async fn settings_get(&self) -> Result<Option<Settings>, StoreError> {
        self.call(|sql| Ok(stored(sql)?.map(|json| known(&json)).transpose()?)).await
    }

    pub async fn settings_put(&self, settings: Settings) -> Result<(), StoreError> {
        self.call(move |sql| put(sql, &settings)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_version_wrote_is_understood_as_far_as_it_is_known() {
        let mut expected = Settings::default();
        expected.meeting.max_participants = 7;
        expected.updates.check_daily = true;
        let stored = serde_json::json!({
            "meeting": {"max_participants": 7, "empty_timeout_s": "soon", "lobby": true},
            "updates": {"check_daily": true},
            "recording": {"encoder": "quantum"},
            "weather": {"sunny": true},
        });
        assert_eq!(known(&stored).unwrap(), expected);
        assert_eq!(known(&serde_json::json!([])).unwrap(), Settings::default());
    }
}
