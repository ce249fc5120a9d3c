//! The audit log: rows that are only added at the new end, and cut at the old one.

use super::{Store, StoreError, signed, unsigned};
use crate::audit::chain::{AuditEntry, NOTHING, Noted, hash};
use crate::clock::UnixMs;
use rusqlite::{OptionalExtension, Transaction, params};

/// What of the log is asked for; `None` asks for all.
#[derive(Debug, Clone, Default)]
pub struct AuditSearch {
    pub person: Option<String>,
    pub action: Option<String>,
    pub refused: Option<bool>,
    pub from_ms: Option<u64>,
    pub to_ms: Option<u64>,
    pub before: Option<u64>,
    pub limit: u32,
}

/// The last row that is not kept: its number and hash.
pub type Anchor = (u64, String);

/// Number, entry and hash.
pub type AuditRow = (u64, String, String);

fn anchor(sql: &Transaction<'_>) -> Result<Anchor, StoreError> {
    let found = sql
        .query_row("SELECT seq, hash FROM audit_anchor", [], |row| {
            Ok((unsigned(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or((0, NOTHING.to_owned())))
}

/// The newest row, or what was before all that are kept.
fn newest(sql: &Transaction<'_>) -> Result<Anchor, StoreError> {
    let query = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let found =
        sql.query_row(query, [], |row| Ok((unsigned(row.get(0)?), row.get(1)?))).optional()?;
    found.map_or_else(|| anchor(sql), Ok)
}

impl Store {
    /// Adds a row to the chain.
    pub async fn audit_append(&self, what: Noted, now_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let (seq, previous) = newest(sql)?;
            let entry = AuditEntry { seq: seq + 1, at: UnixMs(now_ms), what };
            let text = serde_json::to_string(&entry)?;
            sql.execute(
                "INSERT INTO audit (seq, at_ms, person, action, refused, entry, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    signed(entry.seq),
                    signed(now_ms),
                    entry.what.person,
                    entry.what.action,
                    entry.what.result != "ok",
                    text,
                    hash(&previous, &text)
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Rows that are asked for, the newest first.
    pub async fn audit_list(&self, asked: AuditSearch) -> Result<Vec<AuditEntry>, StoreError> {
        self.call(move |sql| {
            let values = params![
                asked.person,
                asked.action,
                asked.refused,
                asked.from_ms.map(signed),
                asked.to_ms.map(signed),
                asked.before.map(signed),
                asked.limit
            ];
            super::rows(
                sql,
                "SELECT entry FROM audit
                 WHERE (?1 IS NULL OR person = ?1) AND (?2 IS NULL OR action = ?2)
                   AND (?3 IS NULL OR refused = ?3) AND (?4 IS NULL OR at_ms >= ?4)
                   AND (?5 IS NULL OR at_ms < ?5) AND (?6 IS NULL OR seq < ?6)
                 ORDER BY seq DESC LIMIT ?7",
                values,
            )
        })
        .await
    }

    /// The oldest rows after one, or all that are kept; and what is before all of them.
    pub async fn audit_rows(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> Result<(Anchor, Vec<AuditRow>), StoreError> {
        self.call(move |sql| {
            let anchor = anchor(sql)?;
            let mut statement = sql.prepare_cached(
                "SELECT seq, entry, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let after = after.map_or(-1, signed);
            let rows = statement.query_map(params![after, limit], |row| {
                Ok((unsigned(row.get(0)?), row.get(1)?, row.get(2)?))
            })?;
            Ok((anchor, rows.collect::<Result<_, _>>()?))
        })
        .await
    }

    /// Numbers of the last row that is not kept, and of the newest.
    pub async fn audit_ends(&self) -> Result<(u64, u64), StoreError> {
        self.call(|sql| Ok((anchor(sql)?.0, newest(sql)?.0))).await
    }

    /// Cuts rows of before a time, and those that are too many. What is cut is at the old end and has
    /// no gap, also where the clock went back.
    pub async fn audit_cut(&self, old_ms: u64, most: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let until = "SELECT MAX(
                 COALESCE((SELECT MIN(seq) - 1 FROM audit WHERE at_ms >= ?1),
                          (SELECT MAX(seq) FROM audit), 0),
                 COALESCE((SELECT MAX(seq) FROM audit), 0) - ?2)";
            let until: i64 =
                sql.query_row(until, params![signed(old_ms), signed(most)], |row| row.get(0))?;
            let last = "SELECT seq, hash FROM audit WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
            let last = sql
                .query_row(last, [until], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                })
                .optional()?;
            if let Some((seq, hash)) = last {
                sql.execute("DELETE FROM audit_anchor", [])?;
                sql.execute("INSERT INTO audit_anchor VALUES (?1, ?2)", params![seq, hash])?;
                sql.execute("DELETE FROM audit WHERE seq <= ?1", [seq])?;
            }
            Ok(())
        })
        .await
    }
}

/// What somebody does who can write to the database.
#[cfg(test)]
pub(crate) fn tampered(path: &std::path::Path, query: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(query).unwrap();
}
