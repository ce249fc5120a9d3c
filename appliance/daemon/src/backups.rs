//! Backups, those that the box makes by itself, and spare copies: what they need of the house.

use roombox_control::ControlError;
use roombox_control::backup::{Backups, BackupsParts, Believed, Reserve};
use roombox_control::identity::BoxIdentity;
use roombox_control::recordings::Recordings;
use roombox_control::retention::Retention;
use roombox_control::safekeeping::{Safekeeping, SafekeepingParts};
use roombox_control::spares::Spares;
use roombox_control::store::Store;
use roombox_control::targets::{Carrier, Targets};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// What they need.
pub struct BackupsPlan {
    pub store: Arc<Store>,
    pub identity: Arc<BoxIdentity>,
    pub reserve: Reserve,
    pub recordings: Arc<Recordings>,
    pub retention: Arc<Retention>,
    pub targets: Arc<Targets>,
    pub carrier: Arc<dyn Carrier>,
    pub data: PathBuf,
    /// Asks for another start.
    pub restart: Arc<Notify>,
}

/// Begins to make them.
///
/// # Errors
/// The store refuses.
pub async fn begin(plan: BackupsPlan) -> Result<(Arc<Backups>, Arc<Safekeeping>), ControlError> {
    let BackupsPlan { store, identity, reserve, recordings, retention, .. } = plan;
    let believed: Believed = Arc::new(move || retention.clock_is_believed());
    tokio::spawn(Spares::new(store.clone(), plan.data.clone(), reserve.clone()).run());
    let backups = Backups::new(BackupsParts {
        identity: identity.clone(),
        recording: Arc::new(move || recordings.running_count()),
        reserve,
        believed: believed.clone(),
        data: plan.data.clone(),
        restart: plan.restart,
    });
    let safekeeping = Safekeeping::load(SafekeepingParts {
        store,
        identity,
        backups: backups.clone(),
        targets: plan.targets,
        carrier: plan.carrier,
        believed,
        data: plan.data,
    })
    .await?;
    tokio::spawn(safekeeping.clone().run());
    Ok((backups, safekeeping))
}
