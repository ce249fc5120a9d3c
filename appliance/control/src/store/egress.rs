//! What programs ordered.

use super::{Store, StoreError, outputs, rows, signed, uploads};
use crate::egress::{EgressRow, EgressState, UploadRow};
use crate::outputs::OutputRow;
use rusqlite::{OptionalExtension, Transaction, params};

pub(super) fn of_recording(
    sql: &Transaction<'_>,
    recording: &str,
) -> Result<Vec<EgressRow>, StoreError> {
    rows(sql, "SELECT row FROM egress WHERE recording = ?1 ORDER BY id", [recording])
}

fn get(sql: &Transaction<'_>, id: &str) -> Result<Option<EgressRow>, StoreError> {
    let query = "SELECT row FROM egress WHERE id = ?1";
    let row: Option<String> = sql.query_row(query, [id], |row| row.get(0)).optional()?;
    Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
}

/// Changes an order as it is now; `None` if there is none.
pub(super) fn change(
    sql: &Transaction<'_>,
    id: &str,
    change: impl FnOnce(&mut EgressRow),
) -> Result<Option<EgressRow>, StoreError> {
    let Some(mut row) = get(sql, id)? else { return Ok(None) };
    change(&mut row);
    let text = serde_json::to_string(&row)?;
    sql.execute("UPDATE egress SET row = ?2 WHERE id = ?1", params![id, text])?;
    Ok(Some(row))
}

impl Store {
    /// With where its film goes, and what it sends live. False if its recording does not run any more: it
    /// would never get a job.
    pub async fn egress_insert(
        &self,
        row: EgressRow,
        upload: Option<UploadRow>,
        sent: Vec<OutputRow>,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let inserted = sql.execute(
                "INSERT INTO egress (id, recording, room, started_ms, told, row)
                 SELECT ?1, ?2, ?3, ?4, '', ?5
                 WHERE EXISTS (SELECT 1 FROM recordings WHERE id = ?2 AND state = 'recording')",
                params![
                    row.id,
                    row.spec.recording,
                    row.room_name,
                    signed(row.started_ms),
                    serde_json::to_string(&row)?
                ],
            )?;
            if let Some(upload) = upload.filter(|_| inserted == 1) {
                uploads::put(sql, &upload)?;
            }
            if inserted == 1 {
                for output in &sent {
                    outputs::insert(sql, output)?;
                }
            }
            Ok(inserted == 1)
        })
        .await
    }

    pub async fn egress_get(&self, id: String) -> Result<Option<EgressRow>, StoreError> {
        self.call(move |sql| get(sql, &id)).await
    }

    /// Changes an order as it is now; `None` if there is none.
    pub async fn egress_change(
        &self,
        id: String,
        with: impl FnOnce(&mut EgressRow) + Send + 'static,
    ) -> Result<Option<EgressRow>, StoreError> {
        self.call(move |sql| change(sql, &id, with)).await
    }

    /// It sends live to these as well. `None` if there is no such order, or its recording does not run any
    /// more.
    pub async fn egress_send(
        &self,
        id: String,
        sent: Vec<OutputRow>,
        now_ms: u64,
    ) -> Result<Option<EgressRow>, StoreError> {
        self.call(move |sql| {
            for output in &sent {
                if !outputs::insert(sql, output)? {
                    return Ok(None);
                }
            }
            change(sql, &id, |row| row.send(&sent, now_ms))
        })
        .await
    }

    /// The newest, of one room or of all.
    pub async fn egress_list(
        &self,
        room: Option<String>,
        most: u32,
    ) -> Result<Vec<EgressRow>, StoreError> {
        let query =
            "SELECT row FROM egress WHERE ?1 IS NULL OR room = ?1 ORDER BY id DESC LIMIT ?2";
        self.call(move |sql| rows(sql, query, params![room, most])).await
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

    /// Receivers will be told that it stands there, whatever happens.
    pub async fn egress_told(&self, id: String, told: EgressState) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE egress SET told = ?2 WHERE id = ?1";
            sql.execute(query, params![id, told.name()])?;
            Ok(())
        })
        .await
    }
}
