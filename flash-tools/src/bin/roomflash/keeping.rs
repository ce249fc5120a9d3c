//! `backup` and `restore` of a box's data.

use crate::arguments::PermissionArguments;
use crate::confirm;
use crate::tell::Teller;
use roombox_flash::backup;
use roombox_flash::device::{self, Access};
use roombox_flash::disks::{self, System, Target};
use roombox_flash::error::FlashError;
use serde_json::json;
use std::path::Path;

pub fn backup(named: &str, file: &Path, teller: &Teller) -> Result<u8, FlashError> {
    let (path, serial) = match Path::new(named).is_file() {
        true => (named.into(), String::new()),
        false => {
            let disk = System::default().find(named)?;
            let used = disk.uses.iter().find(|used| used.by.starts_with('/'));
            if let Some(used) = used {
                let why = format!("{} is mounted at {}: unmount it first", used.device, used.by);
                return Err(FlashError::target(named, why));
            }
            (disk.path, disk.serial)
        }
    };
    let mut dev = device::open(&path, Access::Read)?;
    let about = teller.about(named);
    let kept = backup::backup(dev.as_mut(), &serial, file, &about)?;
    about.ended(
        json!({ "result": "kept", "exit": 0, "size": kept.size, "sha256": kept.sha256 }),
        &format!(
            "{} MiB kept in {}; it holds the box's key: keep it safe",
            kept.size >> 20,
            file.display()
        ),
    );
    Ok(0)
}

pub fn restore(
    file: &Path,
    named: &str,
    permission: &PermissionArguments,
    teller: &Teller,
) -> Result<u8, FlashError> {
    let target = disks::permit(&System::default(), named, &permission.permission())?;
    if !permission.yes {
        let question = format!("{}\nThe data on it will be replaced.", target.describe());
        confirm::ask(teller, &question, "yes", "add --yes")?;
    }
    if let Target::Disk(disk) = &target {
        disks::unmount(disk)?;
    }
    let mut dev = device::open(target.path(), Access::Write)?;
    let about = teller.about(named);
    let restored = backup::restore(dev.as_mut(), file, &about)?;
    about.ended(
        json!({ "result": "verified", "exit": 0, "size": restored.size }),
        &format!("{} MiB restored and verified", restored.size >> 20),
    );
    Ok(0)
}
