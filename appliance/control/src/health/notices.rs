//! What happened while nobody looked and somebody should know of: it stands until somebody has seen it, over
//! restarts, too.

use super::AlarmKind;
use crate::backup::GivenUpRestore;
use crate::certificates::RenewedKeys;
use crate::error::ControlError;
use crate::spares::{self, MendNote};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// A spare copy took the database's place, or the box began anew.
    pub mended: Option<MendNote>,
    pub keys: Option<RenewedKeys>,
    /// Until the next start.
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
    /// Of the box whose data are in this folder. `restore`: what this start has given up.
    pub fn load(data: PathBuf, restore: Option<GivenUpRestore>) -> Self {
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
            AlarmKind::RestoreGivenUp => self.standing().restore = None,
            _ => {}
        }
        Ok(())
    }
}
