//! Random texts, and passwords as argon2id hashes.

use crate::error::ControlError;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use roombox_provision::PASSWORD_LEAST;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Letters and digits that nobody mistakes for each other on a screen across the room.
pub(crate) const CLEAR: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Nobody types more; hashing takes longer the longer it is.
const LONGEST_PASSWORD: usize = 200;

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
pub(super) const AT_A_TIME: usize = 3;
pub(super) static HASHING: Semaphore = Semaphore::const_new(AT_A_TIME);

/// argon2id with 19 MiB, two passes, one lane: OWASP's least.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
thread_local! {
    /// Passwords that were hashed for whoever asks on this thread.
    pub(super) static HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Hashing takes tens of milliseconds on purpose: never on a thread that serves others.
pub(super) async fn hashing<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ControlError> {
    #[cfg(test)]
    HASHED.with(|hashed| hashed.set(hashed.get() + 1));
    let turn = HASHING.acquire().await.map_err(|_| ControlError::Hash)?;
    let work = move || {
        // Kept until it is done, also if nobody waits for it any more.
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ControlError::Hash)?
}

/// The hash of a password that somebody chose.
///
/// # Errors
/// It is too short or too long, or cannot be hashed.
pub(super) async fn chosen_password(password: &str) -> Result<String, ControlError> {
    let length = password.chars().count();
    if length < PASSWORD_LEAST {
        return Err(ControlError::WeakPassword { least: PASSWORD_LEAST });
    }
    if length > LONGEST_PASSWORD {
        return Err(ControlError::LongPassword { most: LONGEST_PASSWORD });
    }
    hash_password(password.to_owned()).await
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

/// Takes as long as checking a wrong password: who asks cannot tell that there is no such person.
///
/// # Errors
/// It cannot be hashed.
pub(super) async fn verify_nobody(password: String) -> Result<(), ControlError> {
    hashing(move || {
        let mut out = [0u8; 32];
        let hashed = argon2().hash_password_into(password.as_bytes(), &[0u8; 16], &mut out);
        hashed.map_err(|_| ControlError::Hash)
    })
    .await
}
