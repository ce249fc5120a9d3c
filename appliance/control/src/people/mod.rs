//! Who may use the panel: claiming the box, signing in, and the people of the box.
//!
//! ```text
//! claim code ── first owner          cookie ── sessions ──┐
//! invitation ── invites ── a person                       ├── asker: person, role ── permissions
//! name and password ── guard ── a session    Bearer ── tokens ┘
//! ```
//! What changes somebody's rights tells [`Standing`], and connections that stay open look again.

mod asker;
mod factors;
mod invites;
mod secrets;
mod sessions;
mod tokens;
mod totp;

pub use asker::{Asker, By, Standing};
pub use factors::{BegunFactor, Factors};
pub use invites::{Invites, NewPersonInvite, PersonInvite};
pub(crate) use secrets::{CLEAR, hash_password, hashed, random_text, verify_password};
pub use sessions::{Device, Session, Sessions};
pub use tokens::{ApiToken, NewToken, Tokens};

use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::guard::Guard;
use crate::permissions::Role;
use crate::store::{Changed, IdentityRow, NO_PASSWORD, Person, PersonChange, PersonRow, Store};
use secrets::{chosen_password, verify_nobody};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;
use ulid::Ulid;
use utoipa::ToSchema;

/// Wrong claim codes until the box must be restarted.
const CLAIM_TRIES: u32 = 5;
/// People of one box; a list that nobody can survey protects nobody.
pub(crate) const MOST_PEOPLE: usize = 200;

/// How far claiming has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimState {
    pub claimed: bool,
    pub attempts_left: u32,
}

/// A person as owners see them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ListedPerson {
    #[serde(flatten)]
    pub person: Person,
    /// May not sign in.
    pub disabled: bool,
    pub created_at: UnixMs,
    /// When a session of theirs was used, to the minute; `null`: none is open.
    #[schema(required)]
    pub last_seen_at: Option<UnixMs>,
    /// Signs in with a code as well.
    pub second_factor: bool,
    /// Who they are at the house's identity provider; `null`: they sign in here alone.
    #[schema(required)]
    pub identity: Option<PersonIdentity>,
}

/// Who a person is at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonIdentity {
    /// Address of the provider.
    pub issuer: String,
    /// As the provider last told it; may be empty.
    pub mail: String,
    /// The person came by the provider: they have no password here, and what they may follows their groups
    /// there. Otherwise they have connected an account that they had.
    pub managed: bool,
}

impl From<IdentityRow> for PersonIdentity {
    fn from(IdentityRow { issuer, mail, managed }: IdentityRow) -> Self {
        Self { issuer, mail, managed }
    }
}

impl From<PersonRow> for ListedPerson {
    fn from(row: PersonRow) -> Self {
        Self {
            person: row.person,
            disabled: row.disabled,
            created_at: UnixMs(row.created_ms),
            last_seen_at: row.seen_ms.map(UnixMs),
            second_factor: row.second_factor,
            identity: row.identity.map(PersonIdentity::from),
        }
    }
}

/// What becomes of a person; absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub role: Option<Role>,
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// What somebody types to sign in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Typed<'a> {
    /// Absent: whoever has owned the box longest.
    pub name: Option<&'a str>,
    pub password: &'a str,
    /// Of the second factor.
    pub code: Option<&'a str>,
}

struct Claim {
    code: String,
    left: u32,
}

/// People of the box.
pub struct People {
    store: Arc<Store>,
    events: Arc<Events>,
    standing: Standing,
    factors: Arc<Factors>,
    /// `None` once the box has an owner.
    claim: Mutex<Option<Claim>>,
    /// Tries of passwords by the person's id: guesses at one make nobody wait who is another. Names that
    /// nobody has share one, so that there are no more of these than people, and one.
    guards: Mutex<HashMap<String, Guard>>,
}

/// Under what tries of a name that nobody has are counted: as apart from each other as those of people, or the
/// pauses would tell who is one. So many that nobody fills the memory with names.
fn nobody(name: &str) -> String {
    static SALT: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    format!("?{}", SALT.hash_one(name.trim().to_lowercase()) % 256)
}

impl People {
    /// # Errors
    /// The store refuses, or there is no randomness for a claim code.
    pub async fn load(
        store: Arc<Store>,
        events: Arc<Events>,
        standing: Standing,
        factors: Arc<Factors>,
    ) -> Result<Self, ControlError> {
        let claim = match store.owner().await? {
            Some(_) => None,
            None => Some(Claim { code: random_text(8)?, left: CLAIM_TRIES }),
        };
        Ok(Self {
            store,
            events,
            standing,
            factors,
            claim: Mutex::new(claim),
            guards: Mutex::default(),
        })
    }

    fn claim(&self) -> std::sync::MutexGuard<'_, Option<Claim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code that claims this box, for its own screen only.
    pub fn claim_code(&self) -> Option<String> {
        self.claim().as_ref().map(|claim| format!("{}-{}", &claim.code[..4], &claim.code[4..]))
    }

    pub fn claim_state(&self) -> ClaimState {
        match &*self.claim() {
            None => ClaimState { claimed: true, attempts_left: 0 },
            Some(claim) => ClaimState { claimed: false, attempts_left: claim.left },
        }
    }

    /// A `roombox.toml` made an owner in the store.
    pub(crate) fn adopted(&self) {
        *self.claim() = None;
    }

    /// Whether somebody knows the claim code; each wrong one costs a try.
    ///
    /// # Errors
    /// There is an owner, or the code is wrong or locked.
    pub fn prove_code(&self, code: &str) -> Result<(), ControlError> {
        let mut claim = self.claim();
        let claim = claim.as_mut().ok_or(ControlError::AlreadyClaimed)?;
        if claim.left == 0 {
            return Err(ControlError::ClaimLocked);
        }
        let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        // Hashes: the time that comparing takes tells nothing of the code.
        if hashed(&typed.to_ascii_uppercase()) != hashed(&claim.code) {
            claim.left -= 1;
            tracing::warn!(left = claim.left, "a wrong claim code was tried");
            return Err(match claim.left {
                0 => ControlError::ClaimLocked,
                left => ControlError::WrongCode { left },
            });
        }
        Ok(())
    }

    /// Makes whoever knows the code the owner.
    ///
    /// # Errors
    /// There is an owner, the code is wrong or locked, or name or password will not do.
    pub async fn claim_box(
        &self,
        code: &str,
        name: &str,
        password: &str,
    ) -> Result<Person, ControlError> {
        self.prove_code(code)?;
        let name = checked_name(name)?;
        let hash = chosen_password(password).await?;
        let id = format!("per_{}", Ulid::new());
        let owner = Person { id, name, role: Role::Owner };
        if !self.store.owner_insert(owner.clone(), hash, UnixMs::now().0).await? {
            return Err(ControlError::AlreadyClaimed);
        }
        *self.claim() = None;
        tracing::info!("the box was claimed");
        Ok(owner)
    }

    /// Who signs in: the person of this name or, without one, whoever has owned the box longest. Who has a
    /// second factor sends its code, too. `from` is the address of whoever typed them.
    ///
    /// # Errors
    /// Name, password or code is wrong, was wrong too often, a code is needed, or the box has no owner.
    pub async fn log_in(&self, typed: Typed<'_>, from: IpAddr) -> Result<Person, ControlError> {
        let (owner, _) = self.store.owner().await?.ok_or(ControlError::NotClaimed)?;
        let rows = self.store.person_list().await?;
        let row = match typed.name.map(|name| name.trim().to_lowercase()) {
            None => rows.into_iter().find(|row| row.person.id == owner.id),
            Some(name) => rows.into_iter().find(|row| row.person.name.to_lowercase() == name),
        };
        let wrong = match typed.name {
            None => ControlError::WrongPassword,
            Some(_) => ControlError::WrongSignIn,
        };
        // Who is disabled, or has no password, is told what anybody is told.
        let has_password = |row: &PersonRow| !row.disabled && row.password_hash != NO_PASSWORD;
        let Some(row) = row.filter(has_password) else {
            self.counted(&nobody(typed.name.unwrap_or_default()), from)?;
            verify_nobody(typed.password.to_owned()).await?;
            return Err(wrong);
        };
        let id = &row.person.id;
        self.counted(id, from)?;
        if !verify_password(typed.password.to_owned(), row.password_hash).await? {
            tracing::warn!(person = %id, "a wrong password was tried");
            return Err(wrong);
        }
        if row.second_factor {
            // Tries are forgiven once both are right: the password alone must not open the way to
            // guessing codes.
            let code = typed.code.ok_or(ControlError::FactorNeeded)?;
            if !self.factors.is_right(id, code).await? {
                tracing::warn!(person = %id, "a wrong code was tried");
                return Err(ControlError::WrongFactor);
            }
        }
        self.guard(id, |guard| guard.right(Instant::now(), from));
        Ok(row.person)
    }

    /// Whether whoever asks knows the password of the person as whom they ask.
    ///
    /// # Errors
    /// They do not, or it was wrong too often.
    pub async fn confirm(
        &self,
        person: &Person,
        password: &str,
        from: IpAddr,
    ) -> Result<(), ControlError> {
        let rows = self.store.person_list().await?;
        let row = rows.into_iter().find(|row| row.person.id == person.id && !row.disabled);
        let row = row.ok_or(ControlError::Unauthenticated)?;
        if row.password_hash == NO_PASSWORD {
            return Err(ControlError::NoPassword);
        }
        self.counted(&person.id, from)?;
        if !verify_password(password.to_owned(), row.password_hash).await? {
            tracing::warn!(person = %person.id, "a wrong password was tried");
            return Err(ControlError::WrongPassword);
        }
        self.guard(&person.id, |guard| guard.right(Instant::now(), from));
        Ok(())
    }

    /// Counts a try before it is checked.
    fn counted(&self, id: &str, from: IpAddr) -> Result<(), ControlError> {
        let tried = self.guard(id, |guard| guard.try_from(Instant::now(), from));
        tried.map_err(|seconds| ControlError::TooManyAttempts { seconds })
    }

    fn guard<T>(&self, id: &str, use_it: impl FnOnce(&mut Guard) -> T) -> T {
        let mut guards = self.guards.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(guards.entry(id.to_owned()).or_default())
    }

    /// Everybody, the eldest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<ListedPerson>, ControlError> {
        Ok(self.store.person_list().await?.into_iter().map(ListedPerson::from).collect())
    }

    /// Changes somebody, at once: who may less or nothing any more is served so from now on.
    ///
    /// # Errors
    /// There is no such person, it is the last owner, the name will not do, or the role follows their groups
    /// at an identity provider.
    pub async fn change(&self, id: &str, patch: PersonPatch) -> Result<ListedPerson, ControlError> {
        let name = patch.name.as_deref().map(checked_name).transpose()?;
        let change = PersonChange { name, role: patch.role, disabled: patch.disabled };
        self.settled(id, self.store.person_change(id.to_owned(), change).await?)?;
        let found = self.list().await?.into_iter().find(|listed| listed.person.id == id);
        found.ok_or(ControlError::NotFound("person"))
    }

    /// Removes somebody with sessions and tokens. `name` is theirs, typed by whoever means it.
    ///
    /// # Errors
    /// There is no such person, the name is another, or it is the last owner.
    pub async fn remove(&self, id: &str, name: &str) -> Result<(), ControlError> {
        let found = self.list().await?.into_iter().find(|listed| listed.person.id == id);
        let found = found.ok_or(ControlError::NotFound("person"))?;
        if found.person.name != name.trim() {
            return Err(ControlError::WrongPersonName);
        }
        self.settled(id, self.store.person_delete(id.to_owned()).await?)?;
        self.guards.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    fn settled(&self, id: &str, changed: Changed) -> Result<(), ControlError> {
        match changed {
            Changed::Yes => {
                tracing::info!(person = %id, "a person was changed");
                self.standing.changed();
                self.events.publish(id, Happening::PersonChanged);
                Ok(())
            }
            Changed::Nobody => Err(ControlError::NotFound("person")),
            Changed::LastOwner => Err(ControlError::LastOwner),
            Changed::NameTaken => Err(ControlError::PersonNameTaken),
            Changed::RoleElsewhere => Err(ControlError::RoleElsewhere),
            Changed::Full => Err(ControlError::TooManyPeople { most: MOST_PEOPLE }),
        }
    }

    /// Gives whoever asks another password; their other sessions end.
    ///
    /// # Errors
    /// The old one is wrong, was wrong too often, or the new one will not do.
    pub async fn change_password(
        &self,
        asker: &Asker,
        old: &str,
        new: &str,
        from: IpAddr,
    ) -> Result<(), ControlError> {
        self.confirm(&asker.person, old, from).await?;
        let hash = chosen_password(new).await?;
        let kept = asker.session().map(str::to_owned);
        self.store.password_put(asker.person.id.clone(), hash, kept).await?;
        self.standing.changed();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
