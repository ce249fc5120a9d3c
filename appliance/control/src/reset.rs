//! Factory reset: the box asks the image to erase everything that lasts, and becomes a new box.

use crate::error::ControlError;
use crate::identity::BoxIdentity;
use crate::people::People;
use crate::recordings::Recordings;
use crate::store::Person;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What the image's unit looks for.
const REQUEST: &str = "reset-requested";

/// Asks for a factory reset.
pub struct Reset {
    /// The service's folder below `/run`.
    pub run: PathBuf,
    pub people: Arc<People>,
    pub identity: Arc<BoxIdentity>,
    pub recordings: Arc<Recordings>,
}

impl Reset {
    /// Asks the image to erase the data partition and to restart. `name` is the box's, typed by
    /// whoever means it, and `password` that of `person`, who asks; `force` also while rooms are being recorded.
    ///
    /// # Errors
    /// The password or the name is wrong, rooms are being recorded, or nobody listens to the request.
    pub async fn request(
        &self,
        person: &Person,
        password: &str,
        name: &str,
        force: bool,
        from: IpAddr,
    ) -> Result<(), ControlError> {
        if name.trim() != self.identity.name() {
            return Err(ControlError::WrongBoxName);
        }
        self.people.confirm(person, password, from).await?;
        let recording = self.recordings.running_count();
        if recording > 0 && !force {
            return Err(ControlError::ResetWhileRecording { recording });
        }
        fs::write(self.run.join(REQUEST), b"").map_err(|error| {
            tracing::warn!(%error, folder = %self.run.display(), "a reset cannot be asked for");
            ControlError::NoReset
        })?;
        tracing::warn!("the owner has asked for a factory reset");
        Ok(())
    }
}
