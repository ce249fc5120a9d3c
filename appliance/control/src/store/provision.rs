//! What a `roombox.toml` changes, in one transaction: all of it or nothing.

use super::{Person, Store, StoreError, signed};
use crate::settings::Settings;
use rusqlite::params;

/// What changes; `None` stays.
#[derive(Debug, Default)]
pub struct Provisioned {
    /// With the hash of the password.
    pub owner: Option<(Person, String)>,
    pub name: Option<String>,
    pub language: Option<String>,
    pub settings: Option<Settings>,
}

impl Store {
    /// False, and nothing has changed: it names an owner, and there is one already.
    pub async fn provision(&self, what: Provisioned, now_ms: u64) -> Result<bool, StoreError> {
        self.call(move |sql| {
            if let Some((owner, hash)) = what.owner {
                let made = sql.execute(
                    "INSERT INTO people (id, name, role, password_hash, created_ms)
                     SELECT ?1, ?2, 'owner', ?3, ?4
                     WHERE NOT EXISTS (SELECT 1 FROM people WHERE role = 'owner')",
                    params![owner.id, owner.name, hash, signed(now_ms)],
                )?;
                if made == 0 {
                    return Ok(false);
                }
            }
            if let Some(name) = what.name {
                sql.execute("UPDATE box SET name = ?1", [name])?;
            }
            if let Some(language) = what.language {
                sql.execute("UPDATE box SET language = ?1", [language])?;
            }
            if let Some(settings) = what.settings {
                super::settings::put(sql, &settings)?;
            }
            Ok(true)
        })
        .await
    }
}
