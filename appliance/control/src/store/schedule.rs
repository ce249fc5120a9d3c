//! What is planned, by whom, and how it went.

use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::schedule::conduct::{Planned, Run};
use rusqlite::{OptionalExtension, Row, params};

/// Something that the owner planned once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// `evn_` and a ULID.
    pub id: String,
    pub room: String,
    pub title: String,
    pub start_ms: u64,
    pub end_ms: u64,
}

/// A calendar that somebody else publishes.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// `fd_` and a ULID.
    pub id: String,
    pub name: String,
    /// `None`: of each event the place says which room it is.
    pub room: Option<String>,
    pub url: String,
    pub created_ms: u64,
    pub fetched_ms: u64,
    /// Why the last try failed.
    pub error: Option<String>,
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        id: row.get(0)?,
        room: row.get(1)?,
        title: row.get(2)?,
        start_ms: unsigned(row.get(3)?),
        end_ms: unsigned(row.get(4)?),
    })
}

fn feed(row: &Row<'_>) -> rusqlite::Result<FeedRow> {
    Ok(FeedRow {
        id: row.get(0)?,
        name: row.get(1)?,
        room: row.get(2)?,
        url: row.get(3)?,
        created_ms: unsigned(row.get(4)?),
        fetched_ms: unsigned(row.get(5)?),
        error: row.get(6)?,
    })
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        planned: Planned {
            key: row.get(0)?,
            title: row.get(2)?,
            start_ms: unsigned(row.get(3)?),
            end_ms: row.get::<_, Option<i64>>(4)?.map(unsigned),
        },
        room: row.get(1)?,
        extended_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
        recording: row.get(6)?,
        ours: row.get(7)?,
        stopped: row.get(8)?,
    })
}

impl Store {
    pub async fn schedule_event_list(&self) -> Result<Vec<EventRow>, StoreError> {
        self.call(|sql| {
            let query = "SELECT id, room, title, start_ms, end_ms FROM schedule_events
                 ORDER BY start_ms, id";
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map([], event)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps an event unless another one of the room's own is on at the same time: that one is answered.
    pub async fn schedule_event_insert(
        &self,
        row: EventRow,
    ) -> Result<Option<EventRow>, StoreError> {
        self.call(move |sql| {
            let other = sql
                .query_row(
                    "SELECT id, room, title, start_ms, end_ms FROM schedule_events
                     WHERE room = ?1 AND start_ms < ?3 AND end_ms > ?2 ORDER BY start_ms LIMIT 1",
                    params![row.room, signed(row.start_ms), signed(row.end_ms)],
                    event,
                )
                .optional()?;
            if other.is_none() {
                sql.execute(
                    "INSERT INTO schedule_events (id, room, title, start_ms, end_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![row.id, row.room, row.title, signed(row.start_ms), signed(row.end_ms)],
                )?;
            }
            Ok(other)
        })
        .await
    }

    /// False if there is no such event.
    pub async fn schedule_event_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            Ok(sql.execute("DELETE FROM schedule_events WHERE id = ?1", [id])? == 1)
        })
        .await
    }

    /// All feeds, without what they say: that may be megabytes.
    pub async fn schedule_feed_list(&self) -> Result<Vec<FeedRow>, StoreError> {
        self.ask(Of::All, "feeds", (), |sql| {
            let query =
                "SELECT id, name, room, url, created_ms, fetched_ms, error FROM schedule_feeds
                 ORDER BY name COLLATE NOCASE, id";
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map([], feed)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What a feed said last; `None`: there is no such feed any more.
    pub async fn schedule_feed_body(&self, id: String) -> Result<Option<String>, StoreError> {
        self.call(move |sql| {
            let query = "SELECT body FROM schedule_feeds WHERE id = ?1";
            Ok(sql.query_row(query, [id], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// False if there are `most` already, or they would say more than `most_bytes` together.
    pub async fn schedule_feed_insert(
        &self,
        row: FeedRow,
        body: String,
        (most, most_bytes): (usize, usize),
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let made = sql.execute(
                "INSERT INTO schedule_feeds (id, name, room, url, body, created_ms, fetched_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
                 WHERE (SELECT COUNT(*) FROM schedule_feeds) < ?8
                     AND (SELECT COALESCE(SUM(LENGTH(body)), 0) FROM schedule_feeds) + LENGTH(?5) <= ?9",
                params![
                    row.id,
                    row.name,
                    row.room,
                    row.url,
                    body,
                    signed(row.created_ms),
                    signed(row.fetched_ms),
                    signed(most as u64),
                    signed(most_bytes as u64)
                ],
            )?;
            Ok(made == 1)
        })
        .await
    }

    /// Keeps what a feed says now; false if all would say more than `most_bytes` together.
    pub async fn schedule_feed_fetched(
        &self,
        id: String,
        body: String,
        (fetched_ms, most_bytes): (u64, usize),
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let kept = sql.execute(
                "UPDATE schedule_feeds SET body = ?2, fetched_ms = ?3, error = NULL WHERE id = ?1
                     AND (SELECT COALESCE(SUM(LENGTH(body)), 0) FROM schedule_feeds WHERE id <> ?1)
                         + LENGTH(?2) <= ?4",
                params![id, body, signed(fetched_ms), signed(most_bytes as u64)],
            )?;
            Ok(kept == 1)
        })
        .await
    }

    /// Keeps why a feed says nothing; what it said before stays.
    pub async fn schedule_feed_failed(&self, id: String, error: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE schedule_feeds SET error = ?2 WHERE id = ?1";
            sql.execute(query, params![id, error])?;
            Ok(())
        })
        .await
    }

    /// False if there is no such feed.
    pub async fn schedule_feed_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(
            move |sql| Ok(sql.execute("DELETE FROM schedule_feeds WHERE id = ?1", [id])? == 1),
        )
        .await
    }

    /// How everything went that ended after this moment, or is named by its key; a meeting without a planned end
    /// is over in a week, unless a person ended its recording: then it is when somebody says so.
    pub(crate) async fn schedule_runs(
        &self,
        ended_after_ms: u64,
        and: Vec<String>,
    ) -> Result<Vec<Run>, StoreError> {
        let and = serde_json::to_string(&and)?;
        self.ask(Of::All, "runs", (ended_after_ms, and.clone()), move |sql| {
            let query =
                "SELECT key, room, title, start_ms, end_ms, extended_ms, recording, ours, stopped
                 FROM schedule_runs
                 WHERE MAX(COALESCE(end_ms, start_ms + 604800000), COALESCE(extended_ms, 0)) > ?1
                     OR (stopped AND end_ms IS NULL AND extended_ms IS NULL)
                     OR key IN (SELECT value FROM json_each(?2))
                 ORDER BY start_ms, key";
            let mut statement = sql.prepare_cached(query)?;
            let rows = statement.query_map(params![signed(ended_after_ms), and], run)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn schedule_run_put(&self, run: Run) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO schedule_runs
                     (key, room, title, start_ms, end_ms, extended_ms, recording, ours, stopped)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (key) DO UPDATE SET title = excluded.title, end_ms = excluded.end_ms,
                     recording = excluded.recording,
                     ours = excluded.ours, stopped = excluded.stopped",
                params![
                    run.planned.key,
                    run.room,
                    run.planned.title,
                    signed(run.planned.start_ms),
                    run.planned.end_ms.map(signed),
                    run.extended_ms.map(signed),
                    run.recording,
                    run.ours,
                    run.stopped
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Has a run go on until then; of one without a planned end: then it was over.
    pub async fn schedule_run_extend(&self, key: String, until_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE schedule_runs SET extended_ms = ?2 WHERE key = ?1";
            sql.execute(query, params![key, signed(until_ms)])?;
            Ok(())
        })
        .await
    }

    /// Takes a note back of something that did not begin.
    pub async fn schedule_run_delete(&self, key: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM schedule_runs WHERE key = ?1", [key])?;
            Ok(())
        })
        .await
    }

    /// Forgets how it went before this moment, and what the owner planned until then.
    pub async fn schedule_forget(&self, before_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            // A person's word for the rest of a meeting that still goes on stays.
            let query = "DELETE FROM schedule_runs WHERE start_ms < ?1
                 AND NOT (stopped AND end_ms IS NULL AND extended_ms IS NULL
                     AND EXISTS (SELECT 1 FROM rooms WHERE rooms.id = schedule_runs.room))";
            sql.execute(query, [signed(before_ms)])?;
            sql.execute("DELETE FROM schedule_events WHERE end_ms < ?1", [signed(before_ms)])?;
            Ok(())
        })
        .await
    }
}
