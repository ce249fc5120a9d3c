//! What happened while nobody looked and somebody should know of: it stands until somebody has seen it, over
//! restarts, too.

use super::AlarmKind;
use crate::backup::GivenUpRestore;
use crate::certificates::RenewedKeys;
use crate::error::ControlError;
use crate::files::{absent, replace};
use crate::spares::{self, MendNote};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last restore that a start has given up, in the box's data.
const GIVEN_UP: &str = "given-up.json";

/// What stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// A spare copy took the database's place, or the box began anew.
    pub mended: Option<MendNote>,
    pub keys: Option<RenewedKeys>,
    pub restore: Option<GivenUpRestore>,
}

/// Notes of a box, as they lie in its data.
#[derive(Debug)]
pub struct Notices {
    data: PathBuf,
    /// Of these the files are read once: only a start writes them.
    standing: Mutex<Standing>,
}

impl Notices {
    /// Of the box whose data are in this folder. `restore`: what this start has given up; else what one before it
    /// has, if nobody has seen that.
    pub fn load(data: PathBuf, restore: Option<GivenUpRestore>) -> Self {
        if let Some(given_up) = &restore {
            keep(&data, given_up);
        }
        let restore = restore.or_else(|| told(&data));
        let mended = spares::told(&data).filter(|note| !note.seen);
        let standing = Standing { mended, keys: None, restore };
        Self { data, standing: Mutex::new(standing) }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What nobody has seen yet.
    pub fn look(&self) -> Standing {
        // A key may be made anew at any time.
        let keys = RenewedKeys::told(&self.data.join("secrets"));
        Standing { keys, ..self.standing().clone() }
    }

    /// Somebody has seen what an alarm of this kind is about. Of others nothing is kept here.
    ///
    /// # Errors
    /// The disk refuses: it stands on.
    pub fn seen(&self, kind: AlarmKind) -> Result<(), ControlError> {
        match kind {
            AlarmKind::DatabaseReplaced | AlarmKind::DatabaseLost => {
                spares::seen(&self.data).map_err(ControlError::Files)?;
                self.standing().mended = None;
            }
            AlarmKind::KeysRenewed => {
                RenewedKeys::seen(&self.data.join("secrets")).map_err(ControlError::Files)?;
            }
            AlarmKind::RestoreGivenUp => {
                let gone = fs::remove_file(self.data.join(GIVEN_UP)).or_else(absent);
                gone.map_err(ControlError::Files)?;
                self.standing().restore = None;
            }
            _ => {}
        }
        Ok(())
    }
}

fn told(data: &Path) -> Option<GivenUpRestore> {
    serde_json::from_slice(&fs::read(data.join(GIVEN_UP)).ok()?).ok()
}

/// A full disk is why a restore is given up: then it stands until the next start only.
fn keep(data: &Path, given_up: &GivenUpRestore) {
    let text = serde_json::to_vec_pretty(given_up).map_err(std::io::Error::from);
    if let Err(error) = text.and_then(|text| replace(&data.join(GIVEN_UP), &text, 0o600)) {
        tracing::warn!(%error, "that a restore was given up is forgotten at the next start");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{RestoreAs, RestoreNote};
    use crate::clock::UnixMs;

    #[test]
    fn a_restore_that_was_given_up_stands_over_restarts_until_somebody_has_seen_it() {
        let folder = tempfile::tempdir().unwrap();
        let load = |restore| Notices::load(folder.path().to_owned(), restore);
        let note = RestoreNote {
            at: UnixMs(1_000),
            box_name: "Hall".to_owned(),
            made_at: UnixMs(500),
            restored_as: RestoreAs::Itself,
            undone: false,
        };
        let given_up = GivenUpRestore { note, why: "full".to_owned() };
        load(Some(given_up.clone()));
        let next = load(None);
        assert_eq!(next.look().restore, Some(given_up));
        next.seen(AlarmKind::RestoreGivenUp).unwrap();
        assert_eq!((next.look(), load(None).look()), Default::default());
    }
}
