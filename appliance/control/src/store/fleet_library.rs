//! At a hub: the recordings of its boxes, learnt from what they tell, and found by words.

use super::fleet::HeardRow;
use super::told::ToldMark;
use super::{Store, StoreError, signed, unsigned};
use crate::recordings::plain;
use rusqlite::types::Value;
use rusqlite::{Transaction, params, params_from_iter};
use serde::Deserialize;

/// The kind of an event that says how a recording stands in its library: to a hub that is new, and
/// when it has another title.
pub(super) const KNOWN: &str = "recording.known";

/// Characters of a title or a name; the box itself takes fewer.
const LONGEST: usize = 256;
/// Beyond it JavaScript counts wrong (2^53 − 1).
const LARGEST: u64 = (1 << 53) - 1;
/// A clock may be ahead so far.
const AHEAD_MS: u64 = 24 * 3600 * 1000;

/// A recording of a box of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRecordingRow {
    pub mark: ToldMark,
    pub of: String,
    pub recording: String,
    pub title: String,
    /// Name of the room, as far as it was told.
    pub room: Option<String>,
    pub state: String,
    pub bytes: u64,
    pub duration_ms: u64,
}

/// What of the fleet's recordings somebody wants to see; what is absent is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetSearch {
    /// Each is in the title or the room's name; as [`plain`] writes them.
    pub words: Vec<String>,
    /// Id of the box.
    pub of: Option<String>,
    /// Only what comes after this in the list.
    pub before: Option<ToldMark>,
}

/// What events say of a recording; a box may say anything.
#[derive(Deserialize)]
struct Said {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    room_name: Option<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    started_ms: Option<u64>,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    duration_ms: u64,
}

impl Said {
    /// As it may be listed: a box may say anything, and has no longer names and no larger numbers than
    /// other boxes. `None`: it names no recording.
    fn fits(mut self, now_ms: u64) -> Option<Self> {
        let short = |text: String| text.chars().take(LONGEST).collect::<String>();
        if self.id.is_empty() || self.id.len() > LONGEST || self.state.len() > LONGEST {
            return None;
        }
        self.title = short(self.title);
        self.room_name = self.room_name.map(short);
        self.started_ms = self.started_ms.map(|at| at.min(now_ms.saturating_add(AHEAD_MS)));
        self.bytes = self.bytes.min(LARGEST);
        self.duration_ms = self.duration_ms.min(LARGEST);
        Some(self)
    }
}

/// Has the hub hear how recordings stand: all, or one.
pub(super) fn tell(sql: &Transaction<'_>, recording: Option<&str>) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO fleet_events (kind, body, made_ms)
         SELECT ?1, json_object('id', id, 'room', room, 'room_name', room_name, 'title', title,
                'state', state, 'started_ms', started_ms, 'bytes', bytes, 'duration_ms', duration_ms),
            CAST(unixepoch('subsec') * 1000 AS INTEGER)
         FROM recordings WHERE EXISTS (SELECT 1 FROM fleet) AND (?2 IS NULL OR id = ?2) ORDER BY id",
        params![KNOWN, recording],
    )?;
    Ok(())
}

/// What became of what a box told of a recording.
pub(super) enum Learnt {
    /// It is another one in the list.
    Another,
    /// It is in the list already, or is none.
    Known,
    /// It would be one too many.
    NoRoom,
}

/// Learns what a box told, if it is of a recording and there is `room` for so many more of that box. Events of one
/// run of numbers may come in another order: the later number counts.
pub(super) fn learn(
    sql: &Transaction<'_>,
    row: &HeardRow,
    now_ms: u64,
    room: u64,
) -> Result<Learnt, StoreError> {
    if !row.kind.starts_with("recording.") {
        return Ok(Learnt::Known);
    }
    // Without its details an event says nothing that could be listed.
    let Ok(said) = serde_json::from_str::<Said>(&row.body) else { return Ok(Learnt::Known) };
    let Some(said) = said.fits(now_ms) else { return Ok(Learnt::Known) };
    let query = "SELECT 1 FROM fleet_library WHERE box = ?1 AND recording = ?2";
    let known = sql.prepare_cached(query)?.exists(params![row.of, said.id])?;
    if !known && room == 0 {
        return Ok(Learnt::NoRoom);
    }
    let gone = (row.kind == "recording.deleted").then_some(signed(now_ms));
    let started = said.started_ms.unwrap_or(row.at_ms).min(now_ms.saturating_add(AHEAD_MS));
    let found_by =
        plain(&format!("{}\n{}", said.title, said.room_name.as_deref().unwrap_or_default()));
    let mut put = sql.prepare_cached(
        "INSERT INTO fleet_library (box, recording, title, room, state, started_ms, bytes, duration_ms,
            epoch, seq, gone_ms, found_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (box, recording) DO UPDATE SET
            title = excluded.title, room = COALESCE(excluded.room, room), state = excluded.state,
            started_ms = MIN(excluded.started_ms, started_ms), bytes = excluded.bytes,
            duration_ms = excluded.duration_ms, epoch = excluded.epoch, seq = excluded.seq,
            gone_ms = excluded.gone_ms,
            found_by = CASE WHEN excluded.room IS NULL AND title = excluded.title
                THEN found_by ELSE excluded.found_by END
         WHERE excluded.epoch <> epoch OR (gone_ms IS NULL AND excluded.seq > seq)",
    )?;
    put.execute(params![
        row.of,
        said.id,
        said.title,
        said.room_name,
        said.state,
        signed(started),
        signed(said.bytes),
        signed(said.duration_ms),
        row.epoch,
        signed(row.seq),
        gone,
        found_by
    ])?;
    Ok(if known { Learnt::Known } else { Learnt::Another })
}

impl FleetSearch {
    fn query(&self, most: u32) -> (String, Vec<Value>) {
        let (mut clauses, mut values) = (vec!["gone_ms IS NULL"], Vec::new());
        let mut want = |clause, wanted: Vec<Value>| {
            values.extend(wanted);
            clauses.push(clause);
        };
        if let Some(of) = &self.of {
            want("box = ?", vec![of.clone().into()]);
        }
        if let Some(ToldMark { ms, row }) = self.before {
            let (ms, row) = (signed(ms), signed(row));
            want("started_ms <= ?", vec![ms.into()]);
            want("(started_ms < ? OR rowid < ?)", vec![ms.into(), row.into()]);
        }
        for word in &self.words {
            want("instr(found_by, ?) > 0", vec![word.clone().into()]);
        }
        let query = format!(
            "SELECT started_ms, rowid, box, recording, title, room, state, bytes, duration_ms
             FROM fleet_library WHERE {} ORDER BY started_ms DESC, rowid DESC LIMIT {most}",
            clauses.join(" AND ")
        );
        (query, values)
    }
}

impl Store {
    /// Recordings of the fleet, newest first.
    pub async fn fleet_library(
        &self,
        search: FleetSearch,
        most: u32,
    ) -> Result<Vec<FleetRecordingRow>, StoreError> {
        self.call(move |sql| {
            let (query, values) = search.query(most);
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(FleetRecordingRow {
                    mark: ToldMark { ms: unsigned(row.get(0)?), row: unsigned(row.get(1)?) },
                    of: row.get(2)?,
                    recording: row.get(3)?,
                    title: row.get(4)?,
                    room: row.get(5)?,
                    state: row.get(6)?,
                    bytes: unsigned(row.get(7)?),
                    duration_ms: unsigned(row.get(8)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
