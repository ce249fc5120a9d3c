//! `list`, `verify`, `probe`: what changes nothing that stays.

use crate::arguments::{PermissionArguments, VerifyArguments};
use crate::confirm;
use crate::tell::Teller;
use crate::writing::trusted;
use roombox_flash::device::{self, Access};
use roombox_flash::disks::{self, System, Target};
use roombox_flash::error::FlashError;
use roombox_flash::probe;
use roombox_flash::write::compare;
use serde_json::json;

pub fn list(all: bool, teller: &Teller) -> Result<u8, FlashError> {
    let mut shown = 0;
    for disk in System::default().disks()? {
        let system = disk.system();
        if !all && (system.is_some() || !disk.is_portable()) {
            continue;
        }
        shown += 1;
        let mut line = serde_json::to_value(&disk).unwrap_or_default();
        line["system"] = json!(system);
        teller.line(line);
        if !teller.is_json() {
            println!("{}", disk.describe());
            for part in &disk.partitions {
                println!("    {}  {} MiB  {}", part.name, part.size >> 20, part.label);
            }
            for used in &disk.uses {
                let needed = if used.system { "  (this system runs from it)" } else { "" };
                println!("    {} used by {}{needed}", used.device, used.by);
            }
        }
    }
    if shown == 0 {
        teller.say("no removable or USB disk is connected (--all shows internal ones too)");
    }
    Ok(0)
}

/// A disk to read; any may be, if it is there.
fn readable(named: &str) -> Result<std::path::PathBuf, FlashError> {
    if std::path::Path::new(named).is_file() {
        return Ok(named.into());
    }
    Ok(System::default().find(named)?.path)
}

pub fn verify(arguments: &VerifyArguments, teller: &Teller) -> Result<u8, FlashError> {
    let loaded = trusted(&arguments.image, &arguments.trust)?;
    let path = readable(&arguments.target)?;
    let mut dev = device::open(&path, Access::Read)?;
    let about = teller.about(&path.display().to_string());
    let bytes = compare(dev.as_mut(), &loaded.manifest, arguments.used, &about)?;
    about.ended(
        json!({ "result": "verified", "exit": 0, "compared": bytes, "used": arguments.used }),
        &format!(
            "is {} {}, {} MiB compared",
            loaded.manifest.product,
            loaded.manifest.version,
            bytes >> 20
        ),
    );
    Ok(0)
}

pub fn probe(
    named: &str,
    permission: &PermissionArguments,
    teller: &Teller,
) -> Result<u8, FlashError> {
    let target = disks::permit(&System::default(), named, &permission.permission())?;
    if !permission.yes {
        let question = format!(
            "{}\nIts contents are kept, unless it is unplugged meanwhile.",
            target.describe()
        );
        confirm::ask(teller, &question, "yes", "add --yes")?;
    }
    if let Target::Disk(disk) = &target {
        disks::unmount(disk)?;
    }
    let mut dev = device::open(target.path(), Access::Write)?;
    let about = teller.about(named);
    let probed = probe::probe(dev.as_mut(), &about)?;
    if probed.wrong.is_empty() {
        about.ended(
            json!({ "result": "sound", "exit": 0, "places": probed.places }),
            "keeps what is written wherever it was tried",
        );
        return Ok(0);
    }
    Err(FlashError::NotThis {
        target: named.to_owned(),
        found: format!(
            "{} of {} places do not keep what is written, the first at {} MiB of {} MiB: it has less \
             space than it claims, throw it away",
            probed.wrong.len(),
            probed.places,
            probed.real >> 20,
            dev.size() >> 20
        ),
    })
}
