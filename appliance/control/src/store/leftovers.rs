//! What is left at targets of copies that are not wanted any more.

use super::targets::ROOMS;
use super::{Store, StoreError, signed};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// An unfinished file or upload at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub target: String,
    /// Name at the target of what never got it.
    pub name: String,
    pub resume: Option<String>,
    /// To take it away.
    pub attempts: u32,
}

fn leftover(row: &Row<'_>) -> rusqlite::Result<Leftover> {
    Ok(Leftover {
        target: row.get(0)?,
        name: row.get(1)?,
        resume: row.get(2)?,
        attempts: row.get(3)?,
    })
}

/// A recording goes: what was begun of its copies is left.
pub(super) fn keep_leftovers(sql: &Transaction<'_>, recording: &str) -> Result<(), StoreError> {
    sql.execute(
        "INSERT OR REPLACE INTO leftovers (target, name, resume)
         SELECT target, name, resume FROM copies
         WHERE recording = ?1 AND begun AND state <> 'delivered'",
        [recording],
    )?;
    Ok(())
}

/// The target's rules are others: waiting copies that none of them wants go, and what was begun of them
/// is left. What was wanted by its time stays so: a target is only made once, and clocks are set.
pub(super) fn forget_unwanted(sql: &Transaction<'_>, target: &str) -> Result<(), StoreError> {
    let unwanted = format!(
        "FROM copies c JOIN targets t ON t.id = c.target JOIN recordings r ON r.id = c.recording
         WHERE c.target = ?1 AND c.state <> 'delivered' AND NOT c.asked
             AND NOT ({ROOMS} AND (NOT c.track OR t.row ->> 'contents' = 'everything'))"
    );
    sql.execute(
        &format!(
            "INSERT OR REPLACE INTO leftovers (target, name, resume)
             SELECT c.target, c.name, c.resume {unwanted} AND c.begun"
        ),
        [target],
    )?;
    let query = format!("DELETE FROM copies WHERE rowid IN (SELECT c.rowid {unwanted})");
    sql.execute(&query, [target])?;
    Ok(())
}

impl Store {
    /// What a target would keep for ever if it were forgotten now.
    pub async fn leftover_list(&self, target: String) -> Result<Vec<Leftover>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT target, name, resume, attempts FROM leftovers WHERE target = ?1
                 UNION ALL SELECT target, name, resume, 0 FROM copies
                 WHERE target = ?1 AND begun AND state <> 'delivered'";
            let mut statement = sql.prepare_cached(query)?;
            let found = statement.query_map([target], leftover)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What of a target's leftovers is to be taken away now: any of those that are due, for the same one
    /// each time could hold up the others. `far_ms`: nothing was put off that far.
    pub async fn leftover_next(
        &self,
        target: String,
        now_ms: u64,
        far_ms: u64,
    ) -> Result<Option<Leftover>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT target, name, resume, attempts FROM leftovers
                 WHERE target = ?1 AND (next_ms <= ?2 OR next_ms > ?3)
                 ORDER BY next_ms, random() LIMIT 1";
            let values = params![target, signed(now_ms), signed(far_ms)];
            Ok(sql.query_row(query, values, leftover).optional()?)
        })
        .await
    }

    /// A transfer of what is gone by now has got this far: newer than what was kept of it.
    pub async fn leftover_keep(
        &self,
        target: String,
        name: String,
        resume: Option<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO leftovers (target, name, resume)
                 SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM targets WHERE id = ?1)
                 ON CONFLICT DO UPDATE SET resume = excluded.resume",
                params![target, name, resume],
            )?;
            Ok(())
        })
        .await
    }

    /// It is gone.
    pub async fn leftover_forget(&self, left: Leftover) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM leftovers WHERE target = ?1 AND name = ?2";
            sql.execute(query, [left.target, left.name])?;
            Ok(())
        })
        .await
    }

    /// One could not be taken away: all of the target's that were due have failed with it, and are tried
    /// again together after the `pause` of the one that failed most often, up to so many times.
    pub async fn leftover_put_off(
        &self,
        target: String,
        (now_ms, far_ms): (u64, u64),
        pause: fn(u32) -> u64,
        most_attempts: u32,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "SELECT COALESCE(MAX(attempts), 0) FROM leftovers
                 WHERE target = ?1 AND (next_ms <= ?2 OR next_ms > ?3)";
            let values = params![target, signed(now_ms), signed(far_ms)];
            let failed: u32 = sql.query_row(query, values, |row| row.get(0))?;
            let next_ms = now_ms + pause(failed + 1);
            sql.execute(
                "UPDATE leftovers SET attempts = attempts + (next_ms <= ?2 OR next_ms > ?3), next_ms = ?4
                 WHERE target = ?1 AND (next_ms <= ?4 OR next_ms > ?3)",
                params![target, signed(now_ms), signed(far_ms), signed(next_ms)],
            )?;
            let query = "DELETE FROM leftovers WHERE target = ?1 AND attempts >= ?2";
            sql.execute(query, params![target, most_attempts])?;
            Ok(())
        })
        .await
    }
}
