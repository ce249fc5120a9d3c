//! What may be deleted, and what was.

use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::clock::UnixMs;
use crate::retention::{Candidate, Deletion, Why};
use roombox_jobs::JobState;
use rusqlite::params;

/// Deletions that are remembered.
const REMEMBERED: u32 = 1000;
/// What ended no longer ago than this, by a clock that can be believed, ended by that clock.
const JUST_NOW_MS: u64 = 3_600_000;

impl Store {
    /// Recordings that have ended, by then if that is said, and of which nothing is being made, alone or with
    /// others, or waits for a decision: so many of the oldest, oldest first.
    pub async fn recording_list_settled(
        &self,
        ended_by: Option<u64>,
        most: Option<u32>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let [queued, running] = [JobState::Queued, JobState::Running].map(JobState::name);
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "WITH days AS MATERIALIZED (
                     SELECT id AS room, json_extract(rules, '$.keep_days') AS days FROM rooms
                     WHERE json_valid(rules)),
                 owed AS MATERIALIZED (
                     SELECT recording FROM copies WHERE state <> 'delivered'
                     UNION SELECT e.recording FROM egress e
                         JOIN egress_uploads u ON u.egress = e.id WHERE u.state = 'waiting')
                 SELECT id, COALESCE(kept_from_ms, ended_ms), held, id IN owed,
                     bytes + films_bytes, room_name, state = 'ready',
                     COALESCE(days.days, own_days), kept_from_ms IS NULL
                 FROM recordings INDEXED BY recordings_by_age
                     LEFT JOIN days ON days.room = recordings.room
                 WHERE state IN ('ready', 'empty') AND COALESCE(kept_from_ms, ended_ms) <= ?3
                     AND id NOT IN (SELECT recording FROM jobs WHERE jobs.state IN (?1, ?2))
                     AND id NOT IN (SELECT json_extract(part.value, '$.recording')
                         FROM jobs, json_each(jobs.row, '$.spec.merge.parts') AS part
                         WHERE jobs.state IN (?1, ?2))
                 ORDER BY COALESCE(kept_from_ms, ended_ms), id LIMIT ?4",
            )?;
            // SQLite's word for all of them.
            let most = most.map_or(-1, i64::from);
            let ended_by = signed(ended_by.unwrap_or(u64::MAX));
            let rows = statement.query_map(params![queued, running, ended_by, most], |row| {
                Ok(Candidate {
                    id: row.get(0)?,
                    ended_ms: unsigned(row.get(1)?),
                    held: row.get(2)?,
                    undelivered: row.get(3)?,
                    bytes: unsigned(row.get(4)?),
                    room: row.get(5)?,
                    counts: row.get(6)?,
                    own_days: row.get(7)?,
                    undated: row.get(8)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// From when on the time of recordings counts that have ended since this was asked last: from their end, if
    /// the clock says that it was just now, and else from now on. To be asked while the clock can be believed.
    pub async fn recording_date(&self, now_ms: u64) -> Result<(), StoreError> {
        // Asked for every few seconds.
        let query = "SELECT EXISTS (SELECT 1 FROM recordings
                         WHERE kept_from_ms IS NULL AND ended_ms IS NOT NULL)";
        let undated = self.ask(Of::Library, "undated", (), move |sql| {
            Ok(sql.query_row(query, [], |row| row.get::<_, bool>(0))?)
        });
        if !undated.await? {
            return Ok(());
        }
        self.call(move |sql| {
            sql.execute(
                "UPDATE recordings SET kept_from_ms =
                     CASE WHEN ABS(ended_ms - ?1) <= ?2 THEN ended_ms ELSE ?1 END
                 WHERE kept_from_ms IS NULL AND ended_ms IS NOT NULL",
                params![signed(now_ms), signed(JUST_NOW_MS)],
            )?;
            Ok(())
        })
        .await
    }

    /// False if there is no such recording.
    pub async fn recording_set_held(&self, id: String, held: bool) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "UPDATE recordings SET held = ?2 WHERE id = ?1";
            Ok(sql.execute(query, params![id, held])? == 1)
        })
        .await
    }

    pub async fn deletion_insert(&self, deletion: Deletion) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT OR REPLACE INTO deletions (recording, title, at_ms, bytes, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    deletion.recording,
                    deletion.title,
                    signed(deletion.at.0),
                    signed(deletion.bytes),
                    deletion.reason.name()
                ],
            )?;
            sql.execute(
                "DELETE FROM deletions WHERE recording NOT IN
                     (SELECT recording FROM deletions ORDER BY at_ms DESC LIMIT ?1)",
                [REMEMBERED],
            )?;
            Ok(())
        })
        .await
    }

    /// Newest first.
    pub async fn deletion_list(&self) -> Result<Vec<Deletion>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT recording, title, at_ms, bytes, reason FROM deletions ORDER BY at_ms DESC",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Deletion {
                    recording: row.get(0)?,
                    title: row.get(1)?,
                    at: UnixMs(unsigned(row.get(2)?)),
                    bytes: unsigned(row.get(3)?),
                    reason: match row.get::<_, String>(4)?.as_str() {
                        "age" => Why::Age,
                        "count" => Why::Count,
                        _ => Why::Space,
                    },
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RecordingRow, RoomRow};
    use super::*;
    use crate::recordings::RecordingState;
    use crate::rooms::RoomRules;

    #[tokio::test]
    async fn only_what_has_ended_and_is_done_may_be_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let states = [
            ("rec_1", RecordingState::Ready),
            ("rec_2", RecordingState::Recording),
            ("rec_3", RecordingState::Captured),
            ("rec_4", RecordingState::Parked),
            ("rec_5", RecordingState::Empty),
        ];
        for (id, state) in states {
            let row = RecordingRow { id: id.to_owned(), ..RecordingRow::default() };
            store.recording_insert(row).await.unwrap();
            store
                .call(move |sql| {
                    sql.execute("UPDATE recordings SET ended_ms = 7 WHERE id = ?1", [id])?;
                    Ok(())
                })
                .await
                .unwrap();
            store.recording_set_state(id.to_owned(), state).await.unwrap();
        }
        assert!(store.recording_set_held("rec_5".to_owned(), true).await.unwrap());
        assert!(!store.recording_set_held("rec_6".to_owned(), true).await.unwrap());
        assert!(store.recording_list_settled(Some(6), None).await.unwrap().is_empty());
        let settled = store.recording_list_settled(Some(7), None).await.unwrap();
        assert_eq!(settled, store.recording_list_settled(None, None).await.unwrap());
        let seen: Vec<(&str, bool)> =
            settled.iter().map(|one| (one.id.as_str(), one.held)).collect();
        assert_eq!(seen, [("rec_1", false), ("rec_5", true)]);
        assert!(settled.iter().all(|one| one.own_days == 0), "their room is gone");
    }

    #[tokio::test]
    async fn a_room_that_is_deleted_leaves_its_days_with_its_recordings() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        for (id, keep_days) in [("rm_1", 90), ("rm_2", 0)] {
            let row = RoomRow {
                id: id.to_owned(),
                name: id.to_owned(),
                invite: String::new(),
                kept: true,
                lobby: false,
                record_always: false,
                rules: RoomRules::default(),
                pin: String::new(),
                created_ms: 1,
            };
            store.room_insert(row).await.unwrap();
            let rules = RoomRules { keep_days, ..RoomRules::default() };
            store.room_set_rules(id.to_owned(), rules).await.unwrap();
            let (id, room) = (format!("rec_of_{id}"), id.to_owned());
            let row = RecordingRow { id: id.clone(), room, ..RecordingRow::default() };
            store.recording_insert(row).await.unwrap();
            store.recording_set_state(id, RecordingState::Ready).await.unwrap();
        }
        let ended = |sql: &rusqlite::Transaction<'_>| {
            Ok(sql.execute("UPDATE recordings SET ended_ms = 7", [])?)
        };
        store.call(ended).await.unwrap();
        let days = || async {
            let settled = store.recording_list_settled(None, None).await.unwrap();
            let days: Vec<u32> = settled.iter().map(|one| one.own_days).collect();
            (days, store.room_shortest_days().await.unwrap())
        };
        assert_eq!(days().await, (vec![90, 0], 90));
        for id in ["rm_1", "rm_2"] {
            assert!(store.room_delete(id.to_owned()).await.unwrap());
        }
        assert_eq!(days().await, (vec![90, 0], 90));
        // It is gone: nothing more comes of asking again.
        assert!(!store.room_delete("rm_1".to_owned()).await.unwrap());
        assert_eq!(days().await, (vec![90, 0], 90));
    }

    #[tokio::test]
    async fn what_ended_by_a_wrong_clock_gets_its_time_when_the_clock_is_right() {
        const WEEK: u64 = 7 * 86_400_000;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let end = |id: &'static str, at: u64| {
            let store = &store;
            async move {
                let row = RecordingRow { id: id.to_owned(), ..RecordingRow::default() };
                store.recording_insert(row).await.unwrap();
                store.recording_set_state(id.to_owned(), RecordingState::Ready).await.unwrap();
                let query = "UPDATE recordings SET ended_ms = ?2 WHERE id = ?1";
                let end = move |sql: &rusqlite::Transaction<'_>| {
                    Ok(sql.execute(query, params![id, signed(at)])?)
                };
                store.call(end).await.unwrap();
            }
        };
        let now = 100 * WEEK;
        end("rec_1", now - 5 * WEEK).await;
        assert!(store.recording_list_settled(None, None).await.unwrap()[0].undated);
        end("rec_2", now - 1000).await;
        store.recording_date(now).await.unwrap();
        // Only once: they grow older from then on.
        store.recording_date(now + 9 * WEEK).await.unwrap();
        end("rec_3", now + 5 * WEEK).await;
        let settled = store.recording_list_settled(None, None).await.unwrap();
        let seen: Vec<_> = settled.iter().map(|one| (one.ended_ms, one.undated)).collect();
        assert_eq!(seen, [(now - 1000, false), (now, false), (now + 5 * WEEK, true)]);
        let oldest = store.recording_list_settled(None, Some(2)).await.unwrap();
        assert_eq!(oldest, settled[..2], "so many, and the oldest");
        assert_eq!(store.recording_list_settled(Some(now - 1), None).await.unwrap().len(), 1);
    }
}
