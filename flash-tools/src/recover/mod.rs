//! Boards that do not boot: Rockchip's boot ROM over USB, a Pi that turned into a USB disk. NXP's
//! boards have `uuu` and a script that `boardgen` writes.

mod arrival;
mod rockchip;
mod usb;

pub use arrival::{Arrival, wait_for_disk};
pub use rockchip::{Pipe, RockDisk, load};
pub use usb::{Mode, UsbPipe, find};
