//! The disk of a family of boards: raw areas of its boot ROM, then GPT partitions.
//!
//! Labels are the contract between loader, updater, daemon and `roomflash`; numbers and offsets
//! follow from the order in which the partitions are written.

use super::size::Size;
use serde::Deserialize;

/// Every partition starts on such a boundary: flash erases no smaller ones.
pub const ALIGNMENT: Size = Size::from_kib(1024);
/// GPT header and 128 entries end here (UEFI 2.10 §5.3); raw areas may follow.
const GPT_END: Size = Size::from_kib(17);
/// `data` holds a file system that first boot grows; less than this the image need not carry.
const SMALLEST_DATA: Size = Size::from_kib(16 * 1024);

/// What chooses the side to boot, and how it counts tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loader {
    /// GRUB in the ESP with its environment block.
    GrubEfi,
    /// The Raspberry Pi's firmware with `autoboot.txt` and one-shot `tryboot`.
    RpiTryboot,
    /// U-Boot with a redundant environment.
    Uboot,
}

/// What a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filesystem {
    /// FAT32, for firmware and loaders.
    Vfat,
    /// ext4; slots have it without a journal, `data` with one.
    Ext4,
    /// A read-only root.
    SquashfsZst,
}

impl Filesystem {
    /// As RAUC, wic, fstab and mkfs call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vfat => "vfat",
            Self::Ext4 => "ext4",
            Self::SquashfsZst => "squashfs",
        }
    }
}

/// Bytes that a boot ROM or loader finds by their place, outside every partition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// What it is.
    pub name: String,
    /// First 512-byte sector.
    pub sector: u64,
    /// The most it may take.
    pub size: Size,
    /// The file of the build that is put there; without one the area is reserved.
    pub file: Option<String>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// GPT name; the contract.
    pub label: String,
    /// How large; for `data`, how large in the image: first boot grows it.
    pub size: Size,
    /// What it holds.
    pub fs: Filesystem,
    /// Where it is mounted; slots are not.
    pub mount: Option<String>,
}

/// A partition with its number and offset.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// From 1, as GPT and loaders count.
    pub number: usize,
    /// First byte.
    pub offset: Size,
    /// The partition.
    pub partition: &'a Partition,
}

/// The disk of a family of boards.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Who chooses the side.
    pub loader: Loader,
    /// Where the first partition begins.
    pub first: Size,
    /// Bytes outside the partitions.
    #[serde(default)]
    pub raw: Vec<Raw>,
    /// The partitions, in order.
    pub partition: Vec<Partition>,
}

impl Layout {
    /// Slots that are written together with the root: one on x86 and the Pi, none where the loader
    /// reads the kernel from the root.
    pub fn boot_class(&self) -> Option<&'static str> {
        match self.loader {
            Loader::GrubEfi => Some("kernel"),
            Loader::RpiTryboot => Some("boot"),
            Loader::Uboot => None,
        }
    }

    /// The partition of that label.
    pub fn place(&self, label: &str) -> Option<Place<'_>> {
        self.places().find(|place| place.partition.label == label)
    }

    /// The number of the partition of that label. A layout that was read has all that its loader
    /// asks for; 0 is none.
    pub fn number(&self, label: &str) -> usize {
        self.place(label).map_or(0, |place| place.number)
    }

    /// All partitions with numbers and offsets.
    pub fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let mut offset = self.first.kib();
        self.partition.iter().enumerate().map(move |(n, partition)| {
            let place = Place { number: n + 1, offset: Size::from_kib(offset), partition };
            offset += partition.size.kib().next_multiple_of(ALIGNMENT.kib());
            place
        })
    }

    /// The image's size: all partitions, and room for the second GPT.
    pub fn image_size(&self) -> Size {
        let end = self.places().last().map_or(self.first.kib(), |last| {
            last.offset.kib() + last.partition.size.kib().next_multiple_of(ALIGNMENT.kib())
        });
        Size::from_kib(end + ALIGNMENT.kib())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let mut wanted = vec!["rootfs-a".to_owned(), "rootfs-b".to_owned(), "data".to_owned()];
        if let Some(class) = self.boot_class() {
            wanted.extend([format!("{class}-a"), format!("{class}-b")]);
        }
        for label in &wanted {
            if self.place(label).is_none() {
                return Err(format!("there is no partition {label:?}, which updates need"));
            }
        }
        for (n, one) in self.partition.iter().enumerate() {
            if self.partition[..n].iter().any(|other| other.label == one.label) {
                return Err(format!("two partitions are called {:?}", one.label));
            }
        }
        self.check_pairs()?;
        if self.partition.last().map(|last| last.label.as_str()) != Some("data") {
            return Err("data must be the last partition: it grows to the disk's end".to_owned());
        }
        let data = self.place("data").map_or(SMALLEST_DATA, |place| place.partition.size);
        if data < SMALLEST_DATA {
            return Err(format!("data has {data}: it needs {SMALLEST_DATA} to hold a file system"));
        }
        if let Some(odd) = self.partition.iter().find(|p| !p.size.kib().is_multiple_of(1024)) {
            return Err(format!("{} has {}: partitions take whole MiB", odd.label, odd.size));
        }
        if !self.first.kib().is_multiple_of(ALIGNMENT.kib()) {
            return Err(format!("first is {}: partitions begin at whole MiB", self.first));
        }
        self.check_raw()
    }

    /// Both sides hold the same image, so they are alike.
    fn check_pairs(&self) -> Result<(), String> {
        for a in self.partition.iter().filter(|partition| partition.label.ends_with("-a")) {
            let label = format!("{}b", &a.label[..a.label.len() - 1]);
            let Some(b) = self.place(&label) else {
                return Err(format!("{:?} has no {label:?} beside it", a.label));
            };
            if (b.partition.size, b.partition.fs) != (a.size, a.fs) {
                return Err(format!(
                    "{:?} and {label:?} must be alike: an update fits both",
                    a.label
                ));
            }
        }
        Ok(())
    }

    fn check_raw(&self) -> Result<(), String> {
        let mut free = (GPT_END.bytes(), "the partition table".to_owned());
        for raw in &self.raw {
            let begins = raw.sector * 512;
            if begins < free.0 {
                return Err(format!("{} at sector {} lies in {}", raw.name, raw.sector, free.1));
            }
            free = (begins + raw.size.bytes(), raw.name.clone());
        }
        if free.0 > self.first.bytes() {
            return Err(format!("{} reaches into the first partition at {}", free.1, self.first));
        }
        Ok(())
    }
}
