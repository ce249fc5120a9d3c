//! API tokens. What speaks for the owner with all rights and for ever lies where older versions look.

use super::people::{Person, SecretHash, person};
use super::{Store, StoreError, signed, unsigned};
use crate::permissions::Role;
use rusqlite::{OptionalExtension, params};

/// An API token as it is listed: the secret was shown once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenRow {
    pub id: String,
    pub name: String,
    pub person: String,
    /// What it may at most.
    pub role: Role,
    pub created_ms: u64,
    pub expires_ms: Option<u64>,
    pub last_used_ms: Option<u64>,
}

/// For whom a token speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBearer {
    pub person: Person,
    pub token: String,
    /// What the token may at most.
    pub role: Role,
    pub expires_ms: Option<u64>,
}

impl Store {
    /// False: the person has so many already. Those that expired long ago are forgotten.
    pub async fn api_token_insert(
        &self,
        row: ApiTokenRow,
        secret: SecretHash,
        most: usize,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let now = signed(row.created_ms);
            let forgotten = super::sessions::forgotten(row.created_ms);
            sql.execute("DELETE FROM member_tokens WHERE expires_ms <= ?1", [forgotten])?;
            let count = "SELECT COUNT(*) FROM every_token
                 WHERE person = ?1 AND COALESCE(expires_ms > ?2, TRUE)";
            let count =
                sql.query_row(count, params![row.person, now], |row| row.get::<_, i64>(0))?;
            if unsigned(count) >= most as u64 {
                return Ok(false);
            }
            let old = sql.execute(
                "INSERT INTO api_tokens (id, name, secret_hash, person, created_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5
                 WHERE ?6 AND EXISTS (SELECT 1 FROM people WHERE id = ?4)",
                params![
                    row.id,
                    row.name,
                    secret.as_slice(),
                    row.person,
                    now,
                    row.role == Role::Owner && row.expires_ms.is_none()
                ],
            )?;
            if old == 0 {
                sql.execute(
                    "INSERT INTO member_tokens
                     (id, name, secret_hash, person, role, created_ms, expires_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        row.id,
                        row.name,
                        secret.as_slice(),
                        row.person,
                        row.role.name(),
                        now,
                        row.expires_ms.map(signed)
                    ],
                )?;
            }
            Ok(true)
        })
        .await
    }

    /// For whom an API token speaks, unless it has expired or the person may not sign in; notes its use.
    pub async fn api_token_bearer(
        &self,
        secret: SecretHash,
        now_ms: u64,
    ) -> Result<Option<TokenBearer>, StoreError> {
        let made_by = self.made_by(now_ms);
        self.call(move |sql| {
            let found = sql
                .prepare_cached(
                    "SELECT p.id, p.name, p.role, t.id, t.role, t.expires_ms
                     FROM every_token t JOIN everybody p ON p.id = t.person
                     WHERE t.secret_hash = ?1 AND COALESCE(t.expires_ms > ?2, TRUE)
                       AND (t.expires_ms IS NULL OR t.created_ms <= ?3) AND NOT p.disabled",
                )?
                .query_row(params![secret.as_slice(), signed(now_ms), made_by], |row| {
                    Ok(TokenBearer {
                        person: person(row)?,
                        token: row.get(3)?,
                        role: Role::of_name(&row.get::<_, String>(4)?),
                        expires_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
                    })
                })
                .optional()?;
            for table in ["api_tokens", "member_tokens"] {
                // To the minute: a busy client must not make the disk busy.
                sql.prepare_cached(&format!(
                    "UPDATE {table} SET last_used_ms = ?2
                     WHERE secret_hash = ?1 AND COALESCE(last_used_ms, 0) < ?2 - 60000"
                ))?
                .execute(params![secret.as_slice(), signed(now_ms)])?;
            }
            Ok(found)
        })
        .await
    }

    /// Everybody's tokens that have not expired.
    pub async fn api_token_list(&self, now_ms: u64) -> Result<Vec<ApiTokenRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id, name, person, role, created_ms, expires_ms, last_used_ms
                 FROM every_token WHERE COALESCE(expires_ms > ?1, TRUE) ORDER BY created_ms, id",
            )?;
            let rows = statement.query_map([signed(now_ms)], |row| {
                Ok(ApiTokenRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    person: row.get(2)?,
                    role: Role::of_name(&row.get::<_, String>(3)?),
                    created_ms: unsigned(row.get(4)?),
                    expires_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
                    last_used_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// False if there is no such token.
    pub async fn api_token_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let old = sql.execute("DELETE FROM api_tokens WHERE id = ?1", [&id])?;
            Ok(old + sql.execute("DELETE FROM member_tokens WHERE id = ?1", [&id])? > 0)
        })
        .await
    }
}
