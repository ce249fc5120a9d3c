//! The second factor: a code of an app, or one of ten that are written down.
//!
//! ```text
//! begun: a secret in memory ── its first code ── kept, ten recovery codes shown once
//! signing in: password right ── code asked ── code of a step that was never used, or a recovery code
//! ```

use super::secrets::{hashed, random_text};
use super::totp;
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::{Factor, Person, Store};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Recovery codes, each good once, and their letters: 5 bits each.
const RECOVERY: usize = 10;
const RECOVERY_LETTERS: usize = 10;
/// An app is set up within this.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What an app needs; it counts once its first code was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BegunFactor {
    /// To type it into the app.
    pub secret: String,
    /// The same as an address, for a QR code.
    pub address: String,
}

struct Begun {
    secret: [u8; totp::SECRET],
    until: Instant,
}

/// Second factors of the box's people.
pub struct Factors {
    store: Arc<Store>,
    events: Arc<Events>,
    /// Secrets without a code so far: one a person.
    begun: Mutex<HashMap<String, Begun>>,
}

impl Factors {
    pub fn new(store: Arc<Store>, events: Arc<Events>) -> Self {
        Self { store, events, begun: Mutex::default() }
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<String, Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a person needs a code to sign in.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn is_set(&self, person: &str) -> Result<bool, ControlError> {
        Ok(self.store.factor_get(person.to_owned()).await?.is_some())
    }

    /// Makes a secret for a person's app; the one of before counts until the new one's first code.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn begin(&self, person: &Person, box_name: &str) -> Result<BegunFactor, ControlError> {
        let mut secret = [0u8; totp::SECRET];
        getrandom::fill(&mut secret).map_err(|_| ControlError::Randomness)?;
        let (now, mut begun) = (Instant::now(), self.begun());
        begun.retain(|_, one| one.until > now);
        begun.insert(person.id.clone(), Begun { secret, until: now + PATIENCE });
        let address = totp::address(&secret, box_name, &person.name);
        Ok(BegunFactor { secret: totp::base32(&secret), address })
    }

    /// Keeps the secret that was begun, by its app's code: the recovery codes, not shown again.
    ///
    /// # Errors
    /// Nothing was begun, or too long ago, the code is wrong, or the store refuses.
    pub async fn keep(&self, person: &Person, code: &str) -> Result<Vec<String>, ControlError> {
        let now = UnixMs::now().0;
        let step = {
            let begun = self.begun();
            let one = begun.get(&person.id).filter(|one| one.until > Instant::now());
            let secret = one.ok_or(ControlError::NoFactorBegun)?.secret;
            let step = totp::step_of(&secret, code, now / 1000, 0);
            (secret, step.ok_or(ControlError::WrongFactor)?)
        };
        let codes = (0..RECOVERY).map(|_| random_text(RECOVERY_LETTERS));
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let factor = Factor { secret: step.0.to_vec(), used_step: step.1 };
        let hashes = codes.iter().map(|code| hashed(code)).collect();
        self.store.factor_put(person.id.clone(), factor, hashes, now).await?;
        self.begun().remove(&person.id);
        self.events.publish(&person.id, Happening::PersonChanged);
        Ok(codes.iter().map(|code| format!("{}-{}", &code[..5], &code[5..])).collect())
    }

    /// Whether this is a code of the person's now; it counts once.
    ///
    /// # Errors
    /// The store refuses.
    pub(super) async fn is_right(&self, person: &str, typed: &str) -> Result<bool, ControlError> {
        let Some(factor) = self.store.factor_get(person.to_owned()).await? else {
            return Ok(false);
        };
        let now = UnixMs::now().0 / 1000;
        if let Some(step) = totp::step_of(&factor.secret, typed, now, factor.used_step) {
            // Only one of those who send it at once gets in.
            return Ok(self.store.factor_use(person.to_owned(), step).await?);
        }
        let typed: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
        if typed.len() != RECOVERY_LETTERS {
            return Ok(false);
        }
        let typed = hashed(&typed.to_ascii_uppercase());
        Ok(self.store.recovery_use(person.to_owned(), typed).await?)
    }

    /// Takes a person's second factor away.
    ///
    /// # Errors
    /// They have none, or the store refuses.
    pub async fn remove(&self, person: &str) -> Result<(), ControlError> {
        if !self.store.factor_delete(person.to_owned()).await? {
            return Err(ControlError::NotFound("second factor"));
        }
        tracing::info!(person, "a second factor was taken away");
        self.events.publish(person, Happening::PersonChanged);
        Ok(())
    }
}
