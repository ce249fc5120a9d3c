//! Who owns the box, kept beside the database: a box that has lost it, and every copy, must not be claimed by
//! whoever stands before its screen.

use super::{SPARES, SpareError};
use crate::clock::UnixMs;
use crate::files::replace;
use crate::permissions::Role;
use crate::store::{Factor, Person, Store};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

const OWNER: &str = "owner.json";

#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    id: String,
    name: String,
    /// Argon2, as in the database.
    password_hash: String,
    /// Of the second factor, and the newest step that was used. Recovery codes are not kept.
    factor: Option<(Vec<u8>, u64)>,
}

/// Keeps who owns the box; false: nobody does.
pub async fn keep(store: &Store, data: &Path) -> Result<bool, SpareError> {
    let Some((Person { id, name, .. }, password_hash)) = store.owner().await? else {
        return Ok(false);
    };
    let factor = store.factor_get(id.clone()).await?;
    let factor = factor.map(|factor| (factor.secret, factor.used_step));
    let text = serde_json::to_vec(&Owner { id, name, password_hash, factor })
        .map_err(std::io::Error::from)?;
    let path = data.join(SPARES).join(OWNER);
    if fs::read(&path).is_ok_and(|kept| kept == text) {
        return Ok(true);
    }
    fs::create_dir_all(data.join(SPARES))?;
    replace(&path, &text, 0o600)?;
    Ok(true)
}

/// On a box without an owner that had one: they own it again, with their password and second factor.
///
/// # Errors
/// The database refuses.
pub async fn come_back(store: &Store, data: &Path) -> Result<(), SpareError> {
    if store.owner().await?.is_some() {
        return Ok(());
    }
    let Ok(text) = fs::read(data.join(SPARES).join(OWNER)) else { return Ok(()) };
    let owner: Owner = match serde_json::from_slice(&text) {
        Ok(owner) => owner,
        Err(error) => {
            tracing::error!(%error, "who owned the box cannot be read: it is claimed with the code on its screen");
            return Ok(());
        }
    };
    let (id, now) = (owner.id, UnixMs::now().0);
    // First the factor: a power cut between the two must not leave an owner without it.
    if let Some((secret, used_step)) = owner.factor {
        let factor = Factor { secret, used_step };
        store.factor_put(id.clone(), factor, Vec::new(), now).await?;
    }
    let person = Person { id, name: owner.name, role: Role::Owner };
    store.owner_insert(person, owner.password_hash, now).await?;
    tracing::warn!(
        "the box has no database of before: its owner owns it again, with the same password"
    );
    Ok(())
}

/// Somebody owned the box.
pub fn is_known(data: &Path) -> bool {
    data.join(SPARES).join(OWNER).exists()
}
