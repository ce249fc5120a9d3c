//! Where ordered films are carried to.

use super::{Store, StoreError, rows};
use crate::egress::UploadRow;
use rusqlite::{OptionalExtension, Transaction, params};

pub(super) fn put(sql: &Transaction<'_>, row: &UploadRow) -> Result<(), StoreError> {
    // Its order may have gone with its recording.
    sql.execute(
        "INSERT INTO egress_uploads (egress, state, row) SELECT ?1, ?2, ?3
         WHERE EXISTS (SELECT 1 FROM egress WHERE id = ?1)
         ON CONFLICT (egress) DO UPDATE SET state = excluded.state, row = excluded.row",
        params![row.egress, row.state.name(), serde_json::to_string(row)?],
    )?;
    Ok(())
}

impl Store {
    pub async fn upload_get(&self, egress: String) -> Result<Option<UploadRow>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT row FROM egress_uploads WHERE egress = ?1";
            let row: Option<String> =
                sql.query_row(query, [egress], |row| row.get(0)).optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }

    pub async fn upload_put(&self, row: UploadRow) -> Result<(), StoreError> {
        self.call(move |sql| put(sql, &row)).await
    }

    /// Oldest first.
    pub async fn upload_list_waiting(&self) -> Result<Vec<UploadRow>, StoreError> {
        let query = "SELECT row FROM egress_uploads WHERE state = 'waiting' ORDER BY egress";
        self.call(move |sql| rows(sql, query, [])).await
    }
}
