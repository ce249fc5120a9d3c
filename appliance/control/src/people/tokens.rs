//! API tokens: programs that speak for a person, never with more rights than that person has.

use super::asker::{Asker, By, Standing};
use super::secrets::{hashed, random_text};
use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::permissions::{Action, Role};
use crate::store::{ApiTokenRow, Store};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use ulid::Ulid;
use utoipa::ToSchema;

/// Tokens of one person.
const MOST: usize = 50;
const LONGEST_S: u64 = 10 * 366 * 24 * 3600;

/// An API token as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ApiToken {
    pub id: String,
    pub name: String,
    /// Id of the person for whom it speaks.
    pub person: String,
    /// What it may at most; never more than its person may.
    pub role: Role,
    pub created_at: UnixMs,
    /// `null`: never.
    #[schema(required)]
    pub expires_at: Option<UnixMs>,
    #[schema(required)]
    pub last_used_at: Option<UnixMs>,
}

impl From<ApiTokenRow> for ApiToken {
    fn from(row: ApiTokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            person: row.person,
            role: row.role,
            created_at: UnixMs(row.created_ms),
            expires_at: row.expires_ms.map(UnixMs),
            last_used_at: row.last_used_ms.map(UnixMs),
        }
    }
}

/// What is wanted of a new token.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    pub name: String,
    /// Absent: what its person may now.
    #[serde(default)]
    pub role: Option<Role>,
    /// In so many seconds; absent: never.
    #[serde(default)]
    pub expires_in_s: Option<u64>,
}

/// API tokens of the box.
pub struct Tokens {
    store: Arc<Store>,
    standing: Standing,
}

impl Tokens {
    pub fn new(store: Arc<Store>, standing: Standing) -> Self {
        Self { store, standing }
    }

    /// Makes an API token of whoever asks; its text is not shown again.
    ///
    /// # Errors
    /// Name, role or expiry will not do, there are too many, or the store refuses.
    pub async fn create(
        &self,
        asker: &Asker,
        wanted: NewToken,
    ) -> Result<(ApiToken, String), ControlError> {
        let name = checked_name(&wanted.name)?;
        let role = wanted.role.unwrap_or(asker.role);
        if role > asker.role {
            let why = "may not be more than you are yourself";
            return Err(ControlError::InvalidToken { field: "role", why });
        }
        if wanted.expires_in_s.is_some_and(|seconds| !(1..=LONGEST_S).contains(&seconds)) {
            let why = "is between 1 second and 10 years, in seconds";
            return Err(ControlError::InvalidToken { field: "expires_in_s", why });
        }
        let secret = random_text(43)?;
        let now = UnixMs::now().0;
        let row = ApiTokenRow {
            id: format!("tok_{}", Ulid::new()),
            name,
            person: asker.person.id.clone(),
            role,
            created_ms: now,
            expires_ms: wanted.expires_in_s.map(|seconds| now + seconds * 1000),
            last_used_ms: None,
        };
        if !self.store.api_token_insert(row.clone(), hashed(&secret), MOST).await? {
            return Err(ControlError::TooManyTokens { most: MOST });
        }
        Ok((row.into(), format!("rbx_{secret}")))
    }

    /// For whom an API token speaks.
    ///
    /// # Errors
    /// For nobody, or the store refuses.
    pub async fn asker(&self, token: &str) -> Result<Asker, ControlError> {
        let secret = token.strip_prefix("rbx_").ok_or(ControlError::Unauthenticated)?;
        let found = self.store.api_token_bearer(hashed(secret), UnixMs::now().0).await?;
        let found = found.ok_or(ControlError::Unauthenticated)?;
        Ok(Asker {
            role: found.role.min(found.person.role),
            person: found.person,
            by: By::Token(found.token),
            until: found.expires_ms.map(UnixMs),
        })
    }

    /// The tokens of whoever asks; everybody's for who runs people.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self, asker: &Asker) -> Result<Vec<ApiToken>, ControlError> {
        let mut rows = self.store.api_token_list(UnixMs::now().0).await?;
        rows.retain(|row| concerns(asker, row));
        Ok(rows.into_iter().map(ApiToken::from).collect())
    }

    /// Revokes a token: one of one's own, or anybody's for who runs people.
    ///
    /// # Errors
    /// There is no such token, or the store refuses.
    pub async fn delete(&self, asker: &Asker, id: &str) -> Result<(), ControlError> {
        let rows = self.store.api_token_list(UnixMs::now().0).await?;
        let row = rows.iter().find(|row| row.id == id && concerns(asker, row));
        if row.is_none() || !self.store.api_token_delete(id.to_owned()).await? {
            return Err(ControlError::NotFound("API token"));
        }
        self.standing.changed();
        Ok(())
    }
}

fn concerns(asker: &Asker, row: &ApiTokenRow) -> bool {
    row.person == asker.person.id || asker.may(Action::RunPeople)
}
