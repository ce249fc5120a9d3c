//! Rockchip's pipes over USB, by `nusb`: no libusb, no async runtime.

use super::Pipe;
use crate::error::FlashError;
use nusb::descriptors::TransferType;
use nusb::transfer::{Buffer, Bulk, ControlOut, ControlType, Direction, In, Out, Recipient};
use nusb::{DeviceInfo, Endpoint, Interface, MaybeFuture};
use std::io;
use std::time::Duration;

const CONTROL_PATIENCE: Duration = Duration::from_secs(5);
/// An eMMC that erases in the background answers late.
const BULK_PATIENCE: Duration = Duration::from_secs(30);

/// How a board answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The boot ROM, which takes a loader only.
    Maskrom,
    /// A loader, which knows the flash.
    Loader,
}

/// The board with one of these USB ids (`vvvv:pppp`), if exactly one is connected.
///
/// # Errors
/// None or more than one, or a USB that cannot be looked at.
pub fn find(ids: &[String]) -> Result<(DeviceInfo, Mode), FlashError> {
    let devices = nusb::list_devices()
        .wait()
        .map_err(|error| FlashError::Recovery(format!("USB cannot be looked at: {error}")))?;
    let mut fitting: Vec<DeviceInfo> = devices
        .filter(|device| {
            let id = format!("{:04x}:{:04x}", device.vendor_id(), device.product_id());
            ids.iter().any(|wanted| wanted.eq_ignore_ascii_case(&id))
        })
        .collect();
    match fitting.len() {
        1 => {
            let device = fitting.remove(0);
            // The boot ROM has an even USB version, loaders an odd one (rkdeveloptool, RKScan.cpp).
            let mode = if device.usb_version() & 1 == 0 { Mode::Maskrom } else { Mode::Loader };
            Ok((device, mode))
        }
        0 => Err(FlashError::Recovery(format!(
            "no board with the USB id {} is connected in recovery mode",
            ids.join(" or ")
        ))),
        more => Err(FlashError::Recovery(format!("{more} boards are connected: leave one"))),
    }
}

/// A claimed interface.
pub struct UsbPipe {
    interface: Interface,
    receive: Endpoint<Bulk, In>,
    send: Endpoint<Bulk, Out>,
}

impl UsbPipe {
    /// Claims the board's interface with two bulk pipes.
    ///
    /// # Errors
    /// A board without one, or that may not be opened.
    pub fn open(info: &DeviceInfo) -> Result<Self, FlashError> {
        let told = |error: nusb::Error| {
            FlashError::Recovery(format!("the board cannot be opened ({error}): run this as root"))
        };
        let device = info.open().wait().map_err(told)?;
        for configuration in device.clone().configurations() {
            for setting in configuration.interface_alt_settings() {
                let bulk = |direction| {
                    setting
                        .endpoints()
                        .find(|endpoint| {
                            endpoint.direction() == direction
                                && endpoint.transfer_type() == TransferType::Bulk
                        })
                        .map(|endpoint| endpoint.address())
                };
                let (Some(input), Some(output)) = (bulk(Direction::In), bulk(Direction::Out))
                else {
                    continue;
                };
                let number = setting.interface_number();
                let interface = device.detach_and_claim_interface(number).wait().map_err(told)?;
                let receive = interface.endpoint::<Bulk, In>(input).map_err(told)?;
                let send = interface.endpoint::<Bulk, Out>(output).map_err(told)?;
                return Ok(Self { interface, receive, send });
            }
        }
        Err(FlashError::Recovery("the board has no interface for recovery".to_owned()))
    }
}

impl Pipe for UsbPipe {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let buffer: Buffer = bytes.to_vec().into();
        self.send
            .transfer_blocking(buffer, BULK_PATIENCE)
            .into_result()
            .map_err(io::Error::other)?;
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let buffer = Buffer::new(bytes.len().next_multiple_of(self.receive.max_packet_size()));
        let got = self
            .receive
            .transfer_blocking(buffer, BULK_PATIENCE)
            .into_result()
            .map_err(io::Error::other)?;
        let length = got.len().min(bytes.len());
        bytes[..length].copy_from_slice(&got[..length]);
        Ok(length)
    }

    fn control(&mut self, request: u8, value: u16, index: u16, data: &[u8]) -> io::Result<()> {
        let out = ControlOut {
            control_type: ControlType::Vendor,
            recipient: Recipient::Device,
            request,
            value,
            index,
            data,
        };
        self.interface.control_out(out, CONTROL_PATIENCE).wait().map_err(io::Error::other)?;
        Ok(())
    }
}
