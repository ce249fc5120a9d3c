//! Targets, and what is there or on its way.

use super::leftovers::forget_unwanted;
use super::remembered::Of;
use super::safekeeping::move_elsewhere;
use super::{Store, StoreError, rows, signed, unsigned};
use crate::targets::{CopyState, TargetRow, TargetTally};
use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};

/// The file with which a recording's tracks count as planned.
pub(crate) const MANIFEST: &str = "manifest.json";

/// A file on its way to a target, or its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    pub recording: String,
    pub target: String,
    /// Path within the recording's folder.
    pub path: String,
    /// Name at the target.
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal; empty: not known before it was sent.
    pub sha256: String,
    pub state: CopyState,
    /// When it was to be sent for the first time.
    pub since_ms: u64,
    pub attempts: u32,
    pub next_ms: u64,
    pub error: Option<String>,
    pub resume: Option<String>,
    pub delivered_ms: Option<u64>,
    /// Somebody wanted it, and no rule.
    pub asked: bool,
    /// A track, timeline or manifest.
    pub track: bool,
}

/// Whose files a target should have, by its own rules.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub target: String,
    /// Only this recording is looked at.
    pub only: Option<String>,
    /// Somebody asks for it, whatever the rules say.
    pub asked: bool,
}

/// A recording that a target lacks something of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source {
    pub recording: String,
    pub room_name: String,
    pub started_ms: u64,
}

/// A file that a target lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub source: Source,
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    pub track: bool,
}

const COLUMNS: &str = "recording, target, path, name, bytes, sha256, state, since_ms, attempts,
     next_ms, error, resume, delivered_ms, asked, track";
/// Whether recording `r` is of a room of target `t`.
pub(super) const ROOMS: &str =
    "(t.row ->> 'rooms' = '[]' OR r.room IN (SELECT value FROM json_each(t.row, '$.rooms')))";
/// Whether recording `r` ended after target `t` was made.
const LATER: &str = "COALESCE(r.kept_from_ms, r.ended_ms) > COALESCE(t.row ->> 'after_ms', (t.row ->> 'since_ms') - 1)";
/// Whether there is something of recording `r` that can be copied.
const ENDED: &str = "r.state NOT IN ('recording', 'empty')";

impl Wanted {
    /// What `rest` finds of the wanted recordings.
    fn find<T>(
        self,
        sql: &Transaction<'_>,
        columns: &str,
        rest: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        // Of one recording nobody looks through all.
        let one = if self.only.is_some() { "r.id = :only" } else { ":only IS NULL" };
        let mut statement = sql.prepare_cached(&format!(
            "SELECT r.id, r.room_name, r.started_ms {columns}
             FROM targets t CROSS JOIN recordings r {rest}
             AND t.id = :target AND {one} AND {ENDED} AND (:asked OR {LATER} AND {ROOMS}) ORDER BY r.id"
        ))?;
        let values =
            named_params! { ":target": self.target, ":only": self.only, ":asked": self.asked };
        let found = statement.query_map(values, read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl CopyState {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "delivered" => Self::Delivered,
            "given_up" => Self::GivenUp,
            _ => Self::Waiting,
        }
    }
}

fn source(row: &Row<'_>) -> rusqlite::Result<Source> {
    Ok(Source { recording: row.get(0)?, room_name: row.get(1)?, started_ms: unsigned(row.get(2)?) })
}

fn copy(row: &Row<'_>) -> rusqlite::Result<CopyRow> {
    Ok(CopyRow {
        recording: row.get(0)?,
        target: row.get(1)?,
        path: row.get(2)?,
        name: row.get(3)?,
        bytes: unsigned(row.get(4)?),
        sha256: row.get(5)?,
        state: CopyState::named(&row.get::<_, String>(6)?),
        since_ms: unsigned(row.get(7)?),
        attempts: row.get(8)?,
        next_ms: unsigned(row.get(9)?),
        error: row.get(10)?,
        resume: row.get(11)?,
        delivered_ms: row.get::<_, Option<i64>>(12)?.map(unsigned),
        asked: row.get(13)?,
        track: row.get(14)?,
    })
}

impl Store {
    /// Oldest first.
    pub async fn target_list(&self) -> Result<Vec<TargetRow>, StoreError> {
        self.call(|sql| rows(sql, "SELECT row FROM targets ORDER BY id", [])).await
    }

    /// When the newest recording ended, by the clock of then or the first one after that to be believed.
    pub async fn recording_newest_end(&self) -> Result<Option<u64>, StoreError> {
        self.call(|sql| {
            let query = "SELECT MAX(COALESCE(kept_from_ms, ended_ms)) FROM recordings";
            Ok(sql.query_row(query, [], |row| row.get::<_, Option<i64>>(0))?.map(unsigned))
        })
        .await
    }

    /// A new one, or a new version of one: what waits and is not wanted any more goes. `elsewhere`: it is
    /// another place now, so nothing is there.
    pub async fn target_put(&self, row: TargetRow, elsewhere: bool) -> Result<(), StoreError> {
        self.call(move |sql| {
            if elsewhere {
                sql.execute(
                    "UPDATE copies SET state = 'waiting', attempts = 0, next_ms = since_ms, begun = 0,
                         error = NULL, resume = NULL, delivered_ms = NULL WHERE target = ?1",
                    [&row.id],
                )?;
                sql.execute("DELETE FROM leftovers WHERE target = ?1", [&row.id])?;
                move_elsewhere(sql, &row.id)?;
            }
            let query = "INSERT INTO targets (id, row) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET row = excluded.row";
            sql.execute(query, params![row.id, serde_json::to_string(&row)?])?;
            forget_unwanted(sql, &row.id)
        })
        .await
    }

    /// With what waits for it and its receipts.
    pub async fn target_delete(&self, id: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM targets WHERE id = ?1", [id])?;
            Ok(())
        })
        .await
    }

    pub async fn target_tally(&self, id: String) -> Result<TargetTally, StoreError> {
        self.ask(Of::All, "tally", id.clone(), move |sql| {
            let mut tally = TargetTally::default();
            let query =
                "SELECT state, COUNT(*), SUM(bytes) FROM copies WHERE target = ?1 GROUP BY state";
            let mut statement = sql.prepare_cached(query)?;
            let mut found = statement.query([&id])?;
            while let Some(row) = found.next()? {
                let (files, bytes) = (unsigned(row.get(1)?), unsigned(row.get(2)?));
                match CopyState::named(&row.get::<_, String>(0)?) {
                    CopyState::Waiting => (tally.waiting, tally.waiting_bytes) = (files, bytes),
                    CopyState::Delivered => {
                        (tally.delivered, tally.delivered_bytes) = (files, bytes);
                    }
                    CopyState::GivenUp => tally.given_up = files,
                }
            }
            let query = "SELECT error FROM copies WHERE target = ?1 AND error IS NOT NULL
                 AND state <> 'delivered' ORDER BY next_ms DESC LIMIT 1";
            tally.error = sql.query_row(query, [&id], |row| row.get(0)).optional()?;
            Ok(tally)
        })
        .await
    }

    /// Files that were made of recordings and that a target has not, or has older.
    pub(crate) async fn copy_missing(&self, wanted: Wanted) -> Result<Vec<Missing>, StoreError> {
        self.call(move |sql| {
            let rest = "JOIN files f ON f.recording = r.id
                 LEFT JOIN copies c ON c.recording = r.id AND c.target = t.id AND c.path = f.path
                 WHERE (c.path IS NULL OR c.sha256 <> f.sha256)";
            wanted.find(sql, ", f.path, f.bytes, f.sha256", rest, |row| {
                Ok(Missing {
                    source: source(row)?,
                    path: row.get(3)?,
                    bytes: unsigned(row.get(4)?),
                    sha256: row.get(5)?,
                    track: false,
                })
            })
        })
        .await
    }

    /// Recordings whose tracks were never planned for a target.
    pub(crate) async fn copy_missing_tracks(
        &self,
        wanted: Wanted,
    ) -> Result<Vec<Source>, StoreError> {
        self.call(move |sql| {
            let rest = format!(
                "WHERE NOT EXISTS (SELECT 1 FROM copies c
                     WHERE c.recording = r.id AND c.target = t.id AND c.path = '{MANIFEST}')"
            );
            wanted.find(sql, "", &rest, source)
        })
        .await
    }

    /// Somebody wants what a target gets of a recording: no rule takes it away.
    pub async fn copy_ask(&self, recording: String, target: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE copies SET asked = 1 WHERE recording = ?1 AND target = ?2";
            sql.execute(query, [recording, target])?;
            Ok(())
        })
        .await
    }

    /// All at once, or none. What is there in an older version is sent anew; what an earlier transfer left
    /// is gone on with or thrown away by the next one.
    pub async fn copy_plan(&self, new: Vec<CopyRow>) -> Result<(), StoreError> {
        self.call(move |sql| {
            // Who was deleted since gets no copies.
            let mut insert = sql.prepare_cached(
                "INSERT INTO copies (recording, target, path, name, bytes, sha256, state, since_ms,
                     attempts, next_ms, asked, track, resume, begun)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'waiting', ?7, 0, ?7, ?8, ?9,
                     (SELECT resume FROM leftovers WHERE target = ?2 AND name = ?4),
                     EXISTS (SELECT 1 FROM leftovers WHERE target = ?2 AND name = ?4)
                 WHERE EXISTS (SELECT 1 FROM recordings WHERE id = ?1)
                     AND EXISTS (SELECT 1 FROM targets WHERE id = ?2)
                 ON CONFLICT DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256,
                     state = 'waiting', since_ms = excluded.since_ms, attempts = 0,
                     next_ms = excluded.next_ms, error = NULL, delivered_ms = NULL",
            )?;
            let mut wanted =
                sql.prepare_cached("DELETE FROM leftovers WHERE target = ?1 AND name = ?2")?;
            for row in new {
                insert.execute(params![
                    row.recording,
                    row.target,
                    row.path,
                    row.name,
                    signed(row.bytes),
                    row.sha256,
                    signed(row.since_ms),
                    row.asked,
                    row.track,
                ])?;
                wanted.execute([row.target, row.name])?;
            }
            Ok(())
        })
        .await
    }

    /// What goes to a target next, and is begun with that; manifests after the tracks that they name.
    /// `far_ms`: nothing was put off that far: who says so had another clock.
    pub async fn copy_next(
        &self,
        target: String,
        now_ms: u64,
        far_ms: u64,
    ) -> Result<Option<CopyRow>, StoreError> {
        self.call(move |sql| {
            let next = |which: &str, value: u64| {
                let query = format!(
                    "SELECT {COLUMNS} FROM copies
                     WHERE target = ?1 AND state = 'waiting' AND next_ms {which} ?2
                     ORDER BY next_ms, attempts, path = '{MANIFEST}', recording, bytes LIMIT 1"
                );
                sql.query_row(&query, params![target, signed(value)], copy).optional()
            };
            let found = match next("<=", now_ms)? {
                None => next(">", far_ms)?,
                due => due,
            };
            if let Some(row) = &found {
                sql.execute(
                    "UPDATE copies SET begun = 1 WHERE recording = ?1 AND target = ?2 AND path = ?3",
                    params![row.recording, row.target, row.path],
                )?;
            }
            Ok(found)
        })
        .await
    }

    /// A transfer got so far.
    pub async fn copy_keep_resume(
        &self,
        row: CopyRow,
        resume: Option<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE copies SET resume = ?5 WHERE recording = ?1 AND target = ?2 AND path = ?3
                     AND sha256 = ?4 AND state = 'waiting'",
                params![row.recording, row.target, row.path, row.sha256, resume],
            )?;
            Ok(())
        })
        .await
    }

    /// A transfer was ended before its time: others go first now. It goes on from `resume`, unless the contents are other
    /// ones by now.
    pub async fn copy_put_off(
        &self,
        row: CopyRow,
        resume: Option<String>,
        now_ms: u64,
        why: &'static str,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE copies SET next_ms = ?4, error = ?5,
                     resume = CASE WHEN sha256 = ?6 THEN ?7 ELSE resume END
                 WHERE recording = ?1 AND target = ?2 AND path = ?3 AND state = 'waiting'",
                params![
                    row.recording,
                    row.target,
                    row.path,
                    signed(now_ms),
                    why,
                    row.sha256,
                    resume
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Whether a target lacks something of a recording, planned or not yet. Tracks count from the start:
    /// they may be unreadable for a while, and go with the recording.
    pub async fn copy_owed(&self, recording: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = format!(
                "SELECT EXISTS (SELECT 1 FROM copies WHERE recording = ?1 AND state <> 'delivered')
                     OR EXISTS (SELECT 1 FROM egress e JOIN egress_uploads u ON u.egress = e.id
                         WHERE e.recording = ?1 AND u.state = 'waiting')
                     OR EXISTS (SELECT 1 FROM targets t CROSS JOIN recordings r
                         JOIN files f ON f.recording = r.id
                         LEFT JOIN copies c
                             ON c.recording = r.id AND c.target = t.id AND c.path = f.path
                         WHERE r.id = ?1 AND t.row ->> 'enabled' AND {ENDED} AND {LATER} AND {ROOMS}
                             AND (c.path IS NULL OR c.sha256 <> f.sha256))
                     OR EXISTS (SELECT 1 FROM targets t CROSS JOIN recordings r
                         WHERE r.id = ?1 AND t.row ->> 'enabled' AND {ENDED} AND {LATER} AND {ROOMS}
                             AND t.row ->> 'contents' = 'everything'
                             AND NOT EXISTS (SELECT 1 FROM copies c WHERE c.recording = r.id
                                 AND c.target = t.id AND c.path = '{MANIFEST}'))"
            );
            Ok(sql.query_row(&query, [recording], |row| row.get(0))?)
        })
        .await
    }

    /// An attempt has ended. Where the contents are other ones by now the row is another one too,
    /// and stays; so it does where the target is another one (its version) by now.
    pub async fn copy_settle(
        &self,
        row: CopyRow,
        sent: String,
        version: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE copies SET bytes = ?4, sha256 = ?5, state = ?6, attempts = ?7, next_ms = ?8,
                     error = ?9, resume = ?10, delivered_ms = ?11
                 WHERE recording = ?1 AND target = ?2 AND path = ?3 AND sha256 = ?12
                     AND EXISTS (SELECT 1 FROM targets WHERE id = ?2 AND row ->> 'version' = ?13)",
                params![
                    row.recording,
                    row.target,
                    row.path,
                    signed(row.bytes),
                    row.sha256,
                    row.state.name(),
                    row.attempts,
                    signed(row.next_ms),
                    row.error,
                    row.resume,
                    row.delivered_ms.map(signed),
                    sent,
                    signed(version),
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// What of a target waits for its pause to end is due now.
    pub async fn copy_end_pauses(&self, target: String, now_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE copies SET next_ms = ?2
                 WHERE target = ?1 AND state = 'waiting' AND next_ms > ?2";
            sql.execute(query, params![target, signed(now_ms)])?;
            Ok(())
        })
        .await
    }

    /// Everything of a target or of a recording that is not there is due now, what was given up too, and as
    /// if it had never failed.
    pub async fn copy_hurry(
        &self,
        target: Option<String>,
        recording: Option<String>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE copies SET next_ms = :now, state = 'waiting', since_ms = :now, attempts = 0
                 WHERE (:target IS NULL OR target = :target)
                     AND (:recording IS NULL OR recording = :recording)
                     AND state IN ('waiting', 'given_up')",
                named_params! {
                    ":now": signed(now_ms),
                    ":target": target,
                    ":recording": recording,
                },
            )?;
            Ok(())
        })
        .await
    }

    /// Of one recording, by target and name.
    pub async fn copy_list(&self, recording: String) -> Result<Vec<CopyRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM copies WHERE recording = ?1 ORDER BY target, path");
            let mut statement = sql.prepare_cached(&query)?;
            let found = statement.query_map([recording], copy)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Whether a target has everything of a recording that it should have.
    pub async fn copy_all_there(
        &self,
        recording: String,
        target: String,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            // A recording has few copies, a target many.
            let query = "SELECT NOT EXISTS (SELECT 1 FROM copies
                 WHERE recording = ?1 AND +target = ?2 AND state <> 'delivered')";
            Ok(sql.query_row(query, [recording, target], |row| row.get(0))?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
