//! Sessions: who is signed in, where, and the end of it.

use super::asker::{Asker, By, Standing};
use super::secrets::{hashed, random_text};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::store::{Person, SessionRow, Store};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use utoipa::ToSchema;

/// A session ends after this, used or not.
const SESSION_MS: u64 = 30 * 24 * 3600 * 1000;
/// One that an identity provider vouched for: within a day the box hears of groups that were left.
const VOUCHED_MS: u64 = 12 * 3600 * 1000;
/// Sessions of one person; another one ends the one that was used longest ago.
const MOST: usize = 50;
/// What browsers call themselves is long; this much tells them apart.
const AGENT: usize = 200;

/// Where somebody signs in.
#[derive(Debug, Clone)]
pub struct Device {
    /// What the browser calls itself.
    pub agent: Option<String>,
    pub address: IpAddr,
}

/// A session as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Session {
    /// `ses_` and 24 digits.
    pub id: String,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    /// To the minute.
    pub last_seen_at: UnixMs,
    /// What the browser calls itself, at most 200 characters; `null`: nothing.
    #[schema(required)]
    pub agent: Option<String>,
    /// From where it was used last.
    #[schema(required)]
    pub address: Option<String>,
    /// The one that asks.
    pub current: bool,
}

/// Sessions of the box.
pub struct Sessions {
    store: Arc<Store>,
    standing: Standing,
}

impl Sessions {
    pub fn new(store: Arc<Store>, standing: Standing) -> Self {
        Self { store, standing }
    }

    /// A new session of a person: the secret for the cookie, and for how many seconds it is good.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn open(
        &self,
        person: &Person,
        device: Device,
    ) -> Result<(String, u64), ControlError> {
        self.open_for(person, device, SESSION_MS).await
    }

    /// The same for somebody whom an identity provider has vouched for: it is asked again sooner.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn open_vouched(
        &self,
        person: &Person,
        device: Device,
    ) -> Result<(String, u64), ControlError> {
        self.open_for(person, device, VOUCHED_MS).await
    }

    async fn open_for(
        &self,
        person: &Person,
        device: Device,
        lasts_ms: u64,
    ) -> Result<(String, u64), ControlError> {
        let secret = random_text(43)?;
        let now = UnixMs::now().0;
        let shown = |agent: String| agent.chars().filter(|c| !c.is_control()).take(AGENT).collect();
        let row = SessionRow {
            id: String::new(),
            person: person.id.clone(),
            created_ms: now,
            expires_ms: now + lasts_ms,
            agent: device.agent.map(shown),
            address: Some(device.address.to_canonical().to_string()),
            seen_ms: now,
        };
        self.store.session_insert(hashed(&secret), row, MOST).await?;
        Ok((secret, lasts_ms / 1000))
    }

    /// Ends the session of this secret.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn close(&self, secret: &str) -> Result<(), ControlError> {
        self.store.session_delete(hashed(secret)).await?;
        self.standing.changed();
        Ok(())
    }

    /// Who has this session.
    ///
    /// # Errors
    /// Nobody, or the store refuses.
    pub async fn asker(&self, secret: &str, from: IpAddr) -> Result<Asker, ControlError> {
        let address = Some(from.to_canonical().to_string());
        let found = self.store.session_person(hashed(secret), address, UnixMs::now().0).await?;
        let (person, id, expires_ms) = found.ok_or(ControlError::Unauthenticated)?;
        let role = person.role;
        Ok(Asker { person, role, by: By::Session(id), until: Some(UnixMs(expires_ms)) })
    }

    /// Sessions of a person, the last used first. `asker` has one of them or none.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self, person: &str, asker: &Asker) -> Result<Vec<Session>, ControlError> {
        let rows = self.store.session_list(person.to_owned(), UnixMs::now().0).await?;
        let session = |row: SessionRow| Session {
            current: asker.session() == Some(row.id.as_str()),
            id: row.id,
            created_at: UnixMs(row.created_ms),
            expires_at: UnixMs(row.expires_ms),
            last_seen_at: UnixMs(row.seen_ms),
            agent: row.agent,
            address: row.address,
        };
        Ok(rows.into_iter().map(session).collect())
    }

    /// Ends one session of a person, and what is open by it.
    ///
    /// # Errors
    /// The person has no such session, or the store refuses.
    pub async fn revoke(&self, person: &str, id: &str) -> Result<(), ControlError> {
        if !self.store.session_revoke(person.to_owned(), id.to_owned()).await? {
            return Err(ControlError::NotFound("session"));
        }
        self.standing.changed();
        Ok(())
    }

    /// Ends all sessions of a person but the one that `asker` uses: how many.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn revoke_others(&self, person: &str, asker: &Asker) -> Result<usize, ControlError> {
        let kept = asker.session().map(str::to_owned);
        let ended = self.store.session_revoke_others(person.to_owned(), kept).await?;
        self.standing.changed();
        Ok(ended)
    }
}
