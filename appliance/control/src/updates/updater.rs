//! What the updates need of the rest of the box: whoever writes the other side and restarts (RAUC
//! and systemd, over D-Bus), whoever knows who would be disturbed, and whoever fetches a channel.
//! The daemon implements them.

use crate::conference::Later;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// Why the updater did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdaterError {
    #[error("this box cannot update itself: it has no updater")]
    Absent,
    #[error("the updater went away: {0}")]
    Gone(String),
    /// In the updater's own words.
    #[error("{0}")]
    Refused(String),
}

/// A side as the updater sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotReport {
    /// The updater's name for it, `rootfs.0`.
    pub id: String,
    /// The boot loader's, `A`.
    pub name: String,
    pub booted: bool,
    /// Whether the boot loader may choose it.
    pub good: bool,
    /// Something was installed there by the updater.
    pub installed: bool,
    pub version: Option<String>,
    /// RFC 3339.
    pub installed_at: Option<String>,
}

/// The updater's view of the box.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SystemReport {
    /// The board that bundles must be made for.
    pub compatible: String,
    /// Empty while it installs, if it does not tell then.
    pub slots: Vec<SlotReport>,
    /// [`SlotReport::id`] of the side that starts next; `None` while nothing is marked good.
    pub primary: Option<String>,
    /// It installs something now.
    pub installing: bool,
}

/// What a bundle says of itself; its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub compatible: String,
    pub version: String,
    /// Names this very bundle: a server may give another one later.
    pub manifest_hash: Option<String>,
}

/// How far an installation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// 0 to 100.
    pub percent: u8,
    /// In the updater's words.
    pub text: String,
}

/// Installs bundles, chooses sides, restarts the box.
pub trait Updater: Send + Sync {
    /// # Errors
    /// It is absent, went away, or cannot tell at the moment.
    fn look(&self) -> Later<'_, Result<SystemReport, UpdaterError>>;

    /// Reads a bundle (path or URL) and checks its signature.
    ///
    /// # Errors
    /// It is none, or its signature is not trusted.
    fn inspect(&self, source: String) -> Later<'_, Result<Bundle, UpdaterError>>;

    /// Writes a bundle to the side that does not run; ends when that has ended. With a hash no
    /// other bundle is taken.
    ///
    /// # Errors
    /// It was refused, or failed in the middle: the side is bad then.
    fn install(
        &self,
        source: String,
        manifest_hash: Option<String>,
        steps: mpsc::Sender<Step>,
    ) -> Later<'_, Result<(), UpdaterError>>;

    /// Follows an installation that runs already.
    ///
    /// # Errors
    /// As [`Self::install`].
    fn follow(&self, steps: mpsc::Sender<Step>) -> Later<'_, Result<(), UpdaterError>>;

    /// Chooses the side that starts next.
    ///
    /// # Errors
    /// There is no such side, or the boot loader's state cannot be written.
    fn choose(&self, slot: String) -> Later<'_, Result<(), UpdaterError>>;

    /// Restarts the box.
    ///
    /// # Errors
    /// The system refuses.
    fn restart(&self) -> Later<'_, Result<(), UpdaterError>>;
}

/// Who would notice an installation or a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Disturbed {
    /// In meetings.
    pub people: u64,
    /// That run now.
    pub recordings: u64,
}

impl Disturbed {
    pub fn nobody(self) -> bool {
        self == Self::default()
    }
}

/// The house around the updates.
pub trait Premises: Send + Sync {
    fn disturbed(&self) -> Later<'_, Disturbed>;

    /// Whether new meetings and recordings are turned away.
    fn drain(&self, on: bool);

    /// Minutes since midnight, where the box stands.
    fn minute_of_day(&self) -> u16;

    /// Bytes that are free for an upload, and that must stay free.
    fn space(&self) -> std::io::Result<(u64, u64)>;

    /// The text of a channel file.
    ///
    /// # Errors
    /// Why it cannot be had, for the owner.
    fn fetch(&self, url: String) -> Later<'_, Result<String, String>>;
}
