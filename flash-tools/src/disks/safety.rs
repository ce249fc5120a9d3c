//! What may be written: whole disks that the running system does not stand on, that nobody uses, and
//! that were meant.

use super::{Disk, System};
use crate::error::FlashError;
use std::fs;
use std::path::{Path, PathBuf};

/// What the person allowed beyond the ordinary.
#[derive(Debug, Clone, Default)]
pub struct Permission {
    /// Disks that are neither removable nor on USB.
    pub internal: bool,
    /// Take it out of use first.
    pub unmount: bool,
    /// Serial number of a disk that the running system stands on.
    pub i_know: Option<String>,
}

/// Something that may be written.
#[derive(Debug, Clone)]
pub enum Target {
    /// A disk.
    Disk(Box<Disk>),
    /// A file that stands for one: a virtual machine's disk.
    File(PathBuf),
}

impl Target {
    /// What to open.
    pub fn path(&self) -> &Path {
        match self {
            Self::Disk(disk) => &disk.path,
            Self::File(path) => path,
        }
    }

    /// What receipts call it.
    pub fn serial(&self) -> &str {
        match self {
            Self::Disk(disk) => &disk.serial,
            Self::File(_) => "",
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Disk(disk) => disk.describe(),
            Self::File(path) => format!("{}  (a file)", path.display()),
        }
    }
}

/// What was named, if it may be written.
///
/// # Errors
/// Why not, and what to do.
pub fn permit(system: &System, named: &str, permission: &Permission) -> Result<Target, FlashError> {
    let path = Path::new(named);
    let kind = fs::metadata(path).map(|metadata| metadata.file_type());
    match kind {
        Ok(kind) if kind.is_file() => return Ok(Target::File(path.to_owned())),
        Ok(kind) if !is_disk(kind) => {
            return Err(FlashError::target(named, "it is neither a disk nor a file: name a disk"));
        }
        // A file that is to be made: somewhere, but not among the devices.
        Err(_) if named.contains('/') && !path.starts_with("/dev") => {
            return Ok(Target::File(path.to_owned()));
        }
        _ => {}
    }
    let disk = system.find(named)?;
    allow(&disk, permission)?;
    Ok(Target::Disk(Box::new(disk)))
}

#[cfg(unix)]
fn is_disk(kind: fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&kind)
}

#[cfg(not(unix))]
fn is_disk(_: fs::FileType) -> bool {
    false
}

/// # Errors
/// The rule that the disk breaks.
fn allow(disk: &Disk, permission: &Permission) -> Result<(), FlashError> {
    let refuse = |why: String| Err(FlashError::target(disk.path.display().to_string(), why));
    if let Some(uses) = disk.system() {
        let known = permission.i_know.as_ref().is_some_and(|serial| *serial == disk.serial)
            && !disk.serial.is_empty();
        if !known {
            return refuse(format!(
                "this system runs from it ({uses}). If it really is to be overwritten, start from \
                 something else, or add --i-know with its serial number"
            ));
        }
    }
    if disk.read_only {
        return refuse(
            "it is read-only: look for the switch on the card or its adapter".to_owned(),
        );
    }
    if !disk.is_portable() && !permission.internal {
        return refuse(
            "it is neither removable nor on USB. If an internal disk is meant, add --all"
                .to_owned(),
        );
    }
    let in_use: Vec<String> = disk
        .uses
        .iter()
        .filter(|one| !one.system)
        .map(|one| format!("{} by {}", one.device, one.by))
        .collect();
    if !in_use.is_empty() && !permission.unmount {
        return refuse(format!(
            "it is in use ({}): unmount it, or add --unmount",
            in_use.join(", ")
        ));
    }
    Ok(())
}

/// Unmounts everything of the disk.
///
/// # Errors
/// What stays mounted.
pub fn unmount(disk: &Disk) -> Result<(), FlashError> {
    for one in disk.uses.iter().rev().filter(|one| one.by.starts_with('/')) {
        #[cfg(target_os = "linux")]
        rustix::mount::unmount(&one.by, rustix::mount::UnmountFlags::empty()).map_err(|errno| {
            let why = format!("{} stays mounted ({errno}): close what uses it", one.by);
            FlashError::target(disk.path.display().to_string(), why)
        })?;
    }
    Ok(())
}
