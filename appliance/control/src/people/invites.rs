//! Invitations: links that make somebody a person of the box, once, until they expire.

use super::secrets::{chosen_password, hashed, random_text};
use super::{CLEAR, MOST_PEOPLE};
use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::permissions::Role;
use crate::store::{Changed, Person, PersonInviteRow, Store};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use ulid::Ulid;
use utoipa::ToSchema;

/// Letters of a link's secret: 5 bits each.
const SECRET: usize = 43;
/// Invitations that are open.
const MOST: usize = 50;
const SHORTEST_S: u64 = 60;
pub(super) const LONGEST_S: u64 = 30 * 24 * 3600;

/// An open invitation, as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PersonInvite {
    /// `inv_` and a ULID.
    pub id: String,
    /// For whom it is; they may choose another name.
    pub name: String,
    pub role: Role,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
}

impl From<PersonInviteRow> for PersonInvite {
    fn from(row: PersonInviteRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            created_at: UnixMs(row.created_ms),
            expires_at: UnixMs(row.expires_ms),
        }
    }
}

/// Who is invited.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPersonInvite {
    pub name: String,
    pub role: Role,
    /// In so many seconds, a minute to 30 days.
    pub expires_in_s: u64,
}

/// Invitations of the box.
pub struct Invites {
    store: Arc<Store>,
    events: Arc<Events>,
}

impl Invites {
    pub fn new(store: Arc<Store>, events: Arc<Events>) -> Self {
        Self { store, events }
    }

    /// Invites somebody: the invitation, and its secret, which is not shown again.
    ///
    /// # Errors
    /// Name or expiry will not do, too many are open, or the store refuses.
    pub async fn create(
        &self,
        wanted: NewPersonInvite,
    ) -> Result<(PersonInvite, String), ControlError> {
        if !(SHORTEST_S..=LONGEST_S).contains(&wanted.expires_in_s) {
            return Err(ControlError::InviteExpiry { least: SHORTEST_S, most: LONGEST_S });
        }
        let (secret, now) = (random_text(SECRET)?, UnixMs::now().0);
        let row = PersonInviteRow {
            id: format!("inv_{}", Ulid::new()),
            name: checked_name(&wanted.name)?,
            role: wanted.role,
            created_ms: now,
            expires_ms: now + wanted.expires_in_s * 1000,
        };
        if !self.store.person_invite_insert(row.clone(), hashed(&secret), MOST).await? {
            return Err(ControlError::TooManyInvites { most: MOST });
        }
        self.events.publish(&row.id, Happening::PersonChanged);
        Ok((row.into(), secret))
    }

    /// Invitations that are open.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<PersonInvite>, ControlError> {
        let rows = self.store.person_invite_list(UnixMs::now().0).await?;
        Ok(rows.into_iter().map(PersonInvite::from).collect())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// There is no such invitation, or the store refuses.
    pub async fn revoke(&self, id: &str) -> Result<(), ControlError> {
        if !self.store.person_invite_delete(id.to_owned()).await? {
            return Err(ControlError::NotFound("invitation"));
        }
        self.events.publish(id, Happening::PersonChanged);
        Ok(())
    }

    /// The invitation of this secret. Used, expired, revoked and invented ones are all the same.
    ///
    /// # Errors
    /// There is none, or the store refuses.
    pub async fn look(&self, secret: &str) -> Result<PersonInvite, ControlError> {
        if secret.len() != SECRET || !secret.bytes().all(|byte| CLEAR.contains(&byte)) {
            return Err(ControlError::PersonInviteGone);
        }
        let found = self.store.person_invite_get(hashed(secret), UnixMs::now().0).await?;
        found.map(PersonInvite::from).ok_or(ControlError::PersonInviteGone)
    }

    /// Makes whoever has the secret a person of the box, with this name and password.
    ///
    /// # Errors
    /// The invitation is gone, name or password will not do, or the box has too many people.
    pub async fn accept(
        &self,
        secret: &str,
        name: &str,
        password: &str,
    ) -> Result<Person, ControlError> {
        // Before the hash: who has no invitation shall not make the box work.
        let invite = self.look(secret).await?;
        let name = checked_name(name)?;
        let hash = chosen_password(password).await?;
        let new = Person { id: format!("per_{}", Ulid::new()), name, role: invite.role };
        let now = UnixMs::now().0;
        let accepted =
            self.store.person_accept(hashed(secret), new.clone(), hash, now, MOST_PEOPLE).await?;
        match accepted {
            Changed::Yes => {}
            Changed::NameTaken => return Err(ControlError::PersonNameTaken),
            Changed::Full => return Err(ControlError::TooManyPeople { most: MOST_PEOPLE }),
            Changed::Nobody | Changed::LastOwner | Changed::RoleElsewhere => {
                return Err(ControlError::PersonInviteGone);
            }
        }
        tracing::info!(person = %new.id, role = new.role.name(), "an invitation was accepted");
        self.events.publish(&new.id, Happening::PersonChanged);
        Ok(new)
    }
}
