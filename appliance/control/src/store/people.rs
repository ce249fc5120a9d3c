//! People: exactly one owner in `people`, which older versions read and trust, everybody else in
//! `members`. `everybody` is both.

#[cfg(test)]
pub(crate) mod old;

use super::oidc::{IdentityRow, NO_PASSWORD, person_removed};
use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::clock::UnixMs;
use crate::permissions::Role;
use roombox_provision::looks;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Person {
    /// `per_` and a ULID.
    pub id: String,
    pub name: String,
    pub role: Role,
}

/// A person, and what nobody else sees of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    pub person: Person,
    pub password_hash: String,
    pub created_ms: u64,
    /// May not sign in.
    pub disabled: bool,
    /// When a session of theirs was last used.
    pub seen_ms: Option<u64>,
    /// Signs in with a code as well.
    pub second_factor: bool,
    /// Who they are at an identity provider.
    pub identity: Option<IdentityRow>,
}

/// SHA-256 of a secret.
pub type SecretHash = [u8; 32];

/// What became of a change that only one of several may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Yes,
    /// There is no such person.
    Nobody,
    /// Nobody would be the owner any more.
    LastOwner,
    NameTaken,
    /// What they may follows their groups at an identity provider.
    RoleElsewhere,
    /// As many as may be.
    Full,
}

/// How a person becomes another one; `None` stays.
#[derive(Debug, Default, Clone)]
pub struct PersonChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub disabled: Option<bool>,
}

/// `row` begins with id, name and role.
pub(super) fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let role = Role::of_name(&row.get::<_, String>(2)?);
    Ok(Person { id: row.get(0)?, name: row.get(1)?, role })
}

fn person_row(row: &Row<'_>) -> rusqlite::Result<PersonRow> {
    let identity = |issuer: String| -> rusqlite::Result<IdentityRow> {
        Ok(IdentityRow { issuer, mail: row.get(9)?, managed: row.get(10)? })
    };
    Ok(PersonRow {
        person: person(row)?,
        password_hash: row.get(3)?,
        created_ms: unsigned(row.get(4)?),
        disabled: row.get(5)?,
        seen_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
        second_factor: row.get(7)?,
        identity: row.get::<_, Option<String>>(8)?.map(identity).transpose()?,
    })
}

/// Everybody, the eldest first.
pub(super) fn everybody(sql: &Transaction<'_>) -> Result<Vec<PersonRow>, StoreError> {
    let mut statement = sql.prepare_cached(
        "SELECT e.id, e.name, e.role, e.password_hash, e.created_ms, e.disabled,
             (SELECT MAX(seen_ms) FROM every_session WHERE person = e.id),
             EXISTS (SELECT 1 FROM second_factors WHERE person = e.id),
             i.issuer, i.mail, i.managed
         FROM everybody e LEFT JOIN identities i ON i.person = e.id
         GROUP BY e.id ORDER BY e.created_ms, e.id",
    )?;
    let rows = statement.query_map([], person_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Names are the same whatever their case, in all scripts: SQLite knows that of ASCII only.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    looks(one) == looks(other)
}

/// Puts another owner into `people`, whoever that is, and makes the one of now a member. False: there
/// is no other who could be it. One without a password is none of them: with the provider away, nobody could
/// sign in.
fn hand_over(sql: &Transaction<'_>, rows: &[PersonRow], from: &str) -> Result<bool, StoreError> {
    let is_heir = |row: &&PersonRow| {
        let other = row.person.id != from && row.password_hash != NO_PASSWORD;
        other && row.person.role == Role::Owner && !row.disabled
    };
    let heir = rows.iter().find(is_heir);
    let Some(heir) = heir else { return Ok(false) };
    replace_owner(sql, from, &heir.person.id)?;
    Ok(true)
}

/// Puts the member `to` into `people`, and makes `from`, who is there, a member.
fn replace_owner(sql: &Transaction<'_>, from: &str, to: &str) -> Result<(), StoreError> {
    for (query, id) in [
        (
            "INSERT INTO members (id, name, role, password_hash, created_ms)
          SELECT id, name, role, password_hash, created_ms FROM people WHERE id = ?1",
            from,
        ),
        ("INSERT INTO member_sessions SELECT * FROM sessions WHERE person = ?1", from),
        (
            "INSERT INTO member_tokens
          SELECT id, name, secret_hash, person, 'owner', created_ms, NULL, last_used_ms
          FROM api_tokens WHERE person = ?1",
            from,
        ),
        // With what hangs on the row.
        ("DELETE FROM people WHERE id = ?1", from),
        (
            "INSERT INTO people (id, name, role, password_hash, created_ms)
          SELECT id, name, role, password_hash, created_ms FROM members WHERE id = ?1",
            to,
        ),
        ("INSERT INTO sessions SELECT * FROM member_sessions WHERE person = ?1", to),
        ("DELETE FROM members WHERE id = ?1", to),
    ] {
        sql.execute(query, [id])?;
    }
    Ok(())
}

/// Whether `id` may stop being an owner who can sign in, after making it a member if that is needed.
pub(super) fn may_step_down(
    sql: &Transaction<'_>,
    rows: &[PersonRow],
    id: &str,
) -> Result<bool, StoreError> {
    let first = "SELECT EXISTS (SELECT 1 FROM people WHERE id = ?1)";
    match sql.query_row(first, [id], |row| row.get(0))? {
        true => hand_over(sql, rows, id),
        false => Ok(true),
    }
}

/// Who was an owner may have one left for themselves: those who stay make new ones.
pub(super) fn withdraw_invites(sql: &Transaction<'_>) -> Result<(), StoreError> {
    sql.execute("DELETE FROM person_invites", [])?;
    Ok(())
}

/// Ends all sessions and tokens of a person.
pub(super) fn end_access(sql: &Transaction<'_>, id: &str) -> Result<(), StoreError> {
    super::sessions::end_others(sql, id, None)?;
    sql.execute("DELETE FROM api_tokens WHERE person = ?1", [id])?;
    sql.execute("DELETE FROM member_tokens WHERE person = ?1", [id])?;
    Ok(())
}

impl Store {
    /// The owner that older versions know, and the hash of the password; `None` while the box is
    /// unclaimed.
    pub async fn owner(&self) -> Result<Option<(Person, String)>, StoreError> {
        self.call(|sql| {
            let query = "SELECT id, name, role, password_hash FROM people WHERE role = 'owner'";
            Ok(sql.query_row(query, [], |row| Ok((person(row)?, row.get(3)?))).optional()?)
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

    /// Makes `to` the owner in the place of `from`, who owned the box when it was handed over: `to` is made if
    /// nobody has that id, and `from` may not sign in until the owner says so. Whatever `from` opened is closed.
    pub async fn owner_replace(
        &self,
        from: String,
        to: Person,
        password_hash: String,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO members (id, name, role, password_hash, created_ms)
                 VALUES (?1, ?2, 'owner', ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET role = 'owner', disabled = 0, name = ?2, password_hash = ?3",
                params![to.id, to.name, password_hash, signed(now_ms)],
            )?;
            end_access(sql, &from)?;
            replace_owner(sql, &from, &to.id)?;
            sql.execute("UPDATE members SET disabled = 1 WHERE id = ?1", [&from])?;
            withdraw_invites(sql)
        })
        .await
    }

    /// Roles of those who may sign in, by their ids.
    pub async fn person_roles(&self) -> Result<Arc<HashMap<String, Role>>, StoreError> {
        self.ask(Of::People, "roles", (), |sql| {
            let active = everybody(sql)?.into_iter().filter(|row| !row.disabled);
            Ok(Arc::new(active.map(|row| (row.person.id, row.person.role)).collect()))
        })
        .await
    }

    pub async fn person_list(&self) -> Result<Vec<PersonRow>, StoreError> {
        self.call(everybody).await
    }

    /// Makes somebody a person of the box by an invitation, which is used up.
    pub async fn person_accept(
        &self,
        invite: SecretHash,
        new: Person,
        password_hash: String,
        now_ms: u64,
        most: usize,
    ) -> Result<Changed, StoreError> {
        let made_by = self.made_by(now_ms);
        self.call(move |sql| {
            let rows = everybody(sql)?;
            if rows.iter().any(|row| same_name(&row.person.name, &new.name)) {
                return Ok(Changed::NameTaken);
            }
            if rows.len() >= most {
                return Ok(Changed::Full);
            }
            let used = "DELETE FROM person_invites
                 WHERE secret_hash = ?1 AND expires_ms > ?2 AND created_ms <= ?3";
            if sql.execute(used, params![invite.as_slice(), signed(now_ms), made_by])? == 0 {
                return Ok(Changed::Nobody);
            }
            sql.execute(
                "INSERT INTO members (id, name, role, password_hash, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![new.id, new.name, new.role.name(), password_hash, signed(now_ms)],
            )?;
            Ok(Changed::Yes)
        })
        .await
    }

    /// Changes somebody. Who is disabled has no session any more.
    pub async fn person_change(
        &self,
        id: String,
        change: PersonChange,
    ) -> Result<Changed, StoreError> {
        self.call(move |sql| {
            let rows = everybody(sql)?;
            let Some(row) = rows.iter().find(|row| row.person.id == id) else {
                return Ok(Changed::Nobody);
            };
            if let Some(name) = &change.name {
                let other = |row: &&PersonRow| row.person.id != id;
                if rows.iter().filter(other).any(|row| same_name(&row.person.name, name)) {
                    return Ok(Changed::NameTaken);
                }
            }
            let managed = row.identity.as_ref().is_some_and(|identity| identity.managed);
            let role = change.role.unwrap_or(row.person.role);
            if managed && role != row.person.role {
                return Ok(Changed::RoleElsewhere);
            }
            let disabled = change.disabled.unwrap_or(row.disabled);
            let steps_down = role != Role::Owner || disabled;
            if steps_down && !may_step_down(sql, &rows, &id)? {
                return Ok(Changed::LastOwner);
            }
            if let Some(name) = &change.name {
                sql.execute("UPDATE people SET name = ?2 WHERE id = ?1", params![id, name])?;
                sql.execute("UPDATE members SET name = ?2 WHERE id = ?1", params![id, name])?;
            }
            sql.execute(
                "UPDATE members SET role = ?2, disabled = ?3 WHERE id = ?1",
                params![id, role.name(), disabled],
            )?;
            if steps_down && row.person.role == Role::Owner {
                withdraw_invites(sql)?;
            }
            if disabled {
                sql.execute("DELETE FROM member_sessions WHERE person = ?1", [&id])?;
            }
            Ok(Changed::Yes)
        })
        .await
    }

    /// Removes somebody, with sessions and tokens.
    pub async fn person_delete(&self, id: String) -> Result<Changed, StoreError> {
        self.call(move |sql| {
            let rows = everybody(sql)?;
            if rows.iter().all(|row| row.person.id != id) {
                return Ok(Changed::Nobody);
            }
            if !may_step_down(sql, &rows, &id)? {
                return Ok(Changed::LastOwner);
            }
            if rows.iter().any(|row| row.person.id == id && row.person.role == Role::Owner) {
                withdraw_invites(sql)?;
            }
            sql.execute("DELETE FROM members WHERE id = ?1", [&id])?;
            sql.execute("DELETE FROM member_tokens WHERE person = ?1", [&id])?;
            sql.execute("DELETE FROM second_factors WHERE person = ?1", [&id])?;
            sql.execute("DELETE FROM recovery_codes WHERE person = ?1", [&id])?;
            person_removed(sql, &id, UnixMs::now().0)?;
            Ok(Changed::Yes)
        })
        .await
    }

    /// Gives somebody another password and ends all sessions of theirs but `kept`.
    pub async fn password_put(
        &self,
        id: String,
        password_hash: String,
        kept: Option<String>,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            for query in [
                "UPDATE people SET password_hash = ?2 WHERE id = ?1",
                "UPDATE members SET password_hash = ?2 WHERE id = ?1",
            ] {
                sql.execute(query, params![id, password_hash])?;
            }
            super::sessions::end_others(sql, &id, kept.as_deref())?;
            Ok(())
        })
        .await
    }
}
