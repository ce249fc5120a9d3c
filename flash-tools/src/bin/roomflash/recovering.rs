//! `recover`: boards that do not boot.

use crate::arguments::RecoverArguments;
use crate::confirm;
use crate::tell::Teller;
use crate::writing::{Job, check_board, trusted};
use roombox_flash::board_table::{self, KnownBoard};
use roombox_flash::boards::RecoveryKind;
use roombox_flash::device::{self, Access};
use roombox_flash::disks::{self, System};
use roombox_flash::error::FlashError;
use roombox_flash::manifest::Loaded;
use roombox_flash::provision::ProvisionFile;
use roombox_flash::recover::{Arrival, Mode, RockDisk, UsbPipe, find, load, wait_for_disk};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(500);

pub fn run(
    arguments: &RecoverArguments,
    teller: &Teller,
    cancel: &AtomicBool,
) -> Result<u8, FlashError> {
    let loaded = trusted(&arguments.image, &arguments.trust)?;
    check_board(&loaded, &arguments.board)?;
    let Some(board) = board_table::named(&arguments.board) else {
        return Err(FlashError::Usage(format!("there is no board {:?}", arguments.board)));
    };
    let provision = arguments.provision.as_deref().map(ProvisionFile::read).transpose()?;
    if let Some(file) = &provision {
        file.fits(&loaded.manifest)?;
    }
    loaded.check_file()?;
    teller.say(&format!("{}: {}", board.name, board.recovery.how));
    let work = Work { arguments, teller, cancel, loaded: &loaded, provision: provision.as_ref() };
    match board.recovery.kind {
        RecoveryKind::Rockusb => work.rockchip(&board),
        RecoveryKind::Rpiboot => work.rpiboot(&board),
        RecoveryKind::Uuu => Err(FlashError::Usage(format!(
            "{} is written by NXP's uuu: `uuu yocto/generated/boards/{}/roombox.uuu` with the unpacked \
             image beside it; docs/flashing.md tells how",
            board.name, board.id
        ))),
        RecoveryKind::Disk => Err(FlashError::Usage(format!(
            "{} has no recovery mode of its own: use `roomflash write`",
            board.name
        ))),
    }
}

struct Work<'a> {
    arguments: &'a RecoverArguments,
    teller: &'a Teller,
    cancel: &'a AtomicBool,
    loaded: &'a Loaded,
    provision: Option<&'a ProvisionFile>,
}

impl Work<'_> {
    fn job<'a>(&'a self, serial: &'a str) -> Job<'a> {
        Job {
            loaded: self.loaded,
            provision: self.provision,
            verify: !self.arguments.no_verify,
            serial,
            receipts: None,
        }
    }

    /// Waits between two looks; `false` when it was long enough.
    fn pause(&self, since: Instant) -> bool {
        let patience = Duration::from_secs(self.arguments.wait);
        if since.elapsed() > patience || self.cancel.load(Ordering::Relaxed) {
            return false;
        }
        sleep(LOOK_EVERY);
        true
    }

    fn rockchip(&self, board: &KnownBoard) -> Result<u8, FlashError> {
        let ids = &board.recovery.usb;
        let since = Instant::now();
        let (mut info, mut mode) = loop {
            match find(ids) {
                Ok(found) => break found,
                Err(error) if !self.pause(since) => return Err(error),
                Err(_) => {}
            }
        };
        if mode == Mode::Maskrom {
            let path = self.arguments.loader.as_ref().ok_or_else(|| {
                FlashError::Usage(
                    "the board waits for its loader: name the SoC's boot file with --loader (rkbin, \
                     `boot_merger` makes it; it is Rockchip's and not part of Roombox)"
                        .to_owned(),
                )
            })?;
            let file = fs::read(path).map_err(|source| FlashError::file(path, source))?;
            load(UsbPipe::open(&info)?, &file, &mut |delay| sleep(delay))?;
            let since = Instant::now();
            while mode == Mode::Maskrom {
                if !self.pause(since) {
                    let told =
                        "the board did not come back from the loader: is it the right SoC's?";
                    return Err(FlashError::Recovery(told.to_owned()));
                }
                if let Ok(found) = find(ids) {
                    (info, mode) = found;
                }
            }
        }
        let name = format!("{} over USB", board.id);
        let mut disk = RockDisk::open(UsbPipe::open(&info)?, &name)?;
        self.sure(&format!("The flash of {} ({}) will be overwritten.", board.name, name))?;
        let about = self.teller.about(&name);
        let code =
            self.job(info.serial_number().unwrap_or_default()).run(&mut disk, &about, self.cancel);
        if code == 0 {
            disk.reset()?;
        }
        Ok(code)
    }

    fn rpiboot(&self, board: &KnownBoard) -> Result<u8, FlashError> {
        let usb = match &self.arguments.usb {
            Some(id) => vec![id.clone()],
            // The gadget that rpiboot starts has another product than the boot ROM, but its vendor.
            None => board
                .recovery
                .usb
                .iter()
                .filter_map(|id| id.split(':').next())
                .map(str::to_owned)
                .collect(),
        };
        let arrival = Arrival { usb, least: self.loaded.manifest.smallest_disk };
        let system = System::default();
        let since = Instant::now();
        self.teller.say("waiting for the board's disk (run rpiboot now)");
        let found = wait_for_disk(&system, &arrival, &mut || self.pause(since))?;
        let named = found.path.display().to_string();
        let target = disks::permit(&system, &named, &self.arguments.permission.permission())?;
        self.sure(&format!("{}\nEverything on it will be gone.", target.describe()))?;
        let mut dev = device::open(target.path(), Access::Write)?;
        let about = self.teller.about(&named);
        Ok(self.job(target.serial()).run(dev.as_mut(), &about, self.cancel))
    }

    fn sure(&self, question: &str) -> Result<(), FlashError> {
        match self.arguments.permission.yes {
            true => Ok(()),
            false => confirm::ask(self.teller, question, "yes", "add --yes"),
        }
    }
}
