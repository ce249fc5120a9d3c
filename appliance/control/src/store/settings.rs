//! The box itself and its settings, each one row.

use super::{Store, StoreError};
use crate::settings::Settings;
use rusqlite::{OptionalExtension, params};

impl Store {
    /// The box's id and name; made by the first call.
    pub async fn box_identity(
        &self,
        id: String,
        name: String,
    ) -> Result<(String, String), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT OR IGNORE INTO box (id, box_id, name) VALUES (1, ?1, ?2)",
                params![id, name],
            )?;
            let found = sql.query_row("SELECT box_id, name FROM box", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
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
        self.call(|sql| {
            let json: Option<String> =
                sql.query_row("SELECT json FROM settings", [], |row| row.get(0)).optional()?;
            Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
        })
        .await
    }

    pub async fn settings_put(&self, settings: Settings) -> Result<(), StoreError> {
        self.call(move |sql| {
            let json = serde_json::to_string(&settings)?;
            sql.execute(
                "INSERT INTO settings (id, json) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET json = excluded.json",
                [json],
            )?;
            Ok(())
        })
        .await
    }
}
