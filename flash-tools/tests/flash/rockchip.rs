//! A scripted board at the other end of the cable: boot ROM and loader, by their bytes on the wire
//! (USB mass storage's CBW and CSW, with Rockchip's commands in them).

use crate::image::{MIB, old_disk};
use crate::memory::{Fault, Memory};
use crate::whole::{Image, toml};
use roombox_flash::disks::System;
use roombox_flash::fat;
use roombox_flash::progress::Silent;
use roombox_flash::recover::{Arrival, Pipe, RockDisk, load, wait_for_disk};
use roombox_flash::write::{Order, write};
use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the board does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Never,
    /// It says that a write to this sector did not work.
    WriteAt(u32),
    /// It answers another command's tag.
    Tag,
    /// The cable is pulled after so many commands.
    Cable(u32),
}

struct Board {
    flash: Arc<Mutex<Vec<u8>>>,
    fails: Fails,
    commands: u32,
    /// The command whose data or status is due: tag, code, sector, bytes.
    command: Option<(u32, u8, u32, usize)>,
    data_done: bool,
    failed: bool,
}

impl Board {
    fn new(flash: Arc<Mutex<Vec<u8>>>, fails: Fails) -> Self {
        Self { flash, fails, commands: 0, command: None, data_done: false, failed: false }
    }

    fn pulled(&self) -> io::Result<()> {
        match self.fails {
            Fails::Cable(after) if self.commands > after => Err(io::Error::from_raw_os_error(19)),
            _ => Ok(()),
        }
    }
}

impl Pipe for Board {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pulled()?;
        let Some((_, code, sector, length)) = self.command else {
            assert_eq!((bytes.len(), &bytes[..4]), (31, &b"USBC"[..]), "a command block");
            let tag = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
            let length = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
            let sector = u32::from_be_bytes(bytes[17..21].try_into().unwrap());
            self.commands += 1;
            self.pulled()?;
            self.command = Some((tag, bytes[15], sector, length));
            (self.data_done, self.failed) = (length == 0, false);
            return Ok(());
        };
        assert_eq!((code, bytes.len(), self.data_done), (0x15, length, false), "a write's data");
        let at = sector as usize * 512;
        if matches!(self.fails, Fails::WriteAt(bad) if (sector..sector + (length / 512) as u32).contains(&bad))
        {
            self.failed = true;
        } else {
            self.flash.lock().unwrap()[at..at + length].copy_from_slice(bytes);
        }
        self.data_done = true;
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.pulled()?;
        let (tag, code, sector, length) = self.command.expect("something was asked");
        let flash = self.flash.lock().unwrap();
        if !self.data_done {
            self.data_done = true;
            match code {
                0x14 => bytes.copy_from_slice(&flash[sector as usize * 512..][..length]),
                0x1a => {
                    bytes.fill(0);
                    bytes[..4].copy_from_slice(&((flash.len() / 512) as u32).to_le_bytes());
                }
                other => panic!("command {other:#x}"),
            }
            return Ok(bytes.len());
        }
        let tag = if self.fails == Fails::Tag { tag ^ 1 } else { tag };
        bytes[..4].copy_from_slice(b"USBS");
        bytes[4..8].copy_from_slice(&tag.to_be_bytes());
        bytes[8..12].fill(0);
        bytes[12] = u8::from(self.failed);
        self.command = None;
        Ok(13)
    }

    fn control(&mut self, _: u8, _: u16, _: u16, _: &[u8]) -> io::Result<()> {
        panic!("a loader takes no blobs")
    }
}

fn recover(image: &Image, flash: &Arc<Mutex<Vec<u8>>>, fails: Fails) -> Result<bool, u8> {
    let board = Board::new(Arc::clone(flash), fails);
    let mut disk = RockDisk::open(board, "a board").map_err(|error| error.code())?;
    let order = Order {
        manifest: &image.manifest,
        digest: &"d1".repeat(32),
        source: &image.source,
        verify: true,
        files: &toml(),
        progress: &Silent,
        cancel: &AtomicBool::new(false),
    };
    write(&mut disk, &order).map(|outcome| outcome.verified).map_err(|error| error.code())
}

#[test]
fn a_board_in_loader_mode_is_written_verified_and_provisioned() {
    let image = Image::new();
    let flash = Arc::new(Mutex::new(old_disk(20 * MIB)));
    assert_eq!(recover(&image, &flash, Fails::Never), Ok(true));
    let mut dev = Memory::new(flash.lock().unwrap().clone(), Fault::None);
    let boot = image.manifest.boot_partition().unwrap();
    let found = fat::read(&mut dev, boot.offset, boot.size, "roombox.toml").unwrap();
    assert_eq!(found, Some(toml()[0].bytes.clone()));
    let fat = image.fat_with(&toml());
    assert!(crate::image::holds(&dev.bytes, &image.raw, &image.manifest, Some(&fat)));
}

#[test]
fn a_board_that_fails_is_told_and_has_no_table() {
    let image = Image::new();
    for (fails, code) in
        [(Fails::WriteAt(9000), 5), (Fails::Tag, 5), (Fails::Cable(60), 8), (Fails::Cable(200), 8)]
    {
        let flash = Arc::new(Mutex::new(old_disk(20 * MIB)));
        assert_eq!(recover(&image, &flash, fails), Err(code), "{fails:?}");
        let untouched = fails == Fails::Tag;
        let table = crate::image::tables(&flash.lock().unwrap()).0.is_some();
        assert_eq!(table, untouched, "{fails:?}");
    }
}

/// What the boot ROM was sent: area and bytes, with the checksum behind them.
#[derive(Default)]
struct BootRom(Arc<Mutex<Vec<Sent>>>);

type Sent = (u16, Vec<u8>);

impl Pipe for BootRom {
    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        panic!("a boot ROM has no bulk pipes in use")
    }

    fn receive(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("a boot ROM has no bulk pipes in use")
    }

    fn control(&mut self, request: u8, value: u16, index: u16, bytes: &[u8]) -> io::Result<()> {
        assert_eq!((request, value), (0x0c, 0));
        let mut sent = self.0.lock().unwrap();
        match sent.last_mut() {
            Some((area, all)) if *area == index => all.extend_from_slice(bytes),
            _ => sent.push((index, bytes.to_vec())),
        }
        Ok(())
    }
}

/// A boot file with one blob for each area (rkdeveloptool, `STRUCT_RKBOOT_HEAD`).
fn boot_file(ddr: &[u8], plug: &[u8]) -> Vec<u8> {
    let mut file = b"BOOT".to_vec();
    file.extend(102u16.to_le_bytes());
    file.extend([0; 8 + 7 + 4]);
    for at in [102u32, 159] {
        file.push(1);
        file.extend(at.to_le_bytes());
        file.push(57);
    }
    file.resize(102, 0);
    let mut at = 102 + 57 * 2;
    for (kind, blob, delay) in [(1u32, ddr, 40u32), (2, plug, 5000)] {
        file.push(57);
        file.extend(kind.to_le_bytes());
        file.extend([0; 40]);
        for number in [at as u32, blob.len() as u32, delay] {
            file.extend(number.to_le_bytes());
        }
        at += blob.len();
    }
    file.extend(ddr);
    file.extend(plug);
    file
}

#[test]
fn a_boot_rom_gets_its_loader_in_order_with_pauses() {
    let (ddr, plug) = (crate::image::noise(1, 9000), crate::image::noise(2, 5000));
    let file = boot_file(&ddr, &plug);
    let sent = Arc::default();
    let mut pauses = Vec::new();
    load(BootRom(Arc::clone(&sent)), &file, &mut |delay| pauses.push(delay)).unwrap();
    let sent = sent.lock().unwrap();
    assert_eq!(sent.iter().map(|(area, _)| *area).collect::<Vec<_>>(), [0x471, 0x472]);
    assert!(sent[0].1.starts_with(&ddr) && sent[0].1.len() == ddr.len() + 2);
    assert!(sent[1].1.starts_with(&plug) && sent[1].1.len() == plug.len() + 2);
    // A file may ask for a pause, not for an afternoon.
    assert_eq!(pauses, [Duration::from_millis(40), Duration::from_secs(1)]);
    for cut in [0, 50, 101, 102, 200, 300, file.len() - 1] {
        let error = load(BootRom::default(), &file[..cut], &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("no boot file"), "{cut}: {error}");
    }
}

#[test]
fn the_disk_that_rpiboot_makes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    crate::safety::disk(
        root,
        "sda",
        64 << 20,
        &["ID_BUS=usb", "ID_VENDOR_ID=0781", "ID_MODEL_ID=5567"],
    );
    let arrival = Arrival { usb: vec!["0a5c".to_owned()], least: 32 << 20 };
    let system = System::below(root);
    let mut looks = 0;
    let found = wait_for_disk(&system, &arrival, &mut || {
        looks += 1;
        let size = if looks < 3 { 1 << 20 } else { 64 << 20 };
        crate::safety::disk(
            root,
            "sdb",
            size,
            &["ID_BUS=usb", "ID_VENDOR_ID=0a5c", "ID_MODEL_ID=0104"],
        );
        true
    });
    assert_eq!((found.unwrap().name.as_str(), looks), ("sdb", 3));
    let gone = wait_for_disk(
        &System::below(root),
        &Arrival { usb: vec!["1234".into()], least: 1 },
        &mut || false,
    );
    assert!(gone.unwrap_err().to_string().contains("1234"));
    fs::create_dir_all(root.join("sys")).unwrap();
    crate::safety::disk(
        root,
        "sdc",
        64 << 20,
        &["ID_BUS=usb", "ID_VENDOR_ID=0a5c", "ID_MODEL_ID=0104"],
    );
    let both = wait_for_disk(&system, &arrival, &mut || true).unwrap_err();
    assert!(both.to_string().contains("more than one"), "{both}");
}
