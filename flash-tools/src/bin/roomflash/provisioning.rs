//! `provision`: files for many boxes from a table, or a check of one.

use crate::arguments::ProvisionArguments;
use crate::tell::Teller;
use roombox_flash::error::FlashError;
use roombox_flash::provision::{ProvisionFile, batch};
use serde_json::json;
use std::fs;
use std::io::Write as _;

pub fn run(arguments: &ProvisionArguments, teller: &Teller) -> Result<u8, FlashError> {
    let (Some(table), Some(out)) = (&arguments.table, &arguments.out) else {
        let file = ProvisionFile::read(&arguments.base)?;
        teller.line(json!({ "result": "sound", "exit": 0, "keys": file.shown() }));
        for key in file.shown() {
            teller.say(&key);
        }
        teller.say("everything in it will do");
        return Ok(0);
    };
    let read = |path: &std::path::Path| {
        fs::read_to_string(path).map_err(|error| {
            FlashError::Provisioning(format!("{} cannot be read: {error}", path.display()))
        })
    };
    // All rows are sound before the first file is made.
    let boxes = batch(&read(table)?, &read(&arguments.base)?)?;
    fs::create_dir_all(out).map_err(|source| FlashError::file(out, source))?;
    for one in &boxes {
        let path = out.join(format!("{}.toml", one.serial));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Passwords are in it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(one.text.as_bytes()))
            .map_err(|source| FlashError::file(&path, source))?;
        teller.line(json!({
            "serial": one.serial, "file": path, "configuration_sha256": one.file.digest(),
        }));
        teller.say(&format!("{}: {}", path.display(), one.file.shown().join(", ")));
    }
    teller.line(json!({ "result": "made", "exit": 0, "files": boxes.len() }));
    Ok(0)
}
