//! Manifest, signature and image as files, and everything about them that is checked before a disk
//! is touched.

use super::{KeyKind, Manifest, Trust, hex};
use crate::error::FlashError;
use crate::stream::{self, Source};
use aws_lc_rs::digest::{Context, SHA256};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A manifest whose signature was looked at.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub manifest: Manifest,
    /// Whose signature it has; `None` if it was let in without one.
    pub signer: Option<KeyKind>,
    /// Why it was not trusted, where it was let in all the same.
    pub distrust: Option<String>,
    /// SHA-256 of the manifest's text: the image's name for a resumed write.
    pub digest: String,
    /// The file with the image.
    pub image: ImageFile,
}

/// The file with an image.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// Where it is.
    pub path: PathBuf,
}

/// The manifest that belongs to `image` (or is it), with its signature checked. `unsigned` lets in
/// what is not signed by a trusted key; that is said in the result.
///
/// # Errors
/// Everything that makes it an image that is not written.
pub fn load(
    image: &Path,
    manifest: Option<&Path>,
    trust: &Trust,
    unsigned: bool,
) -> Result<Loaded, FlashError> {
    if manifest.is_none() && !image.exists() {
        let none = io::Error::new(io::ErrorKind::NotFound, "there is no such file");
        return Err(FlashError::file(image, none));
    }
    let path = match manifest {
        Some(path) => path.to_owned(),
        None if image.extension().is_some_and(|extension| extension == "json") => image.to_owned(),
        None => beside(image),
    };
    let text = fs::read(&path).map_err(|source| {
        let why = format!(
            "its manifest cannot be read ({source}): name it with --manifest, or make one with \
             `roomflash manifest make`"
        );
        FlashError::image(&path, why)
    })?;
    let beside = path.with_added_extension("sig");
    let checked = match fs::read_to_string(&beside) {
        Ok(signature) => trust.check(&text, &signature),
        Err(error) => Err(format!(
            "its signature cannot be read ({error}): fetch {} too and put it beside",
            beside.file_name().unwrap_or_default().display()
        )),
    };
    let (signer, distrust) = match checked {
        Ok(kind) => (Some(kind), None),
        Err(why) if unsigned => (None, Some(why)),
        Err(why) => return Err(FlashError::image(&path, why)),
    };
    let manifest = Manifest::parse(&text).map_err(|why| FlashError::image(&path, why))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if let Some(end) = manifest.not_after.filter(|end| *end < now) {
        let days = (now - end) / 86_400;
        let why = format!("it expired {days} days ago: get the newest image");
        return Err(FlashError::image(&path, why));
    }
    let file = match path == image {
        true => path.parent().unwrap_or(Path::new(".")).join(&manifest.file.name),
        false => image.to_owned(),
    };
    let digest = aws_lc_rs::digest::digest(&SHA256, &text);
    Ok(Loaded {
        manifest,
        signer,
        distrust,
        digest: hex(digest.as_ref()),
        image: ImageFile { path: file },
    })
}

/// `image.img.zst` has `image.img.zst.manifest.json`, or `manifest.json` is in its folder.
fn beside(image: &Path) -> PathBuf {
    let own = image.with_added_extension("manifest.json");
    match own.exists() {
        true => own,
        false => image.parent().unwrap_or(Path::new(".")).join("manifest.json"),
    }
}

impl Loaded {
    /// That the image is for this board.
    ///
    /// # Errors
    /// It is not.
    pub fn check_board(&self, board: &str) -> Result<(), FlashError> {
        if self.manifest.boards.iter().any(|known| known == board) {
            return Ok(());
        }
        let why = format!(
            "it is for {}, not for {board}: get the image of that board",
            self.manifest.boards.join(", ")
        );
        Err(FlashError::image(&self.image.path, why))
    }

    /// That the file is the one that the manifest means, byte for byte. Reads it once; a raw image
    /// is hashed where it matters instead.
    ///
    /// # Errors
    /// A file that is not there, is cut or was changed.
    pub fn check_file(&self) -> Result<(), FlashError> {
        let path = &self.image.path;
        let facts = &self.manifest.file;
        let wrong = |why: String| FlashError::image(path, why);
        let mut file =
            File::open(path).map_err(|error| wrong(format!("it cannot be opened: {error}")))?;
        let size = file.metadata().map_err(|error| wrong(error.to_string()))?.len();
        if size != facts.size {
            return Err(wrong(format!(
                "it has {size} bytes instead of {}: it is cut or another file, get it again",
                facts.size
            )));
        }
        let compressed =
            stream::is_compressed(&mut file).map_err(|error| wrong(error.to_string()))?;
        file.rewind().map_err(|error| wrong(error.to_string()))?;
        if compressed {
            let mut hash = Context::new(&SHA256);
            let mut buffer = vec![0; 1 << 20];
            loop {
                match file.read(&mut buffer).map_err(|error| wrong(error.to_string()))? {
                    0 => break,
                    read => hash.update(&buffer[..read]),
                }
            }
            if hex(hash.finish().as_ref()) != facts.sha256 {
                return Err(wrong("its bytes were changed: get it again".to_owned()));
            }
        } else {
            let mut reader = super::make::Reader::new(&mut file);
            for range in &self.manifest.ranges {
                let sum = reader.sha256(range.offset, range.length);
                if sum.map_err(|error| wrong(error.to_string()))? != range.sha256 {
                    let why =
                        format!("its bytes from {} on were changed: get it again", range.offset);
                    return Err(wrong(why));
                }
            }
        }
        Ok(())
    }
}

impl Source for ImageFile {
    fn open(&self) -> Result<Box<dyn Read + Send>, FlashError> {
        stream::open(&self.path)
    }
}
