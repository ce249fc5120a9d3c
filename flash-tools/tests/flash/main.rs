//! Disks, images and faults: what `roomflash` promises, on memory, files and loop devices.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod command;
mod copies;
mod faults;
mod formats;
mod image;
mod installer;
mod killed;
mod loops;
mod memory;
mod refusals;
mod rockchip;
mod safety;
mod tables;
mod whole;
