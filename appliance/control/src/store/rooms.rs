//! Rooms that exist whether or not somebody is in them.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension, Row, params};

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    /// `rm_` and a ULID.
    pub id: String,
    /// Unique; also the room's name towards LiveKit's clients.
    pub name: String,
    /// Secret of the invite link.
    pub invite: String,
    /// False: opened by a client with a token, forgotten when its meeting ends.
    pub kept: bool,
    /// Guests wait until somebody lets them in.
    pub lobby: bool,
    /// Recorded whenever somebody is in it.
    pub record_always: bool,
    pub created_ms: u64,
}

const COLUMNS: &str = "id, name, invite, kept, lobby, created_ms, record_always";

fn room(row: &Row<'_>) -> rusqlite::Result<RoomRow> {
    Ok(RoomRow {
        id: row.get(0)?,
        name: row.get(1)?,
        invite: row.get(2)?,
        kept: row.get(3)?,
        lobby: row.get(4)?,
        created_ms: unsigned(row.get(5)?),
        record_always: row.get(6)?,
    })
}

impl Store {
    pub async fn room_list(&self) -> Result<Vec<RoomRow>, StoreError> {
        self.call(|sql| {
            let query = format!("SELECT {COLUMNS} FROM rooms ORDER BY name COLLATE NOCASE");
            let mut statement = sql.prepare(&query)?;
            let rows = statement.query_map([], room)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn room_get(&self, id: String) -> Result<Option<RoomRow>, StoreError> {
        self.call(move |sql| {
            let query = format!("SELECT {COLUMNS} FROM rooms WHERE id = ?1");
            Ok(sql.query_row(&query, [id], room).optional()?)
        })
        .await
    }

    pub async fn room_by_name(&self, name: String) -> Result<Option<RoomRow>, StoreError> {
        self.call(move |sql| {
            let query = format!("SELECT {COLUMNS} FROM rooms WHERE name = ?1");
            Ok(sql.query_row(&query, [name], room).optional()?)
        })
        .await
    }

    /// False if the name is taken by a room that is kept; one that is not becomes this one but
    /// keeps its id.
    pub async fn room_insert(&self, row: RoomRow) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "INSERT INTO rooms (id, name, invite, kept, lobby, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (name) DO UPDATE SET kept = excluded.kept
                 WHERE rooms.kept = 0 AND excluded.kept = 1",
                params![row.id, row.name, row.invite, row.kept, row.lobby, signed(row.created_ms)],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    /// False if the name is taken.
    pub async fn room_rename(&self, id: String, name: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "UPDATE rooms SET name = ?2 WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM rooms WHERE name = ?2 AND id <> ?1)",
                params![id, name],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    pub async fn room_set_invite(&self, id: String, invite: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE rooms SET invite = ?2 WHERE id = ?1", params![id, invite])?;
            Ok(())
        })
        .await
    }

    pub async fn room_set_lobby(&self, id: String, on: bool) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE rooms SET lobby = ?2 WHERE id = ?1", params![id, on])?;
            Ok(())
        })
        .await
    }

    pub async fn room_set_record_always(&self, id: String, on: bool) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE rooms SET record_always = ?2 WHERE id = ?1", params![id, on])?;
            Ok(())
        })
        .await
    }

    /// False if there is no such room.
    pub async fn room_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| Ok(sql.execute("DELETE FROM rooms WHERE id = ?1", [id])? == 1)).await
    }

    /// Forgets a room that nobody keeps.
    pub async fn room_forget(&self, name: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM rooms WHERE name = ?1 AND kept = 0", [name])?;
            Ok(())
        })
        .await
    }
}
