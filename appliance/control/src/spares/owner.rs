//! Who owns the box, kept beside the database: a box that has lost it, and every copy, must not be claimed by
//! whoever stands before its screen.
//!
//! Each change of it has a number, here and in the database. A database that has an older one is a copy, or has lost
//! its log: the password of then, or none of the second factor that came since, must let nobody in.

use super::{SPARES, SpareError};
use crate::clock::UnixMs;
use crate::files::replace;
use crate::permissions::Role;
use crate::store::{Factor, Person, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

const OWNER: &str = "owner.json";
/// Under which the number of the last change lies in the database.
const MARK: &str = "spare_owner";

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    id: String,
    name: String,
    /// Argon2, as in the database.
    password_hash: String,
    /// Of the second factor, and the newest step that was used.
    factor: Option<(Vec<u8>, u64)>,
    /// Which recovery codes are left: a digest, so that those of a copy hold only if they are the same. A version
    /// that did not look at them wrote none.
    #[serde(default)]
    recovery: Option<Vec<u8>>,
    /// How often it has changed; a version that did not count yet wrote none.
    #[serde(default)]
    mark: u64,
}

async fn mark(store: &Store) -> Result<u64, SpareError> {
    Ok(store.report_get::<u64>(MARK).await?.map_or(0, |(mark, _)| mark))
}

async fn recovery(store: &Store, person: &str) -> Result<Vec<u8>, SpareError> {
    let left = store.recovery_left(person.to_owned()).await?;
    Ok(Sha256::digest(left.concat()).to_vec())
}

fn kept(data: &Path) -> Option<Result<Owner, serde_json::Error>> {
    let text = fs::read(data.join(SPARES).join(OWNER)).ok()?;
    Some(serde_json::from_slice(&text))
}

/// Keeps who owns the box; false: nobody does.
pub async fn keep(store: &Store, data: &Path) -> Result<bool, SpareError> {
    let Some((Person { id, name, .. }, password_hash)) = store.owner().await? else {
        return Ok(false);
    };
    let factor = store.factor_get(id.clone()).await?;
    let factor = factor.map(|factor| (factor.secret, factor.used_step));
    let recovery = Some(recovery(store, &id).await?);
    let known = mark(store).await?;
    let before = kept(data).and_then(Result::ok);
    let newest = before.as_ref().map_or(known, |before| before.mark.max(known));
    let now = Owner { id, name, password_hash, factor, recovery, mark: known };
    if known > 0 && before.as_ref() == Some(&now) {
        return Ok(true);
    }
    let now = Owner { mark: newest + 1, ..now };
    let text = serde_json::to_vec(&now).map_err(std::io::Error::from)?;
    fs::create_dir_all(data.join(SPARES))?;
    // The file first: should the power go between the two, it says what the database says.
    replace(&data.join(SPARES).join(OWNER), &text, 0o600)?;
    store.report_put(MARK, now.mark, None).await?;
    Ok(true)
}

/// On a box without an owner that had one: they own it again, with their password and second factor. On one whose
/// database is older than what is kept here: they have the password and the second factor of the last minute, and
/// whoever handed the box over to them since does not own it any more.
///
/// # Errors
/// The database refuses.
pub async fn come_back(store: &Store, data: &Path) -> Result<(), SpareError> {
    let owns = store.owner().await?;
    let owner = match kept(data) {
        None => return Ok(()),
        Some(Ok(owner)) => owner,
        // Who is there owns it still.
        Some(Err(_)) if owns.is_some() => return Ok(()),
        Some(Err(error)) => {
            tracing::error!(%error, "who owned the box cannot be read: it is claimed with the code on its screen");
            return Ok(());
        }
    };
    if let Some((person, hash)) = owns {
        if owner.mark > mark(store).await? {
            catch_up(store, owner, (person.id, hash)).await?;
        }
        return Ok(());
    }
    let (id, now, mark) = (owner.id, UnixMs::now().0, owner.mark);
    // First the factor: a power cut between the two must not leave an owner without it.
    if let Some((secret, used_step)) = owner.factor {
        let factor = Factor { secret, used_step };
        store.factor_put(id.clone(), factor, Vec::new(), now).await?;
    }
    let person = Person { id, name: owner.name, role: Role::Owner };
    store.owner_insert(person, owner.password_hash, now).await?;
    store.report_put(MARK, mark, None).await?;
    tracing::warn!(
        "the box has no database of before: its owner owns it again, with the same password"
    );
    Ok(())
}

/// Gives the owner of an older database what they sign in with today, and ends their sessions of then. All of it can be
/// done again, should the power go in between.
async fn catch_up(
    store: &Store,
    owner: Owner,
    (owner_of_then, hash_of_then): (String, String),
) -> Result<(), SpareError> {
    let (id, now) = (owner.id, UnixMs::now().0);
    let handed_over = id != owner_of_then;
    if owner.recovery != Some(recovery(store, &id).await?) {
        store.recovery_clear(id.clone()).await?;
    }
    let of_then = store.factor_get(id.clone()).await?;
    match (owner.factor, of_then) {
        // Its used codes stay used.
        (Some((secret, used_step)), Some(then)) if then.secret == secret => {
            store.factor_use(id.clone(), used_step).await?;
        }
        (Some((secret, used_step)), _) => {
            let factor = Factor { secret, used_step };
            store.factor_put(id.clone(), factor, Vec::new(), now).await?;
        }
        // They have taken it away since, and perhaps off their phone.
        (None, Some(_)) => {
            store.factor_delete(id.clone()).await?;
        }
        (None, None) => {}
    }
    let changed = owner.password_hash != hash_of_then;
    if handed_over {
        // With the password, in one step: should the power go, either owns it wholly.
        let heir = Person { id: id.clone(), name: owner.name, role: Role::Owner };
        store.owner_replace(owner_of_then, heir, owner.password_hash.clone(), now).await?;
    }
    store.password_put(id, owner.password_hash, None).await?;
    store.report_put(MARK, owner.mark, None).await?;
    tracing::warn!(
        password_changed = changed,
        handed_over,
        "the database is older than what its owner signs in with: that counts as it was last"
    );
    Ok(())
}

/// Somebody owned the box.
pub fn is_known(data: &Path) -> bool {
    data.join(SPARES).join(OWNER).exists()
}
