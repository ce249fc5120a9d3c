//! `manifest make` and `manifest key`.

use crate::arguments::{MakeArguments, ManifestCommand};
use crate::tell::Teller;
use roombox_flash::board_table;
use roombox_flash::error::FlashError;
use roombox_flash::manifest::{Facts, SecretKey, make, read_bmap};
use serde_json::json;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

pub fn run(command: ManifestCommand, teller: &Teller) -> Result<u8, FlashError> {
    match command {
        ManifestCommand::Key { file } => {
            SecretKey::make(&file)?;
            let told = format!(
                "{} signs development images, {}.pub lets them be written; neither is for releases",
                file.display(),
                file.display()
            );
            teller.line(json!({ "result": "made", "exit": 0, "key": file }));
            teller.say(&told);
            Ok(0)
        }
        ManifestCommand::Make(arguments) => make_image(&arguments, teller),
    }
}

fn make_image(arguments: &MakeArguments, teller: &Teller) -> Result<u8, FlashError> {
    let mut boards = Vec::new();
    for id in &arguments.boards {
        boards.push(board_table::named(id).ok_or_else(|| {
            FlashError::Usage(format!("there is no board {id:?}: board-configs/ has them"))
        })?);
    }
    let compatible = boards.first().map(|board| board.compatible.clone()).unwrap_or_default();
    if let Some(other) = boards.iter().find(|board| board.compatible != compatible) {
        return Err(FlashError::Usage(format!(
            "{} and {} do not share their updates: one image cannot be both's",
            boards[0].id, other.id
        )));
    }
    let size = fs::metadata(&arguments.image)
        .map_err(|source| FlashError::file(&arguments.image, source))?
        .len();
    let also = match &arguments.bmap {
        None => Vec::new(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| FlashError::file(path, source))?;
            read_bmap(&text, size).map_err(|why| FlashError::image(path, why))?
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let facts = Facts {
        version: arguments.image_version.clone(),
        boards: arguments.boards.clone(),
        compatible,
        smallest_disk: boards.iter().map(|board| board.smallest_disk).max().unwrap_or(0),
        provision_schema: (!arguments.no_provisioning).then_some(roombox_provision::SCHEMA),
        not_after: arguments.expires_in_days.map(|days| now + days * 86_400),
        built: None,
        level: arguments.level,
        also,
    };
    let key = arguments.key.as_deref().map(SecretKey::read).transpose()?;
    let made = make(&arguments.image, &arguments.out, &facts, key.as_ref())?;
    teller.line(json!({
        "result": "made", "exit": 0, "image": made.image, "manifest": made.manifest,
        "signature": made.signature, "mapped": made.facts.mapped(),
    }));
    teller.say(&format!(
        "{}: {} MiB to write, {} MiB to download",
        made.image.display(),
        made.facts.mapped() >> 20,
        made.facts.file.size >> 20
    ));
    if made.signature.is_none() {
        teller.say("it is not signed: --key names a key, `roomflash manifest key` makes one");
    }
    Ok(0)
}
