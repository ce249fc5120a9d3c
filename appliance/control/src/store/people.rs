//! People, their sessions and API tokens.

use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension, Params, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do on this box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
}

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Person {
    /// `per_` and a ULID.
    pub id: String,
    pub name: String,
    pub role: Role,
}

/// An API token as it is listed: the secret was shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenRow {
    pub id: String,
    pub name: String,
    pub created_ms: u64,
    pub last_used_ms: Option<u64>,
}

/// SHA-256 of a secret.
pub type SecretHash = [u8; 32];

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person { id: row.get(0)?, name: row.get(1)?, role: Role::Owner })
}

/// Whom a row with a secret speaks for; `rows` names its table and the secret.
fn person_of(
    sql: &Transaction<'_>,
    rows: &'static str,
    values: impl Params,
) -> Result<Option<Person>, StoreError> {
    let query = format!("SELECT id, name FROM people WHERE id = (SELECT person FROM {rows})");
    Ok(sql.query_row(&query, values, person).optional()?)
}

impl Store {
    /// The owner and the hash of the password; `None` while the box is unclaimed.
    pub async fn owner(&self) -> Result<Option<(Person, String)>, StoreError> {
        self.call(|sql| {
            let found = sql
                .query_row(
                    "SELECT id, name, password_hash FROM people WHERE role = 'owner'",
                    [],
                    |row| Ok((person(row)?, row.get(2)?)),
                )
                .optional()?;
            Ok(found)
        })
        .await
    }

    /// Makes the owner; false if there is one already.
    pub async fn owner_insert(
        &self,
        owner: Person,
        password_hash: String,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let made = sql.execute(
                "INSERT INTO people (id, name, role, password_hash, created_ms)
                 SELECT ?1, ?2, 'owner', ?3, ?4
                 WHERE NOT EXISTS (SELECT 1 FROM people WHERE role = 'owner')",
                params![owner.id, owner.name, password_hash, signed(now_ms)],
            )?;
            Ok(made == 1)
        })
        .await
    }

    pub async fn session_insert(
        &self,
        secret: SecretHash,
        person: String,
        now_ms: u64,
        expires_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM sessions WHERE expires_ms < ?1", [signed(now_ms)])?;
            sql.execute(
                "INSERT INTO sessions (secret_hash, person, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4)",
                params![secret.as_slice(), person, signed(now_ms), signed(expires_ms)],
            )?;
            Ok(())
        })
        .await
    }

    /// Whose session this is, unless it has expired.
    pub async fn session_person(
        &self,
        secret: SecretHash,
        now_ms: u64,
    ) -> Result<Option<Person>, StoreError> {
        self.call(move |sql| {
            let values = params![secret.as_slice(), signed(now_ms)];
            person_of(sql, "sessions WHERE secret_hash = ?1 AND expires_ms > ?2", values)
        })
        .await
    }

    pub async fn session_delete(&self, secret: SecretHash) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute("DELETE FROM sessions WHERE secret_hash = ?1", [secret.as_slice()])?;
            Ok(())
        })
        .await
    }

    pub async fn api_token_insert(
        &self,
        id: String,
        name: String,
        secret: SecretHash,
        person: String,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO api_tokens (id, name, secret_hash, person, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, name, secret.as_slice(), person, signed(now_ms)],
            )?;
            Ok(())
        })
        .await
    }

    /// For whom an API token speaks; notes its use.
    pub async fn api_token_person(
        &self,
        secret: SecretHash,
        now_ms: u64,
    ) -> Result<Option<Person>, StoreError> {
        self.call(move |sql| {
            let found = person_of(sql, "api_tokens WHERE secret_hash = ?1", [secret.as_slice()])?;
            // To the minute: a busy client must not make the disk busy.
            sql.execute(
                "UPDATE api_tokens SET last_used_ms = ?2
                 WHERE secret_hash = ?1 AND COALESCE(last_used_ms, 0) < ?2 - 60000",
                params![secret.as_slice(), signed(now_ms)],
            )?;
            Ok(found)
        })
        .await
    }

    pub async fn api_token_list(&self) -> Result<Vec<ApiTokenRow>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare(
                "SELECT id, name, created_ms, last_used_ms FROM api_tokens ORDER BY created_ms",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(ApiTokenRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    created_ms: unsigned(row.get(2)?),
                    last_used_ms: row.get::<_, Option<i64>>(3)?.map(unsigned),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// False if there is no such token.
    pub async fn api_token_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| Ok(sql.execute("DELETE FROM api_tokens WHERE id = ?1", [id])? == 1))
            .await
    }
}
