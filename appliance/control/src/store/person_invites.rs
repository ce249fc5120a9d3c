//! Links that make somebody a person of the box.

use super::people::SecretHash;
use super::{Store, StoreError, signed, unsigned};
use crate::permissions::Role;
use rusqlite::{OptionalExtension, Row, params};

/// An invitation that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonInviteRow {
    pub id: String,
    /// For whom it is, as the owner wrote it.
    pub name: String,
    pub role: Role,
    pub created_ms: u64,
    pub expires_ms: u64,
}

fn invite(row: &Row<'_>) -> rusqlite::Result<PersonInviteRow> {
    Ok(PersonInviteRow {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::of_name(&row.get::<_, String>(2)?),
        created_ms: unsigned(row.get(3)?),
        expires_ms: unsigned(row.get(4)?),
    })
}

const COLUMNS: &str = "id, name, role, created_ms, expires_ms";

impl Store {
    /// False: so many are open already. Those that expired long ago are forgotten.
    pub async fn person_invite_insert(
        &self,
        row: PersonInviteRow,
        secret: SecretHash,
        most: usize,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let now = signed(row.created_ms);
            let forgotten = super::sessions::forgotten(row.created_ms);
            sql.execute("DELETE FROM person_invites WHERE expires_ms <= ?1", [forgotten])?;
            let made = sql.execute(
                "INSERT INTO person_invites (id, secret_hash, name, role, created_ms, expires_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6 
                 WHERE (SELECT COUNT(*) FROM person_invites WHERE expires_ms > ?5) < ?7",
                params![
                    row.id,
                    secret.as_slice(),
                    row.name,
                    row.role.name(),
                    now,
                    signed(row.expires_ms),
                    signed(most as u64)
                ],
            )?;
            Ok(made == 1)
        })
        .await
    }

    pub async fn person_invite_list(
        &self,
        now_ms: u64,
    ) -> Result<Vec<PersonInviteRow>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM person_invites WHERE expires_ms > ?1 ORDER BY created_ms, id"
            ))?;
            let rows = statement.query_map([signed(now_ms)], invite)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub async fn person_invite_get(
        &self,
        secret: SecretHash,
        now_ms: u64,
    ) -> Result<Option<PersonInviteRow>, StoreError> {
        let made_by = self.made_by(now_ms);
        self.call(move |sql| {
            let query = format!(
                "SELECT {COLUMNS} FROM person_invites
                 WHERE secret_hash = ?1 AND expires_ms > ?2 AND created_ms <= ?3"
            );
            let values = params![secret.as_slice(), signed(now_ms), made_by];
            Ok(sql.query_row(&query, values, invite).optional()?)
        })
        .await
    }

    /// False if there is no such invitation.
    pub async fn person_invite_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(
            move |sql| Ok(sql.execute("DELETE FROM person_invites WHERE id = ?1", [id])? == 1),
        )
        .await
    }
}
