//! Films that programs ordered.

use super::{Store, StoreError, signed};
use crate::egress::{EgressRow, EgressState};
use rusqlite::{OptionalExtension, Params, Transaction, params};

fn rows(
    sql: &Transaction<'_>,
    query: &str,
    values: impl Params,
) -> Result<Vec<EgressRow>, StoreError> {
    let mut statement = sql.prepare(query)?;
    let rows = statement.query_map(values, |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?)?)).collect()
}

pub(super) fn of_recording(
    sql: &Transaction<'_>,
    recording: &str,
) -> Result<Vec<EgressRow>, StoreError> {
    rows(sql, "SELECT row FROM egress WHERE recording = ?1 ORDER BY id", [recording])
}

impl Store {
    pub async fn egress_insert(&self, row: EgressRow, told: EgressState) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO egress (id, recording, started_ms, told, row)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    row.id,
                    row.spec.recording,
                    signed(row.started_ms),
                    told.name(),
                    serde_json::to_string(&row)?
                ],
            )?;
            Ok(())
        })
        .await
    }

    pub async fn egress_get(&self, id: String) -> Result<Option<EgressRow>, StoreError> {
        self.call(move |sql| {
            let row: Option<String> = sql
                .query_row("SELECT row FROM egress WHERE id = ?1", [id], |row| row.get(0))
                .optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }

    pub async fn egress_update(&self, row: EgressRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            let text = serde_json::to_string(&row)?;
            sql.execute("UPDATE egress SET row = ?2 WHERE id = ?1", params![row.id, text])?;
            Ok(())
        })
        .await
    }

    /// Newest first.
    pub async fn egress_list(&self) -> Result<Vec<EgressRow>, StoreError> {
        self.call(|sql| rows(sql, "SELECT row FROM egress ORDER BY id DESC", [])).await
    }

    pub async fn egress_list_of(&self, recording: String) -> Result<Vec<EgressRow>, StoreError> {
        self.call(move |sql| of_recording(sql, &recording)).await
    }

    /// Those whose end was not told yet.
    pub async fn egress_list_untold(&self) -> Result<Vec<EgressRow>, StoreError> {
        let ends = EgressState::ENDS.map(EgressState::name);
        let query = "SELECT row FROM egress WHERE told NOT IN (?1, ?2, ?3) ORDER BY id";
        self.call(move |sql| rows(sql, query, ends)).await
    }

    /// Receivers were told that it stands there; false if they had been before.
    pub async fn egress_told(&self, id: String, told: EgressState) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "UPDATE egress SET told = ?2 WHERE id = ?1 AND told <> ?2";
            Ok(sql.execute(query, params![id, told.name()])? == 1)
        })
        .await
    }
}
