//! Keys of the WHIP and WHEP door.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhipScope {
    /// Sending sound and picture into the room (WHIP).
    Publish,
    /// Watching the room (WHEP).
    Watch,
}

impl WhipScope {
    fn text(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Watch => "watch",
        }
    }
}

impl ToSql for WhipScope {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.text()))
    }
}

impl FromSql for WhipScope {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let known = [Self::Publish, Self::Watch].into_iter().find(|scope| scope.text() == text);
        known.ok_or(FromSqlError::InvalidType)
    }
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhipKeyRow {
    /// `whk_` and a ULID.
    pub id: String,
    /// The room's id.
    pub room: String,
    pub name: String,
    pub scope: WhipScope,
    pub created_ms: u64,
    pub last_used_ms: Option<u64>,
}

const COLUMNS: &str = "id, room, name, scope, created_ms, last_used_ms";

fn key(row: &Row<'_>) -> rusqlite::Result<WhipKeyRow> {
    Ok(WhipKeyRow {
        id: row.get(0)?,
        room: row.get(1)?,
        name: row.get(2)?,
        scope: row.get(3)?,
        created_ms: unsigned(row.get(4)?),
        last_used_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
    })
}

impl Store {
    /// Keys of a room, oldest first.
    pub async fn whip_key_list(&self, room: String) -> Result<Vec<WhipKeyRow>, StoreError> {
        self.call(move |sql| {
            let query =
                format!("SELECT {COLUMNS} FROM whip_keys WHERE room = ?1 ORDER BY created_ms, id");
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map([room], key)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// False if the room has a key of this name.
    pub async fn whip_key_insert(
        &self,
        row: WhipKeyRow,
        secret: [u8; 32],
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "INSERT INTO whip_keys (id, room, name, scope, secret_hash, created_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE NOT EXISTS (SELECT 1 FROM whip_keys WHERE room = ?2 AND name = ?3)",
                params![
                    row.id,
                    row.room,
                    row.name,
                    row.scope,
                    secret.as_slice(),
                    signed(row.created_ms)
                ],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    /// The key with this secret and its room's name; notes its use.
    pub async fn whip_key_use(
        &self,
        secret: [u8; 32],
        now_ms: u64,
    ) -> Result<Option<(WhipKeyRow, String)>, StoreError> {
        self.call(move |sql| {
            let query = format!("SELECT {COLUMNS} FROM whip_keys WHERE secret_hash = ?1");
            let Some(found) = sql.query_row(&query, [secret.as_slice()], key).optional()? else {
                return Ok(None);
            };
            let query = "SELECT name FROM rooms WHERE id = ?1";
            let room = sql.query_row(query, [&found.room], |row| row.get(0))?;
            // To the minute: a client that tries again and again must not make the disk busy.
            sql.execute(
                "UPDATE whip_keys SET last_used_ms = ?2
                 WHERE id = ?1 AND COALESCE(last_used_ms, 0) < ?2 - 60000",
                params![found.id, signed(now_ms)],
            )?;
            Ok(Some((found, room)))
        })
        .await
    }

    /// False if the room has no such key.
    pub async fn whip_key_delete(&self, room: String, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM whip_keys WHERE id = ?1 AND room = ?2";
            Ok(sql.execute(query, [id, room])? == 1)
        })
        .await
    }
}
