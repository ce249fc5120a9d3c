//! Waiting for a disk that appears: what `rpiboot` makes of a Raspberry Pi.

use crate::disks::{Disk, System};
use crate::error::FlashError;

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// USB ids, as `vvvv:pppp` or `vvvv` for any product of a vendor.
    pub usb: Vec<String>,
    /// Bytes at least: the first disk of a composite gadget may be a toy.
    pub least: u64,
}

impl Arrival {
    fn is(&self, disk: &Disk) -> bool {
        let id = disk.usb.to_ascii_lowercase();
        disk.size >= self.least
            && self.usb.iter().any(|wanted| {
                let wanted = wanted.to_ascii_lowercase();
                id == wanted || id.split(':').next() == Some(wanted.as_str())
            })
    }
}

/// The disk, once it is there. `pause` waits between two looks and says whether to go on.
///
/// # Errors
/// Nobody waits any more, or two disks fit.
pub fn wait_for_disk(
    system: &System,
    arrival: &Arrival,
    pause: &mut dyn FnMut() -> bool,
) -> Result<Disk, FlashError> {
    loop {
        let mut fitting: Vec<Disk> =
            system.disks()?.into_iter().filter(|disk| arrival.is(disk)).collect();
        match fitting.len() {
            0 => {}
            1 => return Ok(fitting.remove(0)),
            _ => {
                let both: Vec<String> = fitting.iter().map(Disk::describe).collect();
                let told =
                    format!("more than one disk fits; leave one connected: {}", both.join("; "));
                return Err(FlashError::Recovery(told));
            }
        }
        if !pause() {
            return Err(FlashError::Recovery(format!(
                "no disk with the USB id {} appeared: is the board in recovery mode, and did rpiboot \
                 say that it is done?",
                arrival.usb.join(" or ")
            )));
        }
    }
}
