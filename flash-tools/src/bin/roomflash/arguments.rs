//! The command line. Secrets are never part of it: they come from files or standard input.

use clap::{Args, Parser, Subcommand};
use roombox_flash::disks;
use std::path::PathBuf;

/// Writes Roombox images to disks, verified, and without ever leaving half a one that boots.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// One JSON object a line on standard output, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the disks that an image may be written to.
    List {
        /// Internal disks too; the running system's are shown as such.
        #[arg(long)]
        all: bool,
    },
    /// Make image files, and the key that signs them.
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Write an image to one or more disks, read it back, provision it.
    Write(WriteArguments),
    /// Compare a written disk with an image's manifest.
    Verify(VerifyArguments),
    /// Find out whether a disk has the space that it claims. What is on it stays.
    Probe {
        /// The disk.
        target: String,
        #[command(flatten)]
        permission: PermissionArguments,
    },
    /// Copy a box's data (recordings, settings, its key) into a file.
    Backup {
        /// The disk.
        target: String,
        /// The file to make; its description gets `.json` after it.
        file: PathBuf,
    },
    /// Copy data from a backup onto a box's disk.
    Restore {
        /// The backup.
        file: PathBuf,
        /// The disk.
        target: String,
        #[command(flatten)]
        permission: PermissionArguments,
    },
    /// Write a board that does not boot, over USB.
    Recover(RecoverArguments),
    /// Make one provisioning file for each box of a table, or check one.
    Provision(ProvisionArguments),
    /// Install the running stick to a disk of this machine.
    Install(InstallArguments),
}

#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// Compress a raw image, describe it and sign the description.
    Make(MakeArguments),
    /// Make this checkout's own development key. It is never committed.
    Key {
        /// The secret key's file; the public key gets `.pub` after it.
        #[arg(default_value = "keys/image-development")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct MakeArguments {
    /// The raw image, with a GPT.
    pub image: PathBuf,
    /// The image's version.
    #[arg(long)]
    pub image_version: String,
    /// A board that it runs on; more than one if they share it.
    #[arg(long = "board", required = true)]
    pub boards: Vec<String>,
    /// Where the files go.
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
    /// The key that signs it.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// A block map of bmap-tools; what it calls mapped is written in any case.
    #[arg(long)]
    pub bmap: Option<PathBuf>,
    /// zstd's level; 0 leaves the image unpacked.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(i32).range(0..=19))]
    pub level: i32,
    /// The image does not read provisioning files.
    #[arg(long)]
    pub no_provisioning: bool,
    /// Nobody writes it any more after so many days.
    #[arg(long)]
    pub expires_in_days: Option<u64>,
}

/// What goes beyond the ordinary.
#[derive(Debug, Clone, Default, Args)]
pub struct PermissionArguments {
    /// Allow disks that are neither removable nor on USB.
    #[arg(long)]
    pub all: bool,
    /// Unmount what is mounted.
    #[arg(long)]
    pub unmount: bool,
    /// Serial number of a disk that this system runs from, if that one really is meant.
    #[arg(long, value_name = "SERIAL")]
    pub i_know: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

impl PermissionArguments {
    pub fn permission(&self) -> disks::Permission {
        disks::Permission { internal: self.all, unmount: self.unmount, i_know: self.i_know.clone() }
    }
}

/// Which images are trusted.
#[derive(Debug, Clone, Args)]
pub struct TrustArguments {
    /// The image's manifest, if it is not beside it.
    #[arg(long)]
    pub manifest: Option<PathBuf>,
    /// A key whose images are trusted, beside the one that is built in.
    #[arg(long = "public-key", value_name = "FILE")]
    pub public_keys: Vec<PathBuf>,
    /// Take an image that no trusted key has signed. The result says so.
    #[arg(long)]
    pub unsigned: bool,
}

#[derive(Debug, Args)]
pub struct WriteArguments {
    /// The image (.img, .zst, .xz, .gz), its manifest beside it.
    pub image: PathBuf,
    /// Disks, by path, name below /dev/disk/by-id or serial number; or a virtual machine's disk file.
    #[arg(required = true)]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub trust: TrustArguments,
    #[command(flatten)]
    pub permission: PermissionArguments,
    /// The board that the disk is for.
    #[arg(long)]
    pub board: Option<String>,
    /// A roombox.toml for the boot FAT; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub provision: Option<PathBuf>,
    /// A folder with `<serial>.toml` for each disk, as `provision` makes it.
    #[arg(long, value_name = "DIR", conflicts_with = "provision")]
    pub provision_dir: Option<PathBuf>,
    /// Do not read it back. The result says so, and the exit code is 10.
    #[arg(long)]
    pub no_verify: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    pub check: bool,
    /// A folder for one receipt for each disk.
    #[arg(long, value_name = "DIR")]
    pub receipts: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The image, or its manifest alone.
    pub image: PathBuf,
    /// The disk.
    pub target: String,
    #[command(flatten)]
    pub trust: TrustArguments,
    /// The box was provisioned or has run: its boot FAT and its data differ, leave them out.
    #[arg(long)]
    pub used: bool,
}

#[derive(Debug, Args)]
pub struct RecoverArguments {
    /// The board.
    pub board: String,
    /// The image.
    pub image: PathBuf,
    #[command(flatten)]
    pub trust: TrustArguments,
    #[command(flatten)]
    pub permission: PermissionArguments,
    /// A roombox.toml for the boot FAT.
    #[arg(long, value_name = "FILE")]
    pub provision: Option<PathBuf>,
    /// Rockchip: the SoC's boot file (`rk3588_spl_loader_*.bin` of rkbin).
    #[arg(long, value_name = "FILE")]
    pub loader: Option<PathBuf>,
    /// USB id of the disk that is waited for, if the board shows another one than its maker's.
    #[arg(long, value_name = "VVVV:PPPP")]
    pub usb: Option<String>,
    /// Seconds to wait for the board or its disk.
    #[arg(long, default_value_t = 120)]
    pub wait: u64,
    /// Do not read it back. The result says so, and the exit code is 10.
    #[arg(long)]
    pub no_verify: bool,
}

#[derive(Debug, Args)]
pub struct ProvisionArguments {
    /// A roombox.toml: what every box of the table has in common, or what is to be checked.
    pub base: PathBuf,
    /// A table (CSV) of boxes: a column `serial`, the others keys like `box.name`.
    #[arg(long, requires = "out")]
    pub table: Option<PathBuf>,
    /// The folder for `<serial>.toml`.
    #[arg(long, requires = "table")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InstallArguments {
    /// Serial number of the disk, or its name below /dev/disk/by-id: then nothing is asked.
    #[arg(long)]
    pub disk: Option<String>,
    /// A roombox.toml; its `install.disk` counts as --disk.
    #[arg(long, value_name = "FILE")]
    pub provision: Option<PathBuf>,
    /// Folder for some MiB of temporary files.
    #[arg(long, default_value = "/run")]
    pub work: PathBuf,
}
