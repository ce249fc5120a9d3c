//! Updates of a fleet: at a hub its waves, at a box what one wants of it.

use super::remembered::Of;
use super::{Store, StoreError};
use crate::fleet::Wave;
use rusqlite::{OptionalExtension as _, params};

/// Waves that are kept; the oldest go.
const MOST: u32 = 50;

impl Store {
    /// What a wave wants of this box, JSON.
    pub async fn fleet_update_get(&self) -> Result<Option<String>, StoreError> {
        let query = "SELECT state FROM fleet_update";
        self.ask(Of::All, "fleet update", (), move |sql| {
            Ok(sql.query_row(query, [], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Nothing is kept while the box is in no fleet. `None`: nothing is wanted.
    pub async fn fleet_update_put(&self, state: Option<String>) -> Result<(), StoreError> {
        self.call(move |sql| {
            match state {
                None => sql.execute("DELETE FROM fleet_update", [])?,
                Some(state) => sql.execute(
                    "INSERT INTO fleet_update (id, state) SELECT 1, ?1 FROM fleet WHERE true
                     ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                    [state],
                )?,
            };
            Ok(())
        })
        .await
    }

    /// Waves of this hub, newest first.
    pub async fn fleet_wave_list(&self) -> Result<Vec<Wave>, StoreError> {
        self.call(|sql| {
            let mut statement =
                sql.prepare_cached("SELECT state FROM fleet_waves ORDER BY id DESC")?;
            let mut rows = statement.query([])?;
            let mut waves = Vec::new();
            while let Some(row) = rows.next()? {
                waves.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
            }
            Ok(waves)
        })
        .await
    }

    pub async fn fleet_wave_put(&self, wave: Wave) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO fleet_waves (id, state) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state",
                params![wave.id, serde_json::to_string(&wave)?],
            )?;
            sql.execute(
                "DELETE FROM fleet_waves WHERE id NOT IN
                    (SELECT id FROM fleet_waves ORDER BY id DESC LIMIT ?1)",
                [MOST],
            )?;
            Ok(())
        })
        .await
    }
}
