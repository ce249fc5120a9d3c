//! The library: recordings found by words, times, rooms and states, and counted by day.

use super::recordings::{COLUMNS, RecordingRow, name, recording};
use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::recordings::{RecordingState, plain};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};
use ulid::Ulid;

/// What recordings somebody wants to see; what is empty is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Each is in the title, the room's name or somebody's; as [`plain`] writes them.
    pub words: Vec<String>,
    /// Begun at this moment or later.
    pub from_ms: Option<u64>,
    /// Begun before this moment.
    pub to_ms: Option<u64>,
    /// Name of the room.
    pub room: Option<String>,
    pub state: Option<RecordingState>,
}

/// A recording's id is at most so much older or younger than its beginning.
const APART_MS: u64 = 300_000;

/// The smallest id of a recording that was made at this moment.
fn id_at(ms: u64) -> String {
    format!("rec_{}", Ulid::from_parts(ms, 0))
}

impl Search {
    /// Conditions and their values. Ids are ULIDs, so that their order is the order of time and a range
    /// of times is one of ids: whatever is asked for, one index leads to it, in order.
    fn conditions(&self, after: Option<String>) -> Result<(String, Vec<Value>), StoreError> {
        let mut clauses = vec!["1".to_owned()];
        let mut values = Vec::new();
        let mut want = |clause: &str, value: Value| {
            values.push(value);
            clauses.push(clause.replace('?', &format!("?{}", values.len())));
        };
        if let Some(after) = after {
            want("id < ?", after.into());
        }
        if let Some(from) = self.from_ms {
            want("id >= ?", id_at(from.saturating_sub(APART_MS)).into());
            want("started_ms >= ?", signed(from).into());
        }
        if let Some(to) = self.to_ms {
            want("id < ?", id_at(to.saturating_add(APART_MS)).into());
            want("started_ms < ?", signed(to).into());
        }
        if let Some(room) = &self.room {
            want("room_name = ?", room.clone().into());
        }
        if let Some(state) = self.state {
            want("state = ?", name(state)?.into());
        }
        for word in &self.words {
            want("instr(found_by, ?) > 0", word.clone().into());
        }
        Ok((clauses.join(" AND "), values))
    }
}

/// The recordings of one day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayRows {
    pub count: u64,
    /// The first ones of the day.
    pub rows: Vec<RecordingRow>,
}

/// Writes down by which words a recording is found.
pub(super) fn learn_words(sql: &Transaction<'_>, id: &str) -> Result<(), StoreError> {
    let query = "SELECT title, room_name, COALESCE(people, '') FROM recordings WHERE id = ?1";
    let texts: Option<[String; 3]> =
        sql.query_row(query, [id], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()?;
    let Some(texts) = texts else { return Ok(()) };
    let found_by = plain(&texts.join("\n"));
    sql.execute("UPDATE recordings SET found_by = ?2 WHERE id = ?1", params![id, found_by])?;
    Ok(())
}

/// Writes down who was in a recording.
pub(super) fn set_people(
    sql: &Transaction<'_>,
    id: &str,
    people: &[String],
) -> Result<(), StoreError> {
    let query = "UPDATE recordings SET people = ?2 WHERE id = ?1";
    sql.execute(query, params![id, people.join("\n")])?;
    learn_words(sql, id)
}

impl Store {
    /// Newest first, from after `after` on.
    pub async fn recording_list(
        &self,
        search: Search,
        limit: u32,
        after: Option<String>,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        let about = format!("{search:?} {limit} {after:?}");
        self.ask(Of::Library, "recordings", about, move |sql| {
            let (conditions, values) = search.conditions(after)?;
            let query = format!(
                "SELECT {COLUMNS} FROM recordings WHERE {conditions} ORDER BY id DESC LIMIT {limit}"
            );
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map(params_from_iter(values), recording)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What began between each of these moments and the next, with the first `most` of each.
    pub async fn recording_days(
        &self,
        search: Search,
        starts_ms: Vec<u64>,
        most: u32,
    ) -> Result<Vec<DayRows>, StoreError> {
        let about = format!("{search:?} {starts_ms:?} {most}");
        self.ask(Of::Library, "days", about, move |sql| {
            let mut days = Vec::new();
            for day in starts_ms.windows(2) {
                let of_day =
                    Search { from_ms: Some(day[0]), to_ms: Some(day[1]), ..search.clone() };
                let (conditions, values) = of_day.conditions(None)?;
                let query = format!("SELECT COUNT(*) FROM recordings WHERE {conditions}");
                let count: i64 =
                    sql.query_row(&query, params_from_iter(&values), |row| row.get(0))?;
                let mut found = DayRows { count: unsigned(count), rows: Vec::new() };
                if count > 0 {
                    let query = format!(
                        "SELECT {COLUMNS} FROM recordings WHERE {conditions} ORDER BY id LIMIT {most}"
                    );
                    let mut statement = sql.prepare_cached(&query)?;
                    let rows = statement.query_map(params_from_iter(&values), recording)?;
                    found.rows = rows.collect::<Result<_, _>>()?;
                }
                days.push(found);
            }
            Ok(days)
        })
        .await
    }

    /// Names of the rooms that have recordings, in order.
    pub async fn recording_rooms(&self, most: u32) -> Result<Vec<String>, StoreError> {
        self.ask(Of::Library, "rooms", most, move |sql| {
            // From name to name in the index: a box with many recordings has few rooms.
            let mut statement = sql.prepare_cached(
                "WITH RECURSIVE named (name) AS (
                     SELECT MIN(room_name) FROM recordings
                     UNION ALL
                     SELECT (SELECT MIN(room_name) FROM recordings WHERE room_name > name)
                     FROM named WHERE name IS NOT NULL)
                 SELECT name FROM named WHERE name IS NOT NULL LIMIT ?1",
            )?;
            let names = statement.query_map([most], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Finds words anew where an older version has left them out or changed the title.
    pub async fn recording_mend_words(&self) -> Result<(), StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached("SELECT id, title, found_by FROM recordings")?;
            let mut rows = statement.query([])?;
            let mut old = Vec::new();
            while let Some(row) = rows.next()? {
                let (title, found_by) =
                    (row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?);
                let begins = plain(&title) + "\n";
                if !found_by.is_some_and(|words| words.starts_with(&begins)) {
                    old.push(row.get::<_, String>(0)?);
                }
            }
            old.iter().try_for_each(|id| learn_words(sql, id))
        })
        .await
    }

    /// Recordings that have ended and of which nobody knows who was in them, `most` of them.
    pub async fn recording_list_nameless(&self, most: u32) -> Result<Vec<String>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id FROM recordings WHERE people IS NULL AND state <> 'recording' LIMIT ?1",
            )?;
            let ids = statement.query_map([most], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn recording_set_people(
        &self,
        id: String,
        people: Vec<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| set_people(sql, &id, &people)).await
    }
}

#[cfg(test)]
mod tests;
