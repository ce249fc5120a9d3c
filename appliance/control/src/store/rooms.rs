//! Rooms that exist whether or not somebody is in them.

use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::rooms::{GuestEntry, RoomRules};
use rusqlite::{OptionalExtension, Row, params};

/// A room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    pub rules: RoomRules,
    /// What guests are asked for where the rules say so; empty: none was made yet.
    pub pin: String,
    pub created_ms: u64,
}

const COLUMNS: &str = "id, name, invite, kept, lobby, created_ms, record_always, rules, pin";

fn room(row: &Row<'_>) -> rusqlite::Result<RoomRow> {
    Ok(RoomRow {
        id: row.get(0)?,
        name: row.get(1)?,
        invite: row.get(2)?,
        kept: row.get(3)?,
        lobby: row.get(4)?,
        created_ms: unsigned(row.get(5)?),
        record_always: row.get(6)?,
        rules: rules(&row.get::<_, String>(7)?),
        pin: row.get(8)?,
    })
}

/// Rules that a newer version wrote in a way that this one cannot read let no guest in.
fn rules(text: &str) -> RoomRules {
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::warn!(%error, "a room's rules cannot be read: no guest comes in");
        rules_closed()
    })
}

pub(super) fn rules_closed() -> RoomRules {
    RoomRules { guests: GuestEntry::Nobody, ..RoomRules::default() }
}

impl Store {
    pub async fn room_list(&self) -> Result<Vec<RoomRow>, StoreError> {
        self.ask(Of::All, "room list", (), |sql| {
            let query = format!("SELECT {COLUMNS} FROM rooms ORDER BY name COLLATE NOCASE");
            let mut statement = sql.prepare_cached(&query)?;
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
            let rules = serde_json::to_string(&row.rules)?;
            let changed = sql.execute(
                "INSERT INTO rooms
                     (id, name, invite, kept, lobby, created_ms, record_always, rules, pin)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (name) DO UPDATE SET kept = excluded.kept, lobby = excluded.lobby,
                     record_always = excluded.record_always, rules = excluded.rules,
                     pin = excluded.pin
                 WHERE rooms.kept = 0 AND excluded.kept = 1",
                params![
                    row.id,
                    row.name,
                    row.invite,
                    row.kept,
                    row.lobby,
                    signed(row.created_ms),
                    row.record_always,
                    rules,
                    row.pin
                ],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    /// All settings of a room at once.
    pub async fn room_settle(
        &self,
        id: String,
        lobby: bool,
        record_always: bool,
        rules: RoomRules,
        pin: String,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            let rules = serde_json::to_string(&rules)?;
            sql.execute(
                "UPDATE rooms SET lobby = ?2, record_always = ?3, rules = ?4, pin = ?5 WHERE id = ?1",
                params![id, lobby, record_always, rules, pin],
            )?;
            Ok(())
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

    pub async fn room_set_rules(&self, id: String, rules: RoomRules) -> Result<(), StoreError> {
        self.call(move |sql| {
            let rules = serde_json::to_string(&rules)?;
            sql.execute("UPDATE rooms SET rules = ?2 WHERE id = ?1", params![id, rules])?;
            Ok(())
        })
        .await
    }

    pub async fn room_set_pin(&self, id: String, pin: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("UPDATE rooms SET pin = ?2 WHERE id = ?1", params![id, pin])?;
            Ok(())
        })
        .await
    }

    /// The shortest time that a room says how long its recordings are kept, in days; 0: none does.
    pub async fn room_shortest_days(&self) -> Result<u32, StoreError> {
        self.ask(Of::All, "shortest days", (), |sql| {
            let query = "SELECT COALESCE(MIN(days), 0) FROM
                     (SELECT json_extract(rules, '$.keep_days') AS days FROM rooms
                      WHERE json_valid(rules)
                      UNION ALL SELECT own_days FROM recordings WHERE own_days > 0)
                 WHERE days > 0";
            Ok(sql.query_row(query, [], |row| row.get(0))?)
        })
        .await
    }

    /// Its recordings keep the days that it says. False if there is no such room.
    pub async fn room_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE recordings SET own_days =
                     COALESCE((SELECT json_extract(rules, '$.keep_days') FROM rooms
                         WHERE rooms.id = ?1 AND json_valid(rules)), 0)
                 WHERE room = ?1 AND EXISTS (SELECT 1 FROM rooms WHERE rooms.id = ?1)",
                [&id],
            )?;
            Ok(sql.execute("DELETE FROM rooms WHERE id = ?1", [id])? == 1)
        })
        .await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rules_last_and_those_that_cannot_be_read_let_no_guest_in() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let id = || "rm_1".to_owned();
        let row = RoomRow {
            id: id(),
            name: "Library".to_owned(),
            invite: "secret".to_owned(),
            kept: true,
            lobby: false,
            record_always: false,
            rules: RoomRules::default(),
            pin: String::new(),
            created_ms: 1,
        };
        store.room_insert(row.clone()).await.unwrap();
        assert_eq!(store.room_get(id()).await.unwrap(), Some(row.clone()));
        assert_eq!(store.room_shortest_days().await.unwrap(), 0);
        let rules = RoomRules { keep_days: 7, guests_share: false, ..RoomRules::default() };
        store.room_set_rules(id(), rules.clone()).await.unwrap();
        store.room_set_pin(id(), "1234".to_owned()).await.unwrap();
        let expected = RoomRow { rules, pin: "1234".to_owned(), ..row };
        assert_eq!(store.room_get(id()).await.unwrap(), Some(expected));
        assert_eq!(store.room_shortest_days().await.unwrap(), 7);
        for unread in [r#"{"guests":"by_fax"}"#, "no JSON"] {
            store
                .call(move |sql| Ok(sql.execute("UPDATE rooms SET rules = ?1", [unread])?))
                .await
                .unwrap();
            let rules = store.room_get(id()).await.unwrap().unwrap().rules;
            assert_eq!(rules.guests, GuestEntry::Nobody, "{unread}");
            assert_eq!(store.room_shortest_days().await.unwrap(), 0);
        }
    }
}
