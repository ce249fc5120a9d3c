//! A Rockchip board in maskrom or loader mode as a disk. The commands (a mass-storage-like CBW and
//! CSW over two bulk pipes) are those of the crate `rockusb`; here they meet USB, or a test's peer.

use crate::device::BlockDev;
use crate::error::FlashError;
use rockfile::boot::{RkBootEntry, RkBootHeader, RkBootHeaderEntry};
use rockusb::device::{Device, Error, Transport};
use rockusb::operation::{OperationSteps, UsbStep};
use std::io;
use std::time::Duration;

const SECTOR: u64 = 512;
/// What the loader takes at once.
const MOST_SECTORS: usize = 128;

/// Two bulk pipes and the control pipe of a board.
pub trait Pipe: Send {
    /// Sends everything.
    ///
    /// # Errors
    /// What USB says.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Receives one transfer and says how long it was.
    ///
    /// # Errors
    /// What USB says.
    fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize>;

    /// A vendor request to the device.
    ///
    /// # Errors
    /// What USB says.
    fn control(&mut self, request: u8, value: u16, index: u16, bytes: &[u8]) -> io::Result<()>;
}

/// Carries out rockusb's steps.
struct Wire<P>(P);

impl<P: Pipe> Transport for Wire<P> {
    type TransportError = io::Error;

    fn handle_operation<O, T>(&mut self, mut operation: O) -> Result<T, Error<io::Error>>
    where
        O: OperationSteps<T>,
    {
        loop {
            match operation.step() {
                UsbStep::WriteBulk { data } => self.0.send(data).map_err(Error::UsbError)?,
                UsbStep::ReadBulk { data } => {
                    let got = self.0.receive(data).map_err(Error::UsbError)?;
                    if got < data.len() {
                        // Old bytes in the buffer must not pass for an answer.
                        data[got..].fill(0);
                        return Err(Error::UsbError(io::ErrorKind::UnexpectedEof.into()));
                    }
                }
                UsbStep::WriteControl { request, value, index, data, .. } => {
                    self.0.control(request, value, index, data).map_err(Error::UsbError)?;
                }
                UsbStep::Finished(result) => return result.map_err(Error::from),
            }
        }
    }
}

fn told(doing: &str, error: &Error<io::Error>) -> FlashError {
    FlashError::Recovery(format!(
        "{doing} failed ({error}): hold the maskrom button, connect the cable again and run this once more"
    ))
}

/// Sends a boot file (DDR setup and `usbplug`, as the SoC's maker ships it) to a board in maskrom
/// mode; the board comes back as a loader. `wait` is called with the pauses that the file asks for.
///
/// # Errors
/// A file that is none, or a board that does not take it.
pub fn load(
    pipe: impl Pipe,
    boot_file: &[u8],
    wait: &mut dyn FnMut(Duration),
) -> Result<(), FlashError> {
    let blobs = blobs(boot_file).map_err(|why| {
        FlashError::Recovery(format!("the loader file is no boot file of Rockchip's: {why}"))
    })?;
    let mut device = Device::new(Wire(pipe));
    for (area, bytes, delay) in blobs {
        device
            .write_maskrom_area(area, bytes)
            .map_err(|error| told("sending the loader to the boot ROM", &error))?;
        wait(delay);
    }
    Ok(())
}

type Blob<'a> = (u16, &'a [u8], Duration);

fn blobs(file: &[u8]) -> Result<Vec<Blob<'_>>, &'static str> {
    let head = file.get(..102).and_then(|head| <&[u8; 102]>::try_from(head).ok());
    let header =
        RkBootHeader::from_bytes(head.ok_or("it is too short")?).ok_or("its mark is another")?;
    let mut blobs = Vec::new();
    for (area, entries) in [(0x471, &header.entry_471), (0x472, &header.entry_472)] {
        for n in 0..usize::from(entries.count) {
            let entry = entry(file, entries, n).ok_or("an entry lies outside")?;
            let begin = entry.data_offset as usize;
            let bytes =
                begin.checked_add(entry.data_size as usize).and_then(|end| file.get(begin..end));
            let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or("a blob lies outside")?;
            // A second is more than any file asks for.
            let delay = Duration::from_millis(u64::from(entry.data_delay.min(1000)));
            blobs.push((area, bytes, delay));
        }
    }
    if blobs.is_empty() { Err("it holds nothing for the boot ROM") } else { Ok(blobs) }
}

fn entry(file: &[u8], entries: &RkBootHeaderEntry, n: usize) -> Option<RkBootEntry> {
    let at = (entries.offset as usize).checked_add(n.checked_mul(usize::from(entries.size))?)?;
    let bytes: &[u8; 57] = file.get(at..at.checked_add(57)?)?.try_into().ok()?;
    Some(RkBootEntry::from_bytes(bytes))
}

/// The flash of a board in loader mode.
pub struct RockDisk<P: Pipe> {
    device: Device<Wire<P>>,
    name: String,
    size: u64,
}

impl<P: Pipe> RockDisk<P> {
    /// Asks the loader for its flash.
    ///
    /// # Errors
    /// A loader that does not answer, or that has no flash.
    pub fn open(pipe: P, name: &str) -> Result<Self, FlashError> {
        let mut device = Device::new(Wire(pipe));
        let info =
            device.flash_info().map_err(|error| told("asking the loader for its flash", &error))?;
        if info.size() < 4 << 20 {
            let told = "the loader finds no flash: is there an eMMC or SD card in the board?";
            return Err(FlashError::Recovery(told.to_owned()));
        }
        Ok(Self { device, name: name.to_owned(), size: info.size() / 4096 * 4096 })
    }

    /// Starts the board again.
    ///
    /// # Errors
    /// A loader that does not answer.
    pub fn reset(&mut self) -> Result<(), FlashError> {
        self.device
            .reset_device(rockusb::protocol::ResetOpcode::Reset)
            .map_err(|error| told("restarting the board", &error))
    }
}

fn io_error(error: Error<io::Error>) -> io::Error {
    match error {
        Error::UsbError(error) => error,
        Error::OperationError(error) => io::Error::other(error),
    }
}

fn sector(offset: u64) -> io::Result<u32> {
    u32::try_from(offset / SECTOR).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl<P: Pipe> BlockDev for RockDisk<P> {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn logical_block(&self) -> u64 {
        SECTOR
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let now = left.min(MOST_SECTORS * SECTOR as usize);
        if now > 0 {
            self.device.read_lba(sector(offset)?, &mut buffer[..now]).map_err(io_error)?;
        }
        Ok(now)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let now = bytes.len().min(MOST_SECTORS * SECTOR as usize);
        self.device.write_lba(sector(offset)?, &bytes[..now]).map_err(io_error)?;
        Ok(now)
    }

    fn sync(&mut self) -> io::Result<()> {
        // Each command's status says that it is done.
        Ok(())
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&mut self, _: u64, _: u64) -> io::Result<bool> {
        Ok(false)
    }

    fn reread_table(&mut self) -> io::Result<()> {
        Ok(())
    }
}
