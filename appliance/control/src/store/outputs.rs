//! Live outputs of recordings that run.

use super::remembered::Of;
use super::{Store, StoreError, egress, rows};
use crate::outputs::OutputRow;
use roombox_jobs::spec::LayoutName;
use rusqlite::{OptionalExtension, Transaction, params};

/// False if its recording does not run any more: nothing would ever end it.
pub(super) fn insert(sql: &Transaction<'_>, row: &OutputRow) -> Result<bool, StoreError> {
    let inserted = sql.execute(
        "INSERT INTO outputs (id, recording, token, row) SELECT ?1, ?2, ?3, ?4
         WHERE EXISTS (SELECT 1 FROM recordings WHERE id = ?2 AND state = 'recording')",
        params![row.id, row.spec.recording, row.token, serde_json::to_string(row)?],
    )?;
    Ok(inserted == 1)
}

impl Store {
    /// False if its recording does not run any more: nothing would ever end it.
    pub async fn output_insert(&self, row: OutputRow) -> Result<bool, StoreError> {
        self.call(move |sql| insert(sql, &row)).await
    }

    /// All of them, oldest first.
    pub async fn output_list(&self) -> Result<Vec<OutputRow>, StoreError> {
        self.ask(Of::All, "outputs", (), |sql| rows(sql, "SELECT row FROM outputs ORDER BY id", []))
            .await
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

    /// Ends an output: the order that it belongs to remembers when, and why if it never arrived.
    pub async fn output_end(
        &self,
        row: OutputRow,
        now_ms: u64,
        why: Option<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            let gone = sql.execute("DELETE FROM outputs WHERE id = ?1", [&row.id])? == 1;
            if let Some(order) = row.egress.filter(|_| gone) {
                egress::change(sql, &order, |order| order.sent(&row.id, now_ms, why))?;
            }
            Ok(())
        })
        .await
    }

    /// Another layout for all that an order sends.
    pub async fn output_relayout(
        &self,
        mut sent: Vec<OutputRow>,
        layout: LayoutName,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            for row in &mut sent {
                row.spec.layout.name = layout;
                let text = serde_json::to_string(row)?;
                sql.execute("UPDATE outputs SET row = ?2 WHERE id = ?1", params![row.id, text])?;
            }
            Ok(())
        })
        .await
    }
}
