//! Which disks there are, and which of them may be written.
//!
//! Facts come from `/sys`, `/proc` and udev's database, below a folder that tests replace.

mod facts;
mod safety;

pub use safety::{Permission, Target, permit, unmount};

use crate::error::FlashError;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where the system tells about itself.
#[derive(Debug, Clone)]
pub struct System {
    root: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

/// A whole disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// `/dev/<name>`.
    pub path: PathBuf,
    /// Its kernel name.
    pub name: String,
    /// Maker and model, as it says.
    pub model: String,
    /// Its serial number; empty if it says none.
    pub serial: String,
    /// Links to it in `/dev/disk/by-id`.
    pub by_id: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// `usb`, `ata`, `nvme`, `mmc`, `virtio`, `loop` or empty.
    pub bus: String,
    /// USB id as `vvvv:pppp`, or empty.
    pub usb: String,
    /// It says that its medium can be taken out.
    pub removable: bool,
    /// It takes no writes.
    pub read_only: bool,
    /// What lies on it.
    pub partitions: Vec<Partition>,
    /// Mount points of the disk itself and of everything on it, and other uses.
    pub uses: Vec<Use>,
}

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its kernel name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Its label in the table.
    pub label: String,
}

/// Somebody who uses a disk or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Kernel name of what is used.
    pub device: String,
    /// A mount point, `swap`, or the device that is made of it.
    pub by: String,
    /// The running system needs it.
    pub system: bool,
}

impl Disk {
    /// Why it is the running system's, if it is.
    pub fn system(&self) -> Option<String> {
        let uses: Vec<&str> =
            self.uses.iter().filter(|one| one.system).map(|one| one.by.as_str()).collect();
        (!uses.is_empty()).then(|| uses.join(", "))
    }

    /// Removable or on USB: what people write images to.
    pub fn is_portable(&self) -> bool {
        self.removable || self.bus == "usb" || self.bus == "mmc"
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let or = |text: &str, none: &str| {
            if text.is_empty() { none.to_owned() } else { text.to_owned() }
        };
        format!(
            "{}  {}  {:.1} GB  serial {}  {}",
            self.path.display(),
            or(&self.model, "(no model)"),
            self.size as f64 / 1e9,
            or(&self.serial, "(none)"),
            or(&self.bus, "(no bus)"),
        )
    }
}

impl System {
    /// Another folder than `/`.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// All disks, by name. Without a size, and what is made of memory or of other disks, is none.
    ///
    /// # Errors
    /// A system that does not tell.
    pub fn disks(&self) -> Result<Vec<Disk>, FlashError> {
        facts::disks(self)
    }

    /// What a person named: a path, a link to it, a name below `/dev/disk/by-id`, or a serial number.
    ///
    /// # Errors
    /// A partition, or nothing at all, or more than one disk.
    pub fn find(&self, named: &str) -> Result<Disk, FlashError> {
        let disks = self.disks()?;
        if let Some(disk) = disks.iter().find(|disk| disk.by_id.iter().any(|link| link == named)) {
            return Ok(disk.clone());
        }
        let path = Path::new(named);
        let name = std::fs::canonicalize(path)
            .ok()
            .and_then(|real| Some(real.file_name()?.to_str()?.to_owned()));
        if let Some(name) = name {
            if let Some(disk) = disks.iter().find(|disk| disk.name == name) {
                return Ok(disk.clone());
            }
            let whole =
                disks.iter().find(|disk| disk.partitions.iter().any(|part| part.name == name));
            if let Some(disk) = whole {
                let why =
                    format!("it is a partition: name the whole disk, {}", disk.path.display());
                return Err(FlashError::target(named, why));
            }
        }
        let mut same =
            disks.into_iter().filter(|disk| !disk.serial.is_empty() && disk.serial == named);
        match (same.next(), same.next()) {
            (Some(disk), None) => Ok(disk),
            (Some(one), Some(other)) => Err(FlashError::target(
                named,
                format!(
                    "{} and {} both have that serial number",
                    one.path.display(),
                    other.path.display()
                ),
            )),
            _ => {
                Err(FlashError::target(named, "there is no such disk: `roomflash list` shows them"))
            }
        }
    }
}
