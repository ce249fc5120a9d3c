//! Backups that the box made by itself, at their targets or on their way.

use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::safekeeping::PlanRow;
use rusqlite::{Row, Transaction, params};

/// Under which the plan lies among what is set up.
pub(crate) const PLAN: &str = "safekeeping";

/// A backup at a target, or on its way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCopyRow {
    pub target: String,
    pub seq: u64,
    /// Of which box it is.
    pub box_id: String,
    /// Name at the target.
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub made_ms: u64,
    /// It is there and was read back; else it waits.
    pub delivered_ms: Option<u64>,
    /// In a row that failed.
    pub attempts: u32,
    pub next_ms: u64,
    pub error: Option<String>,
    pub resume: Option<String>,
}

const COLUMNS: &str = "target, seq, box_id, name, bytes, sha256, made_ms, delivered_ms, attempts, next_ms, error, resume";

fn copy(row: &Row<'_>) -> rusqlite::Result<BackupCopyRow> {
    Ok(BackupCopyRow {
        target: row.get(0)?,
        seq: unsigned(row.get(1)?),
        box_id: row.get(2)?,
        name: row.get(3)?,
        bytes: unsigned(row.get(4)?),
        sha256: row.get(5)?,
        made_ms: unsigned(row.get(6)?),
        delivered_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
        attempts: row.get(8)?,
        next_ms: unsigned(row.get(9)?),
        error: row.get(10)?,
        resume: row.get(11)?,
    })
}

/// The target is another place now: nothing is there, and what waits begins anew.
pub(super) fn move_elsewhere(sql: &Transaction<'_>, target: &str) -> Result<(), StoreError> {
    sql.execute("DELETE FROM backup_copies WHERE target = ?1 AND state = 'delivered'", [target])?;
    sql.execute(
        "UPDATE backup_copies SET attempts = 0, next_ms = 0, error = NULL, resume = NULL WHERE target = ?1",
        [target],
    )?;
    Ok(())
}

impl Store {
    /// Keeps the plan, and with it what goes out now, all of it or nothing. What waited is not wanted any more
    /// where `keep_waiting` does not name its target; what was begun of it is left, to be taken away. A first attempt
    /// may be under way, and a target of which nothing was begun is none the worse for it.
    pub async fn backup_plan_put(
        &self,
        box_id: String,
        plan: PlanRow,
        new: Vec<BackupCopyRow>,
        keep_waiting: Vec<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO reports (name, row, done) VALUES (?1, ?2, 0)
                 ON CONFLICT (name) DO UPDATE SET row = excluded.row",
                params![PLAN, serde_json::to_string(&plan)?],
            )?;
            let kept = serde_json::to_string(&keep_waiting)?;
            let unwanted = "FROM backup_copies WHERE box_id = ?1 AND state = 'waiting'
                 AND target NOT IN (SELECT value FROM json_each(?2))";
            sql.execute(
                &format!(
                    "INSERT OR REPLACE INTO leftovers (target, name, resume)
                     SELECT target, name, resume {unwanted}"
                ),
                params![box_id, kept],
            )?;
            sql.execute(&format!("DELETE {unwanted}"), params![box_id, kept])?;
            let mut insert = sql.prepare_cached(
                "INSERT OR REPLACE INTO backup_copies
                     (target, seq, box_id, name, bytes, sha256, made_ms, state, next_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8
                 WHERE EXISTS (SELECT 1 FROM targets WHERE id = ?1)",
            )?;
            for row in new {
                insert.execute(params![
                    row.target,
                    signed(row.seq),
                    row.box_id,
                    row.name,
                    signed(row.bytes),
                    row.sha256,
                    signed(row.made_ms),
                    signed(row.next_ms),
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// Those of a box, the newest first.
    pub async fn backup_copy_list(&self, box_id: String) -> Result<Vec<BackupCopyRow>, StoreError> {
        self.ask(Of::All, "backup copies", box_id.clone(), move |sql| {
            let query = format!(
                "SELECT {COLUMNS} FROM backup_copies WHERE box_id = ?1 ORDER BY seq DESC, target"
            );
            let mut statement = sql.prepare_cached(&query)?;
            let found = statement.query_map([box_id], copy)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps what became of one; it may be gone, or wanted anew, meanwhile.
    pub async fn backup_copy_settle(&self, row: BackupCopyRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            let state = if row.delivered_ms.is_some() { "delivered" } else { "waiting" };
            sql.execute(
                "UPDATE backup_copies SET state = ?4, delivered_ms = ?5, attempts = ?6, next_ms = ?7,
                     error = ?8, resume = ?9
                 WHERE target = ?1 AND seq = ?2 AND sha256 = ?3",
                params![
                    row.target,
                    signed(row.seq),
                    row.sha256,
                    state,
                    row.delivered_ms.map(signed),
                    row.attempts,
                    signed(row.next_ms),
                    row.error,
                    row.resume,
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// A transfer has got this far; one that has come there meanwhile stays as it is.
    pub async fn backup_copy_resume(&self, row: BackupCopyRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE backup_copies SET resume = ?4
                 WHERE target = ?1 AND seq = ?2 AND sha256 = ?3 AND state = 'waiting'",
                params![row.target, signed(row.seq), row.sha256, row.resume],
            )?;
            Ok(())
        })
        .await
    }

    /// What waits cannot be carried any more; what was begun of it is left, to be taken away. One that came there
    /// meanwhile stays.
    pub async fn backup_copy_give_up(&self, row: BackupCopyRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            let lost = "FROM backup_copies
                 WHERE target = ?1 AND seq = ?2 AND sha256 = ?3 AND state = 'waiting'";
            let values = params![row.target, signed(row.seq), row.sha256];
            sql.execute(
                &format!(
                    "INSERT OR REPLACE INTO leftovers (target, name, resume)
                     SELECT target, name, resume {lost}"
                ),
                values,
            )?;
            sql.execute(&format!("DELETE {lost}"), values)?;
            Ok(())
        })
        .await
    }

    /// One is not there any more.
    pub async fn backup_copy_delete(&self, target: String, seq: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM backup_copies WHERE target = ?1 AND seq = ?2";
            sql.execute(query, params![target, signed(seq)])?;
            Ok(())
        })
        .await
    }
}
