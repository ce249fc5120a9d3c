//! The house's identity provider, one row, and who is who there.

use super::people::{PersonRow, end_access, everybody, may_step_down, same_name, withdraw_invites};
use super::{Person, Store, StoreError, signed, unsigned};
use crate::oidc::OidcRow;
use crate::permissions::Role;
use rusqlite::{OptionalExtension as _, Transaction, params};

/// In the place of a password's hash: whoever has it signs in elsewhere. It is the hash of nothing.
pub const NO_PASSWORD: &str = "!";
/// Removed people who are remembered, the newest.
const REMOVED: usize = 500;

/// Who a person is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    pub issuer: String,
    pub mail: String,
    /// The person came by it, and has no password.
    pub managed: bool,
}

/// Somebody whom an owner removed, and who would otherwise come in again by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedRow {
    pub id: String,
    pub name: String,
    pub mail: String,
    pub removed_ms: u64,
}

/// Somebody whom a provider has vouched for.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub issuer: String,
    pub subject: String,
    /// How they are called, and how if that name is another's already.
    pub names: [String; 2],
    pub mail: String,
    /// What their groups make of them; `None`: nothing.
    pub role: Option<Role>,
    /// Ids for a new person and identity.
    pub new_ids: [String; 2],
    pub now_ms: u64,
    pub most: usize,
}

/// What becomes of an [`Arrival`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// For the first time.
    New(Person),
    /// Again; what they were before, if that has changed.
    Again(Person, Option<Role>),
    /// Their groups let them do nothing; who they were is signed out everywhere.
    NoGroup(Option<Person>),
    Disabled(Person),
    /// An owner removed them.
    Removed,
    /// A person with a password has this name.
    NameTaken(String),
    Full,
}

/// What becomes of connecting a person with an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    Yes,
    /// The identity is another person's, or was one's who was removed.
    Taken,
    /// The person has no password.
    Managed,
    Nobody,
}

struct Known {
    id: String,
    person: Option<String>,
    managed: bool,
}

fn known(
    sql: &Transaction<'_>,
    issuer: &str,
    subject: &str,
    rows: &[PersonRow],
) -> Result<Option<Known>, StoreError> {
    let query = "SELECT id, person, managed FROM identities WHERE issuer = ?1 AND subject = ?2";
    let found = sql.query_row(query, [issuer, subject], |row| {
        Ok(Known { id: row.get(0)?, person: row.get(1)?, managed: row.get(2)? })
    });
    let Some(found) = found.optional()? else { return Ok(None) };
    // Whom a version removed that knows nothing of identities.
    let gone = |id: &String| rows.iter().all(|row| row.person.id != *id);
    if found.person.as_ref().is_some_and(gone) {
        sql.execute("DELETE FROM identities WHERE id = ?1", [&found.id])?;
        return Ok(None);
    }
    Ok(Some(found))
}

/// The name under which somebody new comes in. One of a person with a password may be the same human being,
/// who is not taken over: they connect the two themselves.
fn free_name(rows: &[PersonRow], names: &[String; 2]) -> Result<String, String> {
    let holder = |name: &str| rows.iter().find(|row| same_name(&row.person.name, name));
    match holder(&names[0]) {
        None => return Ok(names[0].clone()),
        Some(row) if row.identity.as_ref().is_none_or(|identity| !identity.managed) => {
            return Err(names[0].clone());
        }
        Some(_) => {}
    }
    match holder(&names[1]) {
        None => Ok(names[1].clone()),
        Some(_) => Err(names[1].clone()),
    }
}

fn come_again(
    sql: &Transaction<'_>,
    rows: &[PersonRow],
    row: &PersonRow,
    known: &Known,
    arrival: &Arrival,
) -> Result<Admission, StoreError> {
    let mut person = row.person.clone();
    if row.disabled {
        return Ok(Admission::Disabled(person));
    }
    if known.managed && arrival.role.is_none() {
        end_access(sql, &person.id)?;
        if person.role == Role::Owner {
            withdraw_invites(sql)?;
        }
        return Ok(Admission::NoGroup(Some(person)));
    }
    sql.execute(
        "UPDATE identities SET name = ?2, mail = ?3 WHERE id = ?1",
        [&known.id, &arrival.names[0], &arrival.mail],
    )?;
    let role = arrival.role.filter(|_| known.managed).unwrap_or(person.role);
    if role == person.role {
        return Ok(Admission::Again(person, None));
    }
    // Who is in `people` has a password, unless an older version put them there.
    if person.role == Role::Owner && !may_step_down(sql, rows, &person.id)? {
        return Ok(Admission::Again(person, None));
    }
    sql.execute("UPDATE members SET role = ?2 WHERE id = ?1", [&person.id, role.name()])?;
    if person.role == Role::Owner {
        withdraw_invites(sql)?;
    }
    let was = std::mem::replace(&mut person.role, role);
    Ok(Admission::Again(person, Some(was)))
}

fn come_first(
    sql: &Transaction<'_>,
    rows: &[PersonRow],
    arrival: &Arrival,
) -> Result<Admission, StoreError> {
    let Some(role) = arrival.role else { return Ok(Admission::NoGroup(None)) };
    let name = match free_name(rows, &arrival.names) {
        Ok(name) => name,
        Err(taken) => return Ok(Admission::NameTaken(taken)),
    };
    if rows.len() >= arrival.most {
        return Ok(Admission::Full);
    }
    let [id, identity] = &arrival.new_ids;
    let person = Person { id: id.clone(), name, role };
    sql.execute(
        "INSERT INTO members (id, name, role, password_hash, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![person.id, person.name, role.name(), NO_PASSWORD, signed(arrival.now_ms)],
    )?;
    sql.execute(
        "INSERT INTO identities (id, issuer, subject, person, name, mail, managed, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
        params![
            identity,
            arrival.issuer,
            arrival.subject,
            person.id,
            arrival.names[0],
            arrival.mail,
            signed(arrival.now_ms)
        ],
    )?;
    Ok(Admission::New(person))
}

/// A person is removed: who they are elsewhere is remembered, however they came by it, so that they do not come
/// in again by themselves.
pub(super) fn person_removed(
    sql: &Transaction<'_>,
    person: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE identities SET person = NULL, removed_ms = ?2 WHERE person = ?1",
        params![person, signed(now_ms)],
    )?;
    sql.execute(
        "DELETE FROM identities WHERE person IS NULL AND id NOT IN
         (SELECT id FROM identities WHERE person IS NULL ORDER BY removed_ms DESC LIMIT ?1)",
        [signed(REMOVED as u64)],
    )?;
    Ok(())
}

impl Store {
    /// `None`: never named.
    pub async fn oidc_get(&self) -> Result<Option<OidcRow>, StoreError> {
        self.call(|sql| {
            let row: Option<String> =
                sql.query_row("SELECT row FROM oidc", [], |row| row.get(0)).optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }

    pub async fn oidc_put(&self, row: OidcRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO oidc (id, row) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET row = excluded.row",
                [serde_json::to_string(&row)?],
            )?;
            Ok(())
        })
        .await
    }

    /// Lets somebody in for whom a provider has vouched, or says why not.
    pub async fn identity_admit(&self, arrival: Arrival) -> Result<Admission, StoreError> {
        self.call(move |sql| {
            let rows = everybody(sql)?;
            let Some(known) = known(sql, &arrival.issuer, &arrival.subject, &rows)? else {
                return come_first(sql, &rows, &arrival);
            };
            let row = rows.iter().find(|row| known.person.as_ref() == Some(&row.person.id));
            match row {
                Some(row) => come_again(sql, &rows, row, &known, &arrival),
                None => Ok(Admission::Removed),
            }
        })
        .await
    }

    /// Connects a person who has a password with who they are elsewhere, in the place of what was before.
    pub async fn identity_connect(
        &self,
        person: String,
        arrival: Arrival,
    ) -> Result<Connected, StoreError> {
        self.call(move |sql| {
            let rows = everybody(sql)?;
            let Some(row) = rows.iter().find(|row| row.person.id == person && !row.disabled) else {
                return Ok(Connected::Nobody);
            };
            if row.password_hash == NO_PASSWORD {
                return Ok(Connected::Managed);
            }
            let known = known(sql, &arrival.issuer, &arrival.subject, &rows)?;
            if known.is_some_and(|known| known.person.as_ref() != Some(&person)) {
                return Ok(Connected::Taken);
            }
            sql.execute("DELETE FROM identities WHERE person = ?1", [&person])?;
            sql.execute(
                "INSERT INTO identities (id, issuer, subject, person, name, mail, managed, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
                params![
                    arrival.new_ids[1],
                    arrival.issuer,
                    arrival.subject,
                    person,
                    arrival.names[0],
                    arrival.mail,
                    signed(arrival.now_ms)
                ],
            )?;
            Ok(Connected::Yes)
        })
        .await
    }

    /// Takes the connection away; false if there is none, or it is all that the person has.
    pub async fn identity_disconnect(&self, person: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM identities WHERE person = ?1 AND NOT managed";
            Ok(sql.execute(query, [person])? > 0)
        })
        .await
    }

    /// Removed people, the last removed first.
    pub async fn identity_removed_list(&self) -> Result<Vec<RemovedRow>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id, name, mail, removed_ms FROM identities WHERE person IS NULL
                 ORDER BY removed_ms DESC, id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(RemovedRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    mail: row.get(2)?,
                    removed_ms: unsigned(row.get::<_, Option<i64>>(3)?.unwrap_or_default()),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Lets somebody who was removed come in again; false if there is no such.
    pub async fn identity_readmit(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let query = "DELETE FROM identities WHERE id = ?1 AND person IS NULL";
            Ok(sql.execute(query, [id])? > 0)
        })
        .await
    }
}
