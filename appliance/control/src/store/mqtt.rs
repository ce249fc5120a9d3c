//! The owner's MQTT broker, one row.

use super::{Store, StoreError};
use crate::mqtt::MqttRow;
use rusqlite::OptionalExtension as _;

impl Store {
    /// `None`: never named.
    pub async fn mqtt_get(&self) -> Result<Option<MqttRow>, StoreError> {
        self.call(|sql| {
            let row: Option<String> =
                sql.query_row("SELECT row FROM mqtt", [], |row| row.get(0)).optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }

    pub async fn mqtt_put(&self, row: MqttRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO mqtt (id, row) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET row = excluded.row",
                [serde_json::to_string(&row)?],
            )?;
            Ok(())
        })
        .await
    }
}
