//! Opus in Ogg (RFC 7845, RFC 3533): packets that lie without a gap, each page with the number of
//! samples that are known when it ends.

use crate::opus::{RATE, samples_of};
use std::io::{self, Write};

/// A page holds at most so much sound: that is how exactly players seek.
const LONGEST_PAGE: u64 = RATE;
/// Bytes of a packet that may be discarded where it is longer.
const LONGEST_PACKET: usize = 61_440;
/// Segments of a page (RFC 3533 §6).
const MOST_SEGMENTS: usize = 255;
const SERIAL: u32 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// What is said of the sound.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    pub title: String,
    /// Who is heard; empty: many.
    pub artist: String,
}

/// A file that is being written.
pub struct OggWriter<W> {
    out: W,
    page: u32,
    /// Samples of all packets so far.
    samples: u64,
    skip: u64,
    segments: Vec<u8>,
    body: Vec<u8>,
    /// Where the page began.
    begun: u64,
}

impl<W: Write> OggWriter<W> {
    /// Writes the head. `skip`: samples at the beginning that are only there to begin with.
    ///
    /// # Errors
    /// The sink refuses.
    pub fn new(out: W, skip: u16, channels: u8, tags: &Tags) -> io::Result<Self> {
        let (segments, body) = (Vec::new(), Vec::new());
        let skipped = u64::from(skip);
        let mut file = Self { out, page: 0, samples: 0, skip: skipped, segments, body, begun: 0 };
        let mut head = b"OpusHead".to_vec();
        head.extend_from_slice(&[1, channels]);
        head.extend_from_slice(&skip.to_le_bytes());
        head.extend_from_slice(&(RATE as u32).to_le_bytes());
        // Neither louder nor quieter; one stream for all channels.
        head.extend_from_slice(&[0, 0, 0]);
        file.lay(&head);
        file.turn(0, FIRST)?;
        let named = [("TITLE", &tags.title), ("ARTIST", &tags.artist)];
        let named: Vec<String> = named
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| format!("{name}={text}"))
            .collect();
        let mut list = b"OpusTags".to_vec();
        let mut text = |text: &str| {
            list.extend_from_slice(&(text.len() as u32).to_le_bytes());
            list.extend_from_slice(text.as_bytes());
        };
        text("roombox");
        let count = named.len() as u32;
        let mut comments = count.to_le_bytes().to_vec();
        for one in &named {
            comments.extend_from_slice(&(one.len() as u32).to_le_bytes());
            comments.extend_from_slice(one.as_bytes());
        }
        list.extend_from_slice(&comments);
        file.lay(&list);
        file.turn(0, 0)?;
        Ok(file)
    }

    /// Adds a packet that follows the one before.
    ///
    /// # Errors
    /// The sink refuses.
    pub fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let samples = samples_of(packet);
        // No encoder makes longer ones (RFC 7845 §6), and no page could hold them.
        if samples == 0 || packet.len() > LONGEST_PACKET {
            return Ok(());
        }
        let laces = packet.len() / 255 + 1;
        let full = self.segments.len() + laces > MOST_SEGMENTS;
        if !self.segments.is_empty() && (full || self.samples - self.begun >= LONGEST_PAGE) {
            self.turn(self.samples, 0)?;
        }
        self.lay(packet);
        self.samples += samples;
        Ok(())
    }

    /// Ends the file. `heard`: how many samples of it are sound; the rest only fills the last packet.
    ///
    /// # Errors
    /// The sink refuses.
    pub fn finish(mut self, heard: Option<u64>) -> io::Result<W> {
        let end = heard.map_or(self.samples, |heard| (heard + self.skip).min(self.samples));
        self.turn(end, LAST)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn lay(&mut self, packet: &[u8]) {
        self.segments.resize(self.segments.len() + packet.len() / 255, 255);
        self.segments.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    /// Writes the page.
    fn turn(&mut self, until: u64, kind: u8) -> io::Result<()> {
        let mut head = b"OggS".to_vec();
        head.extend_from_slice(&[0, kind]);
        head.extend_from_slice(&until.to_le_bytes());
        head.extend_from_slice(&SERIAL.to_le_bytes());
        head.extend_from_slice(&self.page.to_le_bytes());
        let crc_at = head.len();
        head.extend_from_slice(&[0; 4]);
        head.push(self.segments.len() as u8);
        head.extend_from_slice(&self.segments);
        let crc = crc(crc(0, &head), &self.body);
        head[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        self.out.write_all(&head)?;
        self.out.write_all(&self.body)?;
        self.page += 1;
        self.begun = self.samples;
        self.segments.clear();
        self.body.clear();
        Ok(())
    }
}

/// CRC-32 with the polynomial of RFC 3533 §6, not reflected.
fn crc(begin: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(begin, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| match crc & 0x8000_0000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x04c1_1db7,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packets of a file, and the number on its last page.
    fn read(file: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let (mut packets, mut open, mut last, mut rest) = (Vec::new(), Vec::new(), 0, file);
        let mut page = 0u32;
        while !rest.is_empty() {
            assert_eq!(&rest[..4], b"OggS");
            last = u64::from_le_bytes(rest[6..14].try_into().unwrap());
            assert_eq!(u32::from_le_bytes(rest[18..22].try_into().unwrap()), page);
            page += 1;
            let count = usize::from(rest[26]);
            let length: usize = rest[27..27 + count].iter().map(|n| usize::from(*n)).sum();
            let (this, next) = rest.split_at(27 + count + length);
            let mut unsigned = this.to_vec();
            unsigned[22..26].fill(0);
            assert_eq!(crc(0, &unsigned).to_le_bytes(), this[22..26]);
            let mut body = &this[27 + count..];
            for lace in &this[27..27 + count] {
                let (piece, after) = body.split_at(usize::from(*lace));
                open.extend_from_slice(piece);
                body = after;
                if *lace < 255 {
                    packets.push(std::mem::take(&mut open));
                }
            }
            rest = next;
        }
        (packets, last)
    }

    #[test]
    fn a_checksum_is_that_of_every_ogg_file() {
        assert_eq!(crc(0, b"123456789"), 0x89a1_897f);
    }

    #[test]
    fn the_end_is_cut_to_the_sample() {
        let mut file = OggWriter::new(Vec::new(), 312, 1, &Tags::default()).unwrap();
        for _ in 0..3 {
            file.packet(&[0xfc, 1]).unwrap();
        }
        let (packets, last) = read(&file.finish(Some(2000)).unwrap());
        assert_eq!((packets.len(), last), (5, 2312));
        assert_eq!(packets[0], b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0");
    }

    proptest! {
        #[test]
        fn what_is_laid_down_is_there_and_counted(
            sizes in prop::collection::vec(1..1300usize, 1..300),
        ) {
            let mut file = OggWriter::new(Vec::new(), 312, 2, &Tags::default()).unwrap();
            let packets: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0xfc; *size]).collect();
            for packet in &packets {
                file.packet(packet).unwrap();
            }
            let (found, last) = read(&file.finish(None).unwrap());
            prop_assert_eq!(&found[2..], &packets[..]);
            prop_assert_eq!(last, 960 * packets.len() as u64);
        }
    }
}
