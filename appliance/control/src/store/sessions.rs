//! Sessions, each in the table that belongs to its person's.

use super::people::{Person, SecretHash, person};
use super::{Store, StoreError, signed, unsigned};
use rusqlite::{OptionalExtension, Transaction, params};
use std::sync::atomic::Ordering;

/// Both tables, and what each is called.
const TABLES: [&str; 2] = ["sessions", "member_sessions"];

/// What has expired is forgotten so long after: a clock that runs a year ahead for a while must not take away for good
/// what opens something still.
pub(super) const FORGOTTEN_MS: u64 = 400 * 24 * 3600 * 1000;

/// What was made while the clock ran further ahead than this, sessions, tokens that expire and invitations, opens
/// nothing: it would last for as long beyond its time.
const AHEAD_MS: u64 = 2 * 24 * 3600 * 1000;

/// What had expired by then is forgotten now.
pub(super) fn forgotten(now_ms: u64) -> i64 {
    signed(now_ms.saturating_sub(FORGOTTEN_MS))
}

/// A session that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    pub person: String,
    pub created_ms: u64,
    pub expires_ms: u64,
    /// What the browser calls itself; of sessions that an older version made nothing is known.
    pub agent: Option<String>,
    pub address: Option<String>,
    pub seen_ms: u64,
}

/// Ends all sessions of a person but one.
pub(super) fn end_others(
    sql: &Transaction<'_>,
    person: &str,
    kept: Option<&str>,
) -> Result<usize, StoreError> {
    let mut ended = 0;
    for table in TABLES {
        ended += sql.execute(
            &format!(
                "DELETE FROM {table} WHERE person = ?1 AND secret_hash NOT IN
                 (SELECT secret_hash FROM every_session WHERE id = ?2)"
            ),
            params![person, kept.unwrap_or_default()],
        )?;
    }
    Ok(ended)
}

impl Store {
    /// Whether somebody has set the clock since the start. While nobody has it may be behind, and what was made before
    /// the start is not judged by it.
    pub fn clock_is_set(&self, set: bool) {
        self.clock_is_set.store(set, Ordering::Relaxed);
    }

    /// What says that it was made later than this was made by a clock that ran ahead.
    pub(super) fn made_by(&self, now_ms: u64) -> i64 {
        match self.clock_is_set.load(Ordering::Relaxed) {
            true => signed(now_ms.saturating_add(AHEAD_MS)),
            false => i64::MAX,
        }
    }

    /// Forgets what was made by a clock that ran ahead, rather than that it opens something when its time comes. To be
    /// asked while the clock can be believed.
    pub async fn forget_ahead(&self, now_ms: u64) -> Result<usize, StoreError> {
        self.call(move |sql| {
            let mut gone = 0;
            for (table, which) in [
                ("sessions", "TRUE"),
                ("member_sessions", "TRUE"),
                ("person_invites", "TRUE"),
                ("member_tokens", "expires_ms IS NOT NULL"),
            ] {
                let query = format!("DELETE FROM {table} WHERE created_ms > ?1 AND {which}");
                gone += sql.execute(&query, [signed(now_ms.saturating_add(AHEAD_MS))])?;
            }
            Ok(gone)
        })
        .await
    }

    /// A new session; of one person the newest `most` stay.
    pub async fn session_insert(
        &self,
        secret: SecretHash,
        row: SessionRow,
        most: usize,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            for (table, people) in TABLES.into_iter().zip(["people", "members"]) {
                let now = signed(row.created_ms);
                let query = format!("DELETE FROM {table} WHERE expires_ms < ?1");
                sql.execute(&query, [forgotten(row.created_ms)])?;
                sql.execute(
                    &format!(
                        "DELETE FROM {table} WHERE person = ?1 AND secret_hash NOT IN
                         (SELECT secret_hash FROM {table} WHERE person = ?1
                          ORDER BY COALESCE(seen_ms, created_ms) DESC LIMIT ?2)"
                    ),
                    params![row.person, signed(most as u64) - 1],
                )?;
                sql.execute(
                    &format!(
                        "INSERT INTO {table}
                         (secret_hash, person, created_ms, expires_ms, agent, address, seen_ms)
                         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?3
                         WHERE EXISTS (SELECT 1 FROM {people} WHERE id = ?2)"
                    ),
                    params![
                        secret.as_slice(),
                        row.person,
                        now,
                        signed(row.expires_ms),
                        row.agent,
                        row.address
                    ],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// Whose session this is, its id and its end, unless it has expired or the person may not sign in;
    /// notes its use.
    pub async fn session_person(
        &self,
        secret: SecretHash,
        address: Option<String>,
        now_ms: u64,
    ) -> Result<Option<(Person, String, u64)>, StoreError> {
        let made_by = self.made_by(now_ms);
        self.call(move |sql| {
            let found = sql
                .prepare_cached(
                    "SELECT p.id, p.name, p.role, s.id, s.expires_ms
                     FROM every_session s JOIN everybody p ON p.id = s.person
                     WHERE s.secret_hash = ?1 AND s.expires_ms > ?2 AND s.created_ms <= ?3
                         AND NOT p.disabled",
                )?
                .query_row(params![secret.as_slice(), signed(now_ms), made_by], |row| {
                    Ok((person(row)?, row.get(3)?, unsigned(row.get(4)?)))
                })
                .optional()?;
            for table in TABLES {
                // To the minute: a page that is open must not make the disk busy.
                sql.prepare_cached(&format!(
                    "UPDATE {table} SET seen_ms = ?2, address = COALESCE(?3, address)
                     WHERE secret_hash = ?1 AND ABS(COALESCE(seen_ms, 0) - ?2) > 60000"
                ))?
                .execute(params![secret.as_slice(), signed(now_ms), address])?;
            }
            Ok(found)
        })
        .await
    }

    pub async fn session_delete(&self, secret: SecretHash) -> Result<(), StoreError> {
        self.call(move |sql| {
            for table in TABLES {
                let query = format!("DELETE FROM {table} WHERE secret_hash = ?1");
                sql.execute(&query, [secret.as_slice()])?;
            }
            Ok(())
        })
        .await
    }

    /// Sessions of a person that have not expired, the last used first.
    pub async fn session_list(
        &self,
        person: String,
        now_ms: u64,
    ) -> Result<Vec<SessionRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id, person, created_ms, expires_ms, agent, address, seen_ms
                 FROM every_session WHERE person = ?1 AND expires_ms > ?2 ORDER BY seen_ms DESC, id",
            )?;
            let rows = statement.query_map(params![person, signed(now_ms)], |row| {
                Ok(SessionRow {
                    id: row.get(0)?,
                    person: row.get(1)?,
                    created_ms: unsigned(row.get(2)?),
                    expires_ms: unsigned(row.get(3)?),
                    agent: row.get(4)?,
                    address: row.get(5)?,
                    seen_ms: unsigned(row.get(6)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Ends one session of a person; false if there is none of this id.
    pub async fn session_revoke(&self, person: String, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let mut ended = 0;
            for table in TABLES {
                ended += sql.execute(
                    &format!(
                        "DELETE FROM {table} WHERE person = ?1 AND secret_hash IN
                         (SELECT secret_hash FROM every_session WHERE id = ?2)"
                    ),
                    params![person, id],
                )?;
            }
            Ok(ended > 0)
        })
        .await
    }

    /// Ends all sessions of a person but one: how many.
    pub async fn session_revoke_others(
        &self,
        person: String,
        kept: Option<String>,
    ) -> Result<usize, StoreError> {
        self.call(move |sql| end_others(sql, &person, kept.as_deref())).await
    }
}
