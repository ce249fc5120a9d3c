//! Who may use the panel: claiming the box, logging in, sessions and API tokens.

use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::guard::Guard;
use crate::store::{Person, Role, Store};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use roombox_provision::PASSWORD_LEAST;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;
use ulid::Ulid;
use utoipa::ToSchema;

/// Wrong claim codes until the box must be restarted.
const CLAIM_TRIES: u32 = 5;
/// A session ends after this, used or not.
const SESSION_MS: u64 = 30 * 24 * 3600 * 1000;
/// Letters and digits that nobody mistakes for each other on a screen across the room.
pub(crate) const CLEAR: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Random text of letters and digits, 5 bits a character.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn random_text(length: usize) -> Result<String, ControlError> {
    let mut bytes = vec![0u8; length];
    getrandom::fill(&mut bytes).map_err(|_| ControlError::Randomness)?;
    Ok(bytes.iter().map(|byte| char::from(CLEAR[usize::from(byte % 32)])).collect())
}

pub(crate) fn hashed(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Passwords that are hashed at a time, each with the memory below: whoever sends many waits, and the
/// box stays free for its meetings.
const AT_A_TIME: usize = 3;
static HASHING: Semaphore = Semaphore::const_new(AT_A_TIME);

/// argon2id with 19 MiB, two passes, one lane: OWASP's least.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// How far claiming has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimState {
    pub claimed: bool,
    pub attempts_left: u32,
}

/// An API token as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ApiToken {
    pub id: String,
    pub name: String,
    pub created_at: UnixMs,
    #[schema(required)]
    pub last_used_at: Option<UnixMs>,
}

struct Claim {
    code: String,
    left: u32,
}

/// People of the box.
pub struct People {
    store: Arc<Store>,
    /// `None` once the box has an owner.
    claim: Mutex<Option<Claim>>,
    guard: Mutex<Guard>,
}

impl People {
    /// # Errors
    /// The store refuses, or there is no randomness for a claim code.
    pub async fn load(store: Arc<Store>) -> Result<Self, ControlError> {
        let claim = match store.owner().await? {
            Some(_) => None,
            None => Some(Claim { code: random_text(8)?, left: CLAIM_TRIES }),
        };
        Ok(Self { store, claim: Mutex::new(claim), guard: Mutex::default() })
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
        {
            let mut claim = self.claim();
            let claim = claim.as_mut().ok_or(ControlError::AlreadyClaimed)?;
            if claim.left == 0 {
                return Err(ControlError::ClaimLocked);
            }
            let typed: String =
                code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
            // Hashes: the time that comparing takes tells nothing of the code.
            if hashed(&typed.to_ascii_uppercase()) != hashed(&claim.code) {
                claim.left -= 1;
                tracing::warn!(left = claim.left, "a wrong claim code was tried");
                return Err(match claim.left {
                    0 => ControlError::ClaimLocked,
                    left => ControlError::WrongCode { left },
                });
            }
        }
        let name = checked_name(name)?;
        if password.chars().count() < PASSWORD_LEAST {
            return Err(ControlError::WeakPassword { least: PASSWORD_LEAST });
        }
        let hash = hash_password(password.to_owned()).await?;
        let id = format!("per_{}", Ulid::new());
        let owner = Person { id, name, role: Role::Owner };
        if !self.store.owner_insert(owner.clone(), hash, UnixMs::now().0).await? {
            return Err(ControlError::AlreadyClaimed);
        }
        *self.claim() = None;
        tracing::info!("the box was claimed");
        Ok(owner)
    }

    /// The owner, by password. `from` is the address of whoever typed it.
    ///
    /// # Errors
    /// The password is wrong, was wrong too often, or the box has no owner.
    pub async fn log_in(&self, password: &str, from: IpAddr) -> Result<Person, ControlError> {
        let guard = || self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let (owner, hash) = self.store.owner().await?.ok_or(ControlError::NotClaimed)?;
        guard()
            .try_from(Instant::now(), from)
            .map_err(|seconds| ControlError::TooManyAttempts { seconds })?;
        if !verify_password(password.to_owned(), hash).await? {
            tracing::warn!("a wrong password was tried");
            return Err(ControlError::WrongPassword);
        }
        guard().right(Instant::now(), from);
        Ok(owner)
    }

    /// A new session of a person: the secret for the cookie, and for how many seconds it is good.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn open_session(&self, person: &Person) -> Result<(String, u64), ControlError> {
        let secret = random_text(43)?;
        let now = UnixMs::now().0;
        let id = person.id.clone();
        self.store.session_insert(hashed(&secret), id, now, now + SESSION_MS).await?;
        Ok((secret, SESSION_MS / 1000))
    }

    /// # Errors
    /// The store refuses.
    pub async fn close_session(&self, secret: &str) -> Result<(), ControlError> {
        Ok(self.store.session_delete(hashed(secret)).await?)
    }

    /// Whose session this is.
    ///
    /// # Errors
    /// Nobody's, or the store refuses.
    pub async fn by_session(&self, secret: &str) -> Result<Person, ControlError> {
        let found = self.store.session_person(hashed(secret), UnixMs::now().0).await?;
        found.ok_or(ControlError::Unauthenticated)
    }

    /// For whom an API token speaks.
    ///
    /// # Errors
    /// For nobody, or the store refuses.
    pub async fn by_api_token(&self, token: &str) -> Result<Person, ControlError> {
        let secret = token.strip_prefix("rbx_").ok_or(ControlError::Unauthenticated)?;
        let found = self.store.api_token_person(hashed(secret), UnixMs::now().0).await?;
        found.ok_or(ControlError::Unauthenticated)
    }

    /// Makes an API token that may what the person may; its text is not shown again.
    ///
    /// # Errors
    /// The name will not do, or the store refuses.
    pub async fn create_api_token(
        &self,
        person: &Person,
        name: &str,
    ) -> Result<(ApiToken, String), ControlError> {
        let name = checked_name(name)?;
        let secret = random_text(43)?;
        let id = format!("tok_{}", Ulid::new());
        let created_at = UnixMs::now();
        let (owner, hash) = (person.id.clone(), hashed(&secret));
        self.store.api_token_insert(id.clone(), name.clone(), hash, owner, created_at.0).await?;
        let token = ApiToken { id, name, created_at, last_used_at: None };
        Ok((token, format!("rbx_{secret}")))
    }

    /// # Errors
    /// The store refuses.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, ControlError> {
        let rows = self.store.api_token_list().await?;
        let token = |row: crate::store::ApiTokenRow| ApiToken {
            id: row.id,
            name: row.name,
            created_at: UnixMs(row.created_ms),
            last_used_at: row.last_used_ms.map(UnixMs),
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// # Errors
    /// There is no such token, or the store refuses.
    pub async fn delete_api_token(&self, id: &str) -> Result<(), ControlError> {
        match self.store.api_token_delete(id.to_owned()).await? {
            true => Ok(()),
            false => Err(ControlError::NotFound("API token")),
        }
    }
}

/// Hashing takes tens of milliseconds on purpose: never on a thread that serves others.
async fn hashing<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ControlError> {
    let turn = HASHING.acquire().await.map_err(|_| ControlError::Hash)?;
    let work = move || {
        // Kept until it is done, also if nobody waits for it any more.
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ControlError::Hash)?
}

pub(crate) async fn hash_password(password: String) -> Result<String, ControlError> {
    let work = move || {
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt).map_err(|_| ControlError::Randomness)?;
        let salt = SaltString::encode_b64(&salt).map_err(|_| ControlError::Hash)?;
        let hash = argon2().hash_password(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|_| ControlError::Hash)
    };
    hashing(work).await
}

pub(crate) async fn verify_password(password: String, hash: String) -> Result<bool, ControlError> {
    let work = move || {
        let hash = PasswordHash::new(&hash).map_err(|_| ControlError::Hash)?;
        Ok(argon2().verify_password(password.as_bytes(), &hash).is_ok())
    };
    hashing(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn people(folder: &std::path::Path) -> People {
        let store = Arc::new(Store::open(&folder.join("box.db")).unwrap());
        People::load(store).await.unwrap()
    }

    #[tokio::test]
    async fn the_printed_code_claims_the_box_once() {
        let folder = tempfile::tempdir().unwrap();
        let box_people = people(folder.path()).await;
        let code = box_people.claim_code().unwrap();
        let typed = code.to_lowercase().replace('-', " ");
        let weak = box_people.claim_box(&typed, "Ada", "short").await;
        assert!(matches!(weak, Err(ControlError::WeakPassword { .. })));
        box_people.claim_box(&typed, "Ada", "correct horse").await.unwrap();
        let again = box_people.claim_box(&typed, "Eve", "another horse").await;
        assert!(matches!(again, Err(ControlError::AlreadyClaimed)));
        assert_eq!(box_people.claim_code(), None);
        assert!(people(folder.path()).await.claim_state().claimed);
    }

    #[tokio::test]
    async fn five_wrong_codes_lock_claiming_even_for_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let people = people(folder.path()).await;
        for left in (1..CLAIM_TRIES).rev() {
            let wrong = people.claim_box("AAAA-AAAA", "Eve", "another horse").await;
            assert!(matches!(wrong, Err(ControlError::WrongCode { left: l }) if l == left));
        }
        people.claim_box("AAAA-AAAA", "Eve", "another horse").await.unwrap_err();
        let code = people.claim_code().unwrap();
        let right = people.claim_box(&code, "Ada", "correct horse").await;
        assert!(matches!(right, Err(ControlError::ClaimLocked)));
    }

    #[tokio::test]
    async fn wrong_passwords_make_only_their_sender_wait() {
        let folder = tempfile::tempdir().unwrap();
        let people = people(folder.path()).await;
        let (eve, ada) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert!(matches!(people.log_in("x", eve).await, Err(ControlError::NotClaimed)));
        let code = people.claim_code().unwrap();
        people.claim_box(&code, "Ada", "correct horse").await.unwrap();
        people.log_in("correct horse", eve).await.unwrap();
        loop {
            match people.log_in("wrong horse", eve).await {
                Err(ControlError::WrongPassword) => {}
                Err(ControlError::TooManyAttempts { seconds: 1..=30 }) => break,
                other => panic!("{other:?}"),
            }
        }
        let blocked = people.log_in("correct horse", eve).await;
        assert!(matches!(blocked, Err(ControlError::TooManyAttempts { .. })));
        people.log_in("correct horse", ada).await.unwrap();
    }

    #[tokio::test]
    async fn sessions_and_tokens_open_what_they_should_until_they_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let people = people(folder.path()).await;
        let code = people.claim_code().unwrap();
        let owner = people.claim_box(&code, "Ada", "correct horse").await.unwrap();
        let (cookie, _) = people.open_session(&owner).await.unwrap();
        assert_eq!(people.by_session(&cookie).await.unwrap(), owner);
        people.close_session(&cookie).await.unwrap();
        assert!(people.by_session(&cookie).await.is_err());
        let (token, secret) = people.create_api_token(&owner, "ci").await.unwrap();
        assert_eq!(people.by_api_token(&secret).await.unwrap(), owner);
        people.delete_api_token(&token.id).await.unwrap();
        assert!(people.by_api_token(&secret).await.is_err());
        assert!(people.by_api_token("rbx_").await.is_err());
    }

    #[tokio::test]
    async fn only_so_many_passwords_are_hashed_at_a_time() {
        let (begun, mut beginning) = tokio::sync::mpsc::unbounded_channel();
        let mut going = Vec::new();
        for _ in 0..AT_A_TIME {
            let (begun, (end, ended)) = (begun.clone(), std::sync::mpsc::channel::<()>());
            let work = move || {
                begun.send(()).unwrap();
                Ok(ended.recv().is_err())
            };
            going.push((end, tokio::spawn(hashing(work))));
        }
        for _ in 0..AT_A_TIME {
            beginning.recv().await.unwrap();
        }
        assert!(HASHING.try_acquire().is_err(), "one more would begin");
        for (end, work) in going {
            drop(end);
            assert!(work.await.unwrap().unwrap());
        }
        assert!(
            verify_password("x".to_owned(), hash_password("x".to_owned()).await.unwrap())
                .await
                .unwrap()
        );
    }
}
