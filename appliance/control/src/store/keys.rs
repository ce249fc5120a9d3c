//! LiveKit API keys.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::params;

/// A key with which LiveKit's SDKs sign tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivekitKey {
    pub key: String,
    pub secret: String,
    pub created_ms: u64,
    /// The box signs the tokens of its own pages with it.
    pub own: bool,
}

impl Store {
    pub async fn livekit_key_list(&self) -> Result<Vec<LivekitKey>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT key, secret, created_ms, own FROM livekit_keys ORDER BY created_ms",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(LivekitKey {
                    key: row.get(0)?,
                    secret: row.get(1)?,
                    created_ms: unsigned(row.get(2)?),
                    own: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn livekit_key_insert(&self, key: LivekitKey) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO livekit_keys (key, secret, created_ms, own) VALUES (?1, ?2, ?3, ?4)",
                params![key.key, key.secret, signed(key.created_ms), key.own],
            )?;
            Ok(())
        })
        .await
    }

    /// False if there is no such key, or it is the box's own.
    pub async fn livekit_key_delete(&self, key: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM livekit_keys WHERE key = ?1 AND own = 0";
            Ok(sql.execute(query, [key])? == 1)
        })
        .await
    }
}
