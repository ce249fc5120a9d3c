//! LiveKit API keys.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::params;

/// A key with which LiveKit's SDKs sign tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivekitKey {
    pub key: String,
    pub secret: String,
    pub created_ms: u64,
}

impl Store {
    pub async fn livekit_key_list(&self) -> Result<Vec<LivekitKey>, StoreError> {
        self.call(|sql| {
            let mut statement = sql
                .prepare("SELECT key, secret, created_ms FROM livekit_keys ORDER BY created_ms")?;
            let rows = statement.query_map([], |row| {
                Ok(LivekitKey {
                    key: row.get(0)?,
                    secret: row.get(1)?,
                    created_ms: unsigned(row.get(2)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn livekit_key_insert(&self, key: LivekitKey) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO livekit_keys (key, secret, created_ms) VALUES (?1, ?2, ?3)",
                params![key.key, key.secret, signed(key.created_ms)],
            )?;
            Ok(())
        })
        .await
    }

    /// False if there is no such key.
    pub async fn livekit_key_delete(&self, key: String) -> Result<bool, StoreError> {
        self.call(move |sql| Ok(sql.execute("DELETE FROM livekit_keys WHERE key = ?1", [key])? == 1))
            .await
    }
}
