//! Personal links into rooms. Of secrets only the SHA-256 is kept.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody is in the room who comes by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkRole {
    /// Under the room's rules for guests.
    Guest,
    /// Moderates the room's meetings.
    Moderator,
}

impl LinkRole {
    fn text(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Moderator => "moderator",
        }
    }
}

impl ToSql for LinkRole {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.text()))
    }
}

impl FromSql for LinkRole {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let known = [Self::Guest, Self::Moderator].into_iter().find(|role| role.text() == text);
        known.ok_or(FromSqlError::InvalidType)
    }
}

/// A link without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLinkRow {
    /// `rl_` and a ULID.
    pub id: String,
    /// The room's id.
    pub room: String,
    pub name: String,
    pub name_fixed: bool,
    pub role: LinkRole,
    pub created_ms: u64,
    /// `None`: until it is revoked.
    pub expires_ms: Option<u64>,
    pub last_used_ms: Option<u64>,
}

const COLUMNS: &str = "id, room, name, name_fixed, role, created_ms, expires_ms, last_used_ms";

fn link(row: &Row<'_>) -> rusqlite::Result<RoomLinkRow> {
    Ok(RoomLinkRow {
        id: row.get(0)?,
        room: row.get(1)?,
        name: row.get(2)?,
        name_fixed: row.get(3)?,
        role: row.get(4)?,
        created_ms: unsigned(row.get(5)?),
        expires_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
        last_used_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
    })
}

impl Store {
    /// Links of a room, oldest first.
    pub async fn room_link_list(&self, room: String) -> Result<Vec<RoomLinkRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM room_links WHERE room = ?1 ORDER BY created_ms, id");
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map([room], link)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Ids of the links of all rooms, and when they end.
    pub async fn room_link_ends(&self) -> Result<Vec<(String, Option<u64>)>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached("SELECT id, expires_ms FROM room_links")?;
            let end =
                |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(unsigned)));
            let rows = statement.query_map([], end)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn room_link_insert(
        &self,
        row: RoomLinkRow,
        secret: [u8; 32],
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO room_links
                     (id, room, name, name_fixed, role, created_ms, expires_ms, secret_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    row.id,
                    row.room,
                    row.name,
                    row.name_fixed,
                    row.role,
                    signed(row.created_ms),
                    row.expires_ms.map(signed),
                    secret.as_slice()
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// The link of this room with this secret.
    pub async fn room_link_find(
        &self,
        room: String,
        secret: [u8; 32],
    ) -> Result<Option<RoomLinkRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM room_links WHERE room = ?1 AND secret_hash = ?2");
            Ok(sql.query_row(&query, params![room, secret.as_slice()], link).optional()?)
        })
        .await
    }

    pub async fn room_link_used(&self, id: String, now_ms: u64) -> Result<(), StoreError> {
        self.call(move |sql| {
            let query = "UPDATE room_links SET last_used_ms = ?2 WHERE id = ?1";
            sql.execute(query, params![id, signed(now_ms)])?;
            Ok(())
        })
        .await
    }

    /// False if the room has no such link.
    pub async fn room_link_delete(&self, room: String, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM room_links WHERE id = ?2 AND room = ?1";
            Ok(sql.execute(query, params![room, id])? == 1)
        })
        .await
    }
}
