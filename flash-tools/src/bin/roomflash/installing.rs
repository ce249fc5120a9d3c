//! `install`: the running stick, onto a disk of this machine. Without a disk that is named exactly,
//! somebody has to type which one.

use crate::arguments::InstallArguments;
use crate::confirm;
use crate::tell::Teller;
use roombox_flash::device::{self, Access};
use roombox_flash::disks::{self, Disk, Permission, System};
use roombox_flash::error::FlashError;
use roombox_flash::install::{self, Running, Side};
use roombox_flash::provision::ProvisionFile;
use roombox_flash::write::{Order, write};
use serde_json::json;
use std::fs;
use std::sync::atomic::AtomicBool;

pub fn run(
    arguments: &InstallArguments,
    teller: &Teller,
    cancel: &AtomicBool,
) -> Result<u8, FlashError> {
    let provision = arguments.provision.as_deref().map(ProvisionFile::read).transpose()?;
    let running = running()?;
    let system = System::default();
    let all = system.disks()?;
    let Some(stick) = all.iter().find(|disk| disk.uses.iter().any(|used| used.by == "/")) else {
        let told = "no disk carries this system: the installer runs from a Roombox stick only";
        return Err(FlashError::Usage(told.to_owned()));
    };
    let named = arguments
        .disk
        .as_deref()
        .or_else(|| provision.as_ref().and_then(ProvisionFile::install_disk));
    let disk = match named {
        Some(named) => exactly(&all, stick, named)?,
        None => chosen(&all, stick, teller)?,
    };
    let permission = Permission { internal: true, ..Permission::default() };
    let target = disks::permit(&system, &disk.path.display().to_string(), &permission)?;
    let work = arguments.work.join(format!("roomflash-{}", std::process::id()));
    fs::create_dir_all(&work).map_err(|source| FlashError::file(&work, source))?;
    let code = (|| {
        #[cfg(target_os = "linux")]
        rustix::fs::sync();
        let mut source = device::open(&stick.path, Access::Read)?;
        let plan = install::plan(source.as_mut(), &stick.path, &running, &work)?;
        let mut files = plan.files.clone();
        if let Some(file) = &provision {
            file.fits(&plan.manifest)?;
            files.push(file.fat_file());
        }
        plan.manifest.fits(disk.size).map_err(|why| FlashError::target(disk.describe(), why))?;
        let mut dev = device::open(target.path(), Access::Write)?;
        let about = teller.about(&disk.path.display().to_string());
        let order = Order {
            manifest: &plan.manifest,
            digest: &plan.digest,
            source: &plan.source,
            verify: true,
            files: &files,
            progress: &about,
            cancel,
        };
        write(dev.as_mut(), &order)?;
        about.ended(
            json!({ "result": "verified", "exit": 0, "serial": disk.serial, "version": running.version }),
            "installed and verified: take out the stick and start the machine again",
        );
        Ok(0)
    })();
    let _ = fs::remove_dir_all(&work);
    code
}

fn running() -> Result<Running, FlashError> {
    let not_ours = |what: &str| {
        FlashError::Usage(format!("{what}: the installer runs from a Roombox stick only"))
    };
    let read = |path: &str| {
        fs::read_to_string(path).map_err(|_| not_ours(&format!("{path} is not there")))
    };
    let side = Side::running(&read("/proc/cmdline")?)
        .ok_or_else(|| not_ours("the kernel's command line names no side (rauc.slot)"))?;
    let board: serde_json::Value = serde_json::from_str(&read("/usr/share/roombox/board.json")?)
        .map_err(|_| not_ours("/usr/share/roombox/board.json is damaged"))?;
    let version = read("/etc/os-release")?
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_ID=").map(|id| id.trim_matches('"').to_owned()))
        .ok_or_else(|| not_ours("/etc/os-release has no VERSION_ID"))?;
    let of = |key: &str| board[key].as_str().unwrap_or_default().to_owned();
    Ok(Running { version, board: of("id"), compatible: of("compatible"), side })
}

/// The disk with exactly this serial number or by-id name; nothing that merely looks like it.
fn exactly<'a>(all: &'a [Disk], stick: &Disk, named: &str) -> Result<&'a Disk, FlashError> {
    let mut fitting = all.iter().filter(|disk| {
        disk.name != stick.name
            && (disk.serial == named || disk.by_id.iter().any(|link| link == named))
    });
    match (fitting.next(), fitting.next()) {
        (Some(disk), None) => Ok(disk),
        (None, _) => {
            let there: Vec<String> = candidates(all, stick).map(Disk::describe).collect();
            let why = format!(
                "no disk of this machine has that serial number or by-id name; there are: {}. Nothing \
                 was written",
                there.join("; ")
            );
            Err(FlashError::target(named, why))
        }
        _ => Err(FlashError::target(named, "two disks have that serial number: use a by-id name")),
    }
}

fn candidates<'a>(all: &'a [Disk], stick: &Disk) -> impl Iterator<Item = &'a Disk> {
    let stick = stick.name.clone();
    all.iter().filter(move |disk| disk.name != stick && !disk.read_only && disk.bus != "loop")
}

fn chosen<'a>(all: &'a [Disk], stick: &Disk, teller: &Teller) -> Result<&'a Disk, FlashError> {
    let disks: Vec<&Disk> = candidates(all, stick).collect();
    for disk in &disks {
        teller.say(&disk.describe());
        for part in &disk.partitions {
            teller.say(&format!("    {}  {} MiB  {}", part.name, part.size >> 20, part.label));
        }
    }
    let answer =
        confirm::choose("Which one? Everything on it will be gone. Type its name (like sda):")
            .ok_or_else(|| {
                FlashError::Usage(
                    "nobody is there to be asked: name the disk with --disk".to_owned(),
                )
            })?;
    let disk = disks.into_iter().find(|disk| disk.name == answer).ok_or_else(|| {
        FlashError::Usage(format!("there is no disk {answer:?}: nothing was written"))
    })?;
    // The serial is what tells two disks of a kind apart.
    let proof = if disk.serial.is_empty() { &disk.name } else { &disk.serial };
    confirm::ask(teller, &disk.describe(), proof, "name the disk with --disk")?;
    Ok(disk)
}
