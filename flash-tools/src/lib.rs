//! Tools around the image of a box: what a board is ([`boards`]) and every file that follows from it,
//! and how an image gets onto a disk ([`write`]) so that it is whole or not there at all.
//!
//! `board-configs/<board>/board.toml` is the only place where a fact about a board is written down.
//! The `boardgen` program turns it into `yocto/generated/`, which is checked in: nobody edits it.
//! `roomflash` writes, verifies, provisions and recovers disks; everything that it does to one goes
//! through [`device::BlockDev`].

pub mod backup;
pub mod board_table;
pub mod boards;
pub mod device;
pub mod disks;
pub mod error;
pub mod fat;
pub mod gpt;
pub mod install;
pub mod manifest;
pub mod probe;
pub mod progress;
pub mod provision;
pub mod recover;
pub mod stream;
pub mod write;
