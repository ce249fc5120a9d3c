//! Packs parts into a compressed archive, piece by piece. Pure but for the memory of one part.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write as _};

/// A part is cut to so many bytes.
pub const MOST_OF_PART: usize = 3 * 1024 * 1024;

/// An archive that grows.
pub struct Pack {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    folder: String,
    at_s: u64,
}

impl Pack {
    /// Everything in it lies in this folder and is of this second.
    pub fn new(folder: String, at_s: u64) -> Self {
        let tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        Self { tar, folder, at_s }
    }

    /// Adds a file: what can be sent on by now.
    ///
    /// # Errors
    /// Its name is too long.
    pub fn add(&mut self, name: &str, text: &str) -> io::Result<Vec<u8>> {
        let cut = text.floor_char_boundary(MOST_OF_PART);
        let mut header = tar::Header::new_ustar();
        header.set_size(cut as u64);
        header.set_mode(0o600);
        header.set_mtime(self.at_s);
        let path = format!("{}/{name}", self.folder);
        self.tar.append_data(&mut header, path, &text.as_bytes()[..cut])?;
        self.tar.get_mut().flush()?;
        Ok(std::mem::take(self.tar.get_mut().get_mut()))
    }

    /// The archive's end.
    ///
    /// # Errors
    /// None that memory has.
    pub fn end(self) -> io::Result<Vec<u8>> {
        self.tar.into_inner()?.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_packed_comes_out_and_a_part_without_end_is_cut() {
        let mut pack = Pack::new("box".to_owned(), 1);
        let mut bytes = pack.add("a.txt", "Grüße").unwrap();
        bytes.extend(pack.add("log.txt", &"ä".repeat(MOST_OF_PART)).unwrap());
        bytes.extend(pack.end().unwrap());
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let files: Vec<(String, String)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (entry.path().unwrap().display().to_string(), text)
            })
            .collect();
        assert_eq!(files[0], ("box/a.txt".to_owned(), "Grüße".to_owned()));
        assert_eq!((files[1].0.as_str(), files[1].1.len()), ("box/log.txt", MOST_OF_PART));
    }
}
