//! Live outputs of recordings that run.

use super::{Store, StoreError, rows};
use crate::outputs::OutputRow;
use rusqlite::{OptionalExtension, params};

impl Store {
    /// False if its recording does not run any more: nothing would ever end it.
    pub async fn output_insert(&self, row: OutputRow) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let inserted = sql.execute(
                "INSERT INTO outputs (id, recording, token, row) SELECT ?1, ?2, ?3, ?4
                 WHERE EXISTS (SELECT 1 FROM recordings WHERE id = ?2 AND state = 'recording')",
                params![row.id, row.spec.recording, row.token, serde_json::to_string(&row)?],
            )?;
            Ok(inserted == 1)
        })
        .await
    }

    /// All of them, oldest first.
    pub async fn output_list(&self) -> Result<Vec<OutputRow>, StoreError> {
        self.call(|sql| rows(sql, "SELECT row FROM outputs ORDER BY id", [])).await
    }

    pub async fn output_list_of(&self, recording: String) -> Result<Vec<OutputRow>, StoreError> {
        let query = "SELECT row FROM outputs WHERE recording = ?1 ORDER BY id";
        self.call(move |sql| rows(sql, query, [recording])).await
    }

    /// Id of the output with this token.
    pub async fn output_by_token(&self, token: String) -> Result<Option<String>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT id FROM outputs WHERE token = ?1";
            Ok(sql.query_row(query, [token], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// False if there is none.
    pub async fn output_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| Ok(sql.execute("DELETE FROM outputs WHERE id = ?1", [id])? == 1)).await
    }
}
