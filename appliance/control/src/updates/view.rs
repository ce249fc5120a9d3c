//! The updates as the panel shows them.

use super::boots::Boots;
use super::channel::Offer;
use super::history::{PastUpdate, What};
use super::state::UpdateState;
use super::updater::{SlotReport, SystemReport, UpdaterError};
use super::work::BundleOrigin;
use super::{Updates, upload};
use crate::clock::UnixMs;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use utoipa::ToSchema;

/// Everything about updates.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UpdatesView {
    /// False: this box has no updater and cannot update itself.
    pub available: bool,
    /// Why the updater does not answer.
    #[schema(required)]
    pub trouble: Option<String>,
    /// The version that runs.
    pub version: String,
    /// Day until which whoever made this image mends its weaknesses, `YYYY-MM-DD`; `null`: the image does not
    /// say.
    #[schema(required)]
    pub support_end: Option<String>,
    /// It has passed its health check; until then nothing is installed.
    pub confirmed: bool,
    pub slots: Vec<Slot>,
    pub now: UpdateState,
    pub channel: ChannelView,
    /// Bundles on sticks, and what was uploaded.
    pub found: Vec<FoundBundle>,
    /// The last update did not stay: what the box went back from, and why.
    #[schema(required)]
    pub setback: Option<PastUpdate>,
}

/// What the channel said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct ChannelView {
    /// `null`: never.
    #[schema(required)]
    pub checked_at: Option<UnixMs>,
    /// Why it could not be read.
    #[schema(required)]
    pub error: Option<String>,
    /// What is newer than what runs.
    #[schema(required)]
    pub offer: Option<Offer>,
}

/// One of the two sides that the box can start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Slot {
    /// `A` or `B`.
    pub name: String,
    pub booted: bool,
    /// Starts next.
    pub next: bool,
    pub state: SlotState,
    #[schema(required)]
    pub version: Option<String>,
    /// RFC 3339.
    #[schema(required)]
    pub installed_at: Option<String>,
}

/// Whether a side can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    Good,
    /// It did not come up, or is only half written.
    Bad,
    /// Nothing was ever installed there.
    Empty,
    /// It runs, or was just installed, and its health check is still to come.
    Trying,
}

/// A bundle that can be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundBundle {
    pub from: BundleOrigin,
    /// What to call it when it is to be installed.
    pub name: String,
    pub size_bytes: u64,
}

impl Updates {
    pub async fn view(&self) -> UpdatesView {
        let (report, trouble) = match self.look().await {
            Ok(report) => (Some(report), None),
            Err(UpdaterError::Absent) => (None, None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.read_journal();
        let confirmed = self.confirmed(report.as_ref());
        let found = self.found().into_iter().map(|(found, _)| found).collect();
        let running = self.slot(report.as_ref());
        let inner = self.inner();
        UpdatesView {
            available: report.is_some() || trouble.is_some(),
            trouble,
            version: self.image.version.clone(),
            support_end: self.image.support_end.clone(),
            confirmed,
            slots: report.map_or_else(Vec::new, |report| {
                let of = Sides {
                    report: &report,
                    boots: &inner.boots,
                    running: running.as_deref(),
                    version: &self.image.version,
                    confirmed,
                    last: inner.last.as_ref(),
                };
                of.all()
            }),
            now: inner.state.clone(),
            channel: inner.channel.clone(),
            found,
            setback: setback(&inner.last),
        }
    }

    /// What is being done.
    pub fn now(&self) -> UpdateState {
        self.inner().state.clone()
    }

    /// The last update did not stay.
    pub fn setback(&self) -> Option<PastUpdate> {
        setback(&self.inner().last)
    }

    /// Bundles that lie about, with their paths: uploaded, and at the top of sticks.
    pub(super) fn found(&self) -> Vec<(FoundBundle, PathBuf)> {
        let mut all = Vec::new();
        let mut add = |from, name: String, path: PathBuf| {
            // No link: what it leads to is not on the stick.
            if let Ok(file) = fs::symlink_metadata(&path)
                && file.is_file()
            {
                all.push((FoundBundle { from, name, size_bytes: file.len() }, path));
            }
        };
        let uploaded = self.folders.uploads.join(upload::WHOLE);
        add(BundleOrigin::Upload, upload::WHOLE.to_owned(), uploaded);
        for stick in listed(&self.folders.usb) {
            for path in listed(&stick) {
                if path.extension().is_some_and(|extension| extension == "raucb")
                    && let Ok(name) = path.strip_prefix(&self.folders.usb)
                {
                    add(BundleOrigin::Usb, name.display().to_string(), path.clone());
                }
            }
        }
        all
    }
}

fn setback(last: &Option<PastUpdate>) -> Option<PastUpdate> {
    last.clone().filter(|last| last.what == What::RolledBack)
}

/// What is in a folder, in order; nothing, if there is no such folder.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// What the sides are made of.
struct Sides<'a> {
    report: &'a SystemReport,
    boots: &'a Boots,
    running: Option<&'a str>,
    version: &'a str,
    confirmed: bool,
    last: Option<&'a PastUpdate>,
}

impl Sides<'_> {
    fn all(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.report.slots.iter().map(|slot| self.one(slot)).collect();
        slots.sort_by(|a, b| a.name.cmp(&b.name));
        slots
    }

    fn one(&self, slot: &SlotReport) -> Slot {
        let booted = self.running.map_or(slot.booted, |running| running == slot.name);
        let ran = self.boots.version_of(&slot.name);
        let version = match booted {
            true => Some(self.version.to_owned()),
            false => slot.version.clone().or_else(|| ran.map(str::to_owned)),
        };
        let last = self.last.filter(|last| last.slot == slot.name).map(|last| last.what);
        let tried = matches!(last, Some(What::Installed | What::Switched));
        // The boot loader may not know yet that it is given up.
        let fell = last == Some(What::RolledBack);
        let state = match (booted, slot.good) {
            (true, _) if !self.confirmed => SlotState::Trying,
            (true, _) => SlotState::Good,
            // A fresh box has one side only, and the boot loader may not choose the other.
            (false, false) if !slot.installed && ran.is_none() => SlotState::Empty,
            (false, false) => SlotState::Bad,
            (false, true) if fell => SlotState::Bad,
            (false, true) if tried => SlotState::Trying,
            (false, true) => SlotState::Good,
        };
        Slot {
            next: self.report.primary.as_ref() == Some(&slot.id),
            name: slot.name.clone(),
            booted,
            state,
            version: version.filter(|_| state != SlotState::Empty),
            installed_at: slot.installed_at.clone(),
        }
    }
}
