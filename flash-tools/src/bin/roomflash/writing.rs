//! `roomflash write`: everything is checked for every disk before the first byte of any is changed.

use crate::NOT_VERIFIED;
use crate::arguments::{TrustArguments, WriteArguments};
use crate::confirm;
use crate::tell::{About, Teller};
use roombox_flash::board_table;
use roombox_flash::device::{self, Access, BlockDev};
use roombox_flash::disks::{self, System, Target};
use roombox_flash::error::FlashError;
use roombox_flash::manifest::{KeyKind, Loaded, PublicKey, Trust, load};
use roombox_flash::provision::ProvisionFile;
use roombox_flash::write::{Order, Outcome, write};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// A disk, and what goes onto its boot FAT.
struct Planned {
    target: Target,
    provision: Option<ProvisionFile>,
}

pub fn run(
    arguments: &WriteArguments,
    teller: &Teller,
    cancel: &AtomicBool,
) -> Result<u8, FlashError> {
    let loaded = trusted(&arguments.image, &arguments.trust)?;
    match &arguments.board {
        Some(board) => check_board(&loaded, board)?,
        None if arguments.permission.yes => {
            return Err(FlashError::Usage(format!(
                "which board is it for? Add --board (the image is for {})",
                loaded.manifest.boards.join(", ")
            )));
        }
        None => {}
    }
    let common = arguments.provision.as_deref().map(ProvisionFile::read).transpose()?;
    if let Some(file) = &common {
        file.fits(&loaded.manifest)?;
    }
    let system = System::default();
    let mut planned: Vec<Planned> = Vec::new();
    for named in &arguments.targets {
        let target = disks::permit(&system, named, &arguments.permission.permission())?;
        if planned.iter().any(|other| other.target.path() == target.path()) {
            return Err(FlashError::Usage(format!("{named} is named twice")));
        }
        fits(&loaded, &target)?;
        let provision = match &arguments.provision_dir {
            Some(folder) => Some(own_file(folder, &target, &loaded)?),
            None => common.clone(),
        };
        planned.push(Planned { target, provision });
    }
    if let Some(folder) = &arguments.receipts
        && folder.exists()
        && !folder.is_dir()
    {
        let given = folder.display();
        return Err(FlashError::Usage(format!("--receipts {given} is a file: name a folder")));
    }
    loaded.check_file()?;
    describe(&loaded, &planned, teller);
    if arguments.check {
        teller.line(json!({ "result": "checked", "exit": 0 }));
        teller.say("everything fits; nothing was written");
        return Ok(0);
    }
    if !arguments.permission.yes {
        let question = format!(
            "Everything on {} will be gone. The image is for: {}.",
            if planned.len() == 1 { "this disk" } else { "these disks" },
            loaded.manifest.boards.join(", ")
        );
        confirm::ask(teller, &question, "yes", "add --yes and --board")?;
    }
    let opened = planned
        .iter()
        .map(|planned| open(&planned.target, &loaded).map(|dev| (planned, dev)))
        .collect::<Result<Vec<_>, _>>()?;
    let codes: Vec<u8> = thread::scope(|threads| {
        let running: Vec<_> = opened
            .into_iter()
            .map(|(planned, mut dev)| {
                let loaded = &loaded;
                threads.spawn(move || {
                    let about = teller.about(&planned.target.path().display().to_string());
                    let job = Job {
                        loaded,
                        provision: planned.provision.as_ref(),
                        verify: !arguments.no_verify,
                        serial: planned.target.serial(),
                        receipts: arguments.receipts.as_deref(),
                    };
                    job.run(dev.as_mut(), &about, cancel)
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap_or(5)).collect()
    });
    // What failed counts more than what was not verified.
    let failed = codes.iter().find(|code| **code != 0 && **code != NOT_VERIFIED);
    Ok(*failed.or(codes.iter().find(|code| **code != 0)).unwrap_or(&0))
}

/// The image's manifest, trusted or let in.
pub fn trusted(image: &Path, arguments: &TrustArguments) -> Result<Loaded, FlashError> {
    let mut trust = Trust::built_in();
    for path in &arguments.public_keys {
        trust.keys.push(PublicKey::read(path)?);
    }
    load(image, arguments.manifest.as_deref(), &trust, arguments.unsigned)
}

/// That the board is known, and the image is for it.
pub fn check_board(loaded: &Loaded, board: &str) -> Result<(), FlashError> {
    if board_table::named(board).is_none() {
        let known: Vec<String> = board_table::all().into_iter().map(|board| board.id).collect();
        return Err(FlashError::Usage(format!(
            "there is no board {board:?}: known are {}",
            known.join(", ")
        )));
    }
    loaded.check_board(board)
}

fn fits(loaded: &Loaded, target: &Target) -> Result<(), FlashError> {
    let size = match target {
        Target::Disk(disk) => disk.size,
        Target::File(path) => match fs::metadata(path).map_or(0, |metadata| metadata.len()) {
            // It will be made as large as the image wants.
            0 => return Ok(()),
            size => size,
        },
    };
    let name = target.path().display().to_string();
    loaded.manifest.fits(size).map_err(|why| FlashError::target(name, why))
}

fn own_file(folder: &Path, target: &Target, loaded: &Loaded) -> Result<ProvisionFile, FlashError> {
    let serial = target.serial();
    if serial.is_empty() {
        return Err(FlashError::Provisioning(format!(
            "{} has no serial number, so no file of {} is meant for it: use --provision",
            target.path().display(),
            folder.display()
        )));
    }
    let file = ProvisionFile::read(&folder.join(format!("{serial}.toml")))?;
    file.fits(&loaded.manifest)?;
    Ok(file)
}

fn describe(loaded: &Loaded, planned: &[Planned], teller: &Teller) {
    let manifest = &loaded.manifest;
    teller.say(&format!(
        "image    {} {}, {} MiB to write",
        manifest.product,
        manifest.version,
        manifest.mapped() >> 20
    ));
    teller.say(&format!("signed   {}", signed(loaded)));
    for one in planned {
        teller.say(&format!("disk     {}", one.target.describe()));
        if let Target::Disk(disk) = &one.target {
            for part in &disk.partitions {
                let uses = disk.uses.iter().filter(|used| used.device == part.name);
                let uses: Vec<&str> = uses.map(|used| used.by.as_str()).collect();
                let (name, label) = (&part.name, &part.label);
                teller.say(&format!(
                    "         {name} {} MiB {label} {}",
                    part.size >> 20,
                    uses.join(" ")
                ));
            }
        }
        for key in one.provision.iter().flat_map(ProvisionFile::shown) {
            teller.say(&format!("         {key}"));
        }
    }
}

fn signed(loaded: &Loaded) -> String {
    match (loaded.signer, &loaded.distrust) {
        (Some(KeyKind::Development), _) => "with a development key: not a release".to_owned(),
        (Some(KeyKind::Release), _) => "with the release key".to_owned(),
        (None, why) => format!("NOT: {}", why.as_deref().unwrap_or("no signature")),
    }
}

fn open(target: &Target, loaded: &Loaded) -> Result<Box<dyn BlockDev>, FlashError> {
    match target {
        Target::Disk(disk) => {
            disks::unmount(disk)?;
            let dev = device::open(&disk.path, Access::Write)?;
            // Another disk may have taken the name since it was looked at.
            let now = System::default().find(&disk.path.display().to_string())?;
            if (&now.serial, now.size, dev.size())
                != (&disk.serial, disk.size, disk.size / 4096 * 4096)
            {
                let why = "another disk has its name now: run the command again";
                return Err(FlashError::target(disk.path.display().to_string(), why));
            }
            Ok(dev)
        }
        Target::File(path) => match fs::metadata(path).map_or(0, |metadata| metadata.len()) {
            0 => device::open_image(
                path,
                loaded.manifest.smallest_disk.max(loaded.manifest.end() + (1 << 20)),
            ),
            _ => device::open(path, Access::Write),
        },
    }
}

/// One disk's write, from an open disk to a receipt.
pub struct Job<'a> {
    pub loaded: &'a Loaded,
    pub provision: Option<&'a ProvisionFile>,
    pub verify: bool,
    pub serial: &'a str,
    pub receipts: Option<&'a Path>,
}

impl Job<'_> {
    /// Writes, tells, and gives the exit code.
    pub fn run(&self, dev: &mut dyn BlockDev, about: &About<'_>, cancel: &AtomicBool) -> u8 {
        let files: Vec<_> = self.provision.iter().map(|file| file.fat_file()).collect();
        let order = Order {
            manifest: &self.loaded.manifest,
            digest: &self.loaded.digest,
            source: &self.loaded.image,
            verify: self.verify,
            files: &files,
            progress: about,
            cancel,
        };
        let done = write(dev, &order);
        let done = done.and_then(|outcome| {
            let receipt = self.receipt(dev, &outcome);
            self.keep(dev.name(), &receipt).map(|()| (outcome, receipt))
        });
        match done {
            Ok((outcome, mut receipt)) => {
                let code = if outcome.verified { 0 } else { NOT_VERIFIED };
                receipt["exit"] = json!(code);
                let mut sentence = match outcome.verified {
                    true => "written and verified".to_owned(),
                    false => "written, NOT verified (--no-verify)".to_owned(),
                };
                if outcome.kept > 0 {
                    sentence.push_str(&format!("; {} MiB were there already", outcome.kept >> 20));
                }
                if self.loaded.signer != Some(KeyKind::Release) {
                    sentence.push_str(&format!("; signed {}", signed(self.loaded)));
                }
                about.ended(receipt, &sentence);
                code
            }
            Err(error) => {
                about.failed(&error);
                error.code()
            }
        }
    }

    fn receipt(&self, dev: &dyn BlockDev, outcome: &Outcome) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        json!({
            "result": if outcome.verified { "verified" } else { "not-verified" },
            "at": now,
            "device": { "name": dev.name(), "serial": self.serial, "size": dev.size() },
            "image": { "version": self.loaded.manifest.version, "manifest_sha256": self.loaded.digest },
            "signer": self.loaded.signer.map(|kind| kind.to_string()),
            "unsigned": self.loaded.distrust,
            "written": outcome.written,
            "kept": outcome.kept,
            "configuration_sha256": self.provision.map(ProvisionFile::digest),
        })
    }

    fn keep(&self, name: &str, receipt: &Value) -> Result<(), FlashError> {
        let Some(folder) = self.receipts else { return Ok(()) };
        let plain = name.rsplit('/').next().unwrap_or("disk");
        let who = if self.serial.is_empty() { plain } else { self.serial };
        let who: String =
            who.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = folder.join(format!("{who}-{}.json", receipt["at"]));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, format!("{receipt:#}\n")))
            .map_err(|source| FlashError::file(&path, source))
    }
}
