//! Reels on the disk: found by their recipes, kept whole or not at all, read as one film.
//!
//! A reel is one file: a mark, length and checksum of a head, the head as JSON, the samples. Its name says
//! which one it is and begins its recipe: `picture-00007-1f4bd26ebefc7d88.reel`.

use super::error::FilmError;
use super::output::DerivedFolder;
use roombox_transcode::mp4::Sample;
use roombox_transcode::reel::Recipe;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MARK: &[u8; 8] = b"RBREEL 1";
/// Mark, length and checksum.
const BEFORE_HEAD: u64 = MARK.len() as u64 + 4 + 4;
/// No head of ours is longer.
const LONGEST_HEAD: u32 = 4 * 1024 * 1024;
/// Folder of a job's reels, in the job's folder.
const OF_JOB: &str = "reels";
/// Folder of the reels that were made while a recording ran, in the recording's folder.
const AHEAD: &str = "ahead";
/// Held by whoever writes there.
const LOCK: &str = "lock";

/// What a reel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Picture,
    Sound,
}

impl Kind {
    fn stem(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Sound => "sound",
        }
    }
}

/// How loud somebody was in a reel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoiceHeard {
    pub identity: String,
    pub of_screen: bool,
    /// Heard before the reel, too.
    pub already: bool,
    /// Tenths of LUFS, see [`roombox_transcode::loudness::blocks`].
    pub blocks: Vec<i16>,
    /// How much louder he or she was made at the reel's beginning, and then.
    pub gains: (f64, f64),
}

/// What is known of a reel's samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Content {
    /// What decoders must know: `avcC` or AudioSpecificConfig.
    pub config: Vec<u8>,
    /// Bytes, units of the track's clock, whether it is a keyframe.
    pub samples: Vec<(u32, u32, bool)>,
    /// People seen in each keyframe.
    #[serde(default)]
    pub pictured: Vec<usize>,
    #[serde(default)]
    pub heard: Vec<VoiceHeard>,
}

impl Content {
    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        self.samples.iter().map(|(bytes, duration, keyframe)| Sample {
            bytes: *bytes,
            duration: *duration,
            keyframe: *keyframe,
        })
    }

    fn length(&self) -> u64 {
        self.samples.iter().map(|(bytes, ..)| u64::from(*bytes)).sum()
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    recipe: String,
    /// Of the samples.
    crc32: u32,
    content: Content,
}

/// A reel that is whole on the disk.
#[derive(Debug)]
pub struct Reel {
    path: PathBuf,
    /// Byte at which the samples begin.
    begins: u64,
    crc32: u32,
    pub content: Content,
}

impl Reel {
    fn open(path: PathBuf, recipe: &Recipe) -> io::Result<Option<Self>> {
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (mut mark, mut length, mut crc32) = ([0; MARK.len()], [0; 4], [0; 4]);
        file.read_exact(&mut mark)?;
        file.read_exact(&mut length)?;
        file.read_exact(&mut crc32)?;
        let length = u32::from_le_bytes(length);
        if mark != *MARK || length > LONGEST_HEAD {
            return Ok(None);
        }
        let mut head = vec![0; length as usize];
        file.read_exact(&mut head)?;
        if crc32fast::hash(&head) != u32::from_le_bytes(crc32) {
            return Ok(None);
        }
        let Ok(Head { recipe: made, crc32, content }) = serde_json::from_slice(&head) else {
            return Ok(None);
        };
        let begins = BEFORE_HEAD + u64::from(length);
        let whole = file.metadata()?.len() == begins + content.length();
        Ok((whole && made == recipe.0).then_some(Self { path, begins, crc32, content }))
    }

    /// Bytes of one of its samples.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn sample(&self, index: usize) -> Result<Vec<u8>, FilmError> {
        let before = self.content.samples[..index].iter().map(|(bytes, ..)| u64::from(*bytes));
        let at = self.begins + before.sum::<u64>();
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(at))?;
            let mut bytes = vec![0; self.content.samples[index].0 as usize];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|source| FilmError::Read { path: self.path.clone(), source })
    }
}

/// Where a film's reels are kept, and where else they may be found.
pub struct Reels {
    own: PathBuf,
    others: Option<PathBuf>,
}

impl Reels {
    /// A job's: its own, and those that were made ahead.
    pub fn of_job(folder: &DerivedFolder, recording: &Path) -> Self {
        Self { own: folder.path().join(OF_JOB), others: Some(recording.join(AHEAD)) }
    }

    /// Made while the recording runs; nobody else makes any until the lock is dropped. `None`:
    /// somebody does already.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn ahead(recording: &Path) -> Result<Option<(Self, AheadLock)>, FilmError> {
        let own = recording.join(AHEAD);
        let refused = |source| FilmError::Write { path: own.clone(), source };
        make(&own).map_err(refused)?;
        let lock = File::create(own.join(LOCK)).map_err(refused)?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some((Self { own, others: None }, AheadLock { _file: lock }))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(refused(error.into())),
        }
    }

    fn name(kind: Kind, number: u64, recipe: &Recipe) -> String {
        let short = recipe.0.get(..16).unwrap_or(&recipe.0);
        format!("{}-{number:05}-{short}.reel", kind.stem())
    }

    /// The reel of this recipe, if it was made. One that cannot be read was not.
    pub fn find(&self, kind: Kind, number: u64, recipe: &Recipe) -> Option<Reel> {
        let name = Self::name(kind, number, recipe);
        let folders = std::iter::once(&self.own).chain(&self.others);
        folders.map(|folder| folder.join(&name)).find_map(|path| {
            Reel::open(path.clone(), recipe).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "a reel is made again");
                None
            })
        })
    }

    /// Keeps a reel: durable, then named.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn keep(
        &self,
        kind: Kind,
        number: u64,
        recipe: &Recipe,
        (content, samples): (Content, &[u8]),
    ) -> Result<Reel, FilmError> {
        let path = self.own.join(Self::name(kind, number, recipe));
        let unfinished = path.with_extension("part");
        let crc32 = crc32fast::hash(samples);
        let write = || -> io::Result<u64> {
            // Reels of a film that is whole do not come back: what is made ahead has its folder.
            if self.others.is_some() {
                make(&self.own)?;
            }
            let head = Head { recipe: recipe.0.clone(), crc32, content: content.clone() };
            let head = serde_json::to_vec(&head)?;
            let mut file = File::create(&unfinished)?;
            file.write_all(MARK)?;
            file.write_all(&(head.len() as u32).to_le_bytes())?;
            file.write_all(&crc32fast::hash(&head).to_le_bytes())?;
            file.write_all(&head)?;
            file.write_all(samples)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            Ok(BEFORE_HEAD + head.len() as u64)
        };
        match write() {
            Ok(begins) => Ok(Reel { path, begins, crc32, content }),
            Err(source) => Err(FilmError::Write { path, source }),
        }
    }

    /// The film is whole: its reels are not needed any more. What cannot be removed takes room and
    /// nothing else.
    pub fn remove(self) {
        for folder in std::iter::once(self.own).chain(self.others) {
            if let Err(error) = fs::remove_dir_all(&folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %folder.display(), %error, "reels of a whole film stay");
            }
        }
    }
}

/// Never a folder above it: a recording that was deleted must not come back.
pub fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Held while reels are made ahead; the kernel takes it back from whoever dies.
pub struct AheadLock {
    _file: File,
}

/// Whether reels of this recording are being made ahead now.
pub fn is_made_ahead(recording: &Path) -> bool {
    let Ok(lock) = File::open(recording.join(AHEAD).join(LOCK)) else { return false };
    let tried = rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockShared);
    tried == Err(rustix::io::Errno::WOULDBLOCK)
}

/// How many reels were made ahead so far.
pub fn made_ahead(recording: &Path) -> usize {
    fs::read_dir(recording.join(AHEAD)).map_or(0, Iterator::count)
}

/// The samples of reels, one after another. A damaged reel is removed: another attempt makes it
/// anew.
pub struct ReelsReader<'a> {
    waiting: std::slice::Iter<'a, Reel>,
    open: Option<(&'a Reel, io::Take<File>, crc32fast::Hasher)>,
}

impl<'a> ReelsReader<'a> {
    pub fn new(reels: &'a [Reel]) -> Self {
        Self { waiting: reels.iter(), open: None }
    }
}

impl Read for ReelsReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((reel, input, hasher)) = &mut self.open else {
                let Some(reel) = self.waiting.next() else { return Ok(0) };
                let mut file = File::open(&reel.path)?;
                file.seek(SeekFrom::Start(reel.begins))?;
                let input = file.take(reel.content.length());
                self.open = Some((reel, input, crc32fast::Hasher::new()));
                continue;
            };
            let count = input.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                hasher.update(&buffer[..count]);
                return Ok(count);
            }
            if input.limit() > 0 || hasher.clone().finalize() != reel.crc32 {
                fs::remove_file(&reel.path)?;
                let what = format!("{} is damaged and was removed", reel.path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str) -> Recipe {
        Recipe(text.repeat(8))
    }

    fn content(lengths: &[u32]) -> Content {
        let samples = lengths.iter().map(|bytes| (*bytes, 1000, true)).collect();
        Content { config: vec![1, 2], samples, ..Content::default() }
    }

    fn store(folder: &Path) -> Reels {
        Reels { own: folder.join("own"), others: Some(folder.join("ahead")) }
    }

    #[test]
    fn a_reel_is_found_by_its_recipe_alone_wherever_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let reels = store(folder.path());
        let ahead = Reels { own: folder.path().join("ahead"), others: None };
        make(&ahead.own).unwrap();
        ahead.keep(Kind::Sound, 3, &recipe("abcd"), (content(&[3, 2]), b"aaabb")).unwrap();
        let found = reels.find(Kind::Sound, 3, &recipe("abcd")).unwrap();
        assert_eq!(found.content, content(&[3, 2]));
        assert_eq!(found.sample(1).unwrap(), b"bb");
        for (kind, number, other) in
            [(Kind::Picture, 3, "abcd"), (Kind::Sound, 4, "abcd"), (Kind::Sound, 3, "abce")]
        {
            assert!(reels.find(kind, number, &recipe(other)).is_none());
        }
        reels.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_torn_reel_was_not_made_and_a_damaged_one_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let reels = store(folder.path());
        let kept = reels.keep(Kind::Picture, 0, &recipe("aa"), (content(&[4]), b"wxyz")).unwrap();
        let whole = fs::read(&kept.path).unwrap();
        for length in 0..whole.len() {
            fs::write(&kept.path, &whole[..length]).unwrap();
            assert!(reels.find(Kind::Picture, 0, &recipe("aa")).is_none(), "{length} bytes");
        }
        let mut damaged = whole;
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(&kept.path, &damaged).unwrap();
        let found = [reels.find(Kind::Picture, 0, &recipe("aa")).unwrap()];
        let read = ReelsReader::new(&found).read_to_end(&mut Vec::new());
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(reels.find(Kind::Picture, 0, &recipe("aa")).is_none());
    }

    #[test]
    fn reels_are_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let reels = store(folder.path());
        let keep = |n, bytes: &[u8]| {
            let content = content(&[bytes.len() as u32]);
            reels.keep(Kind::Sound, n, &recipe("aa"), (content, bytes)).unwrap()
        };
        let all = [keep(0, b"one"), keep(1, b""), keep(2, b"two")];
        let mut text = String::new();
        ReelsReader::new(&all).read_to_string(&mut text).unwrap();
        assert_eq!(text, "onetwo");
    }

    #[test]
    fn one_at_a_time_makes_reels_ahead() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_made_ahead(folder.path()));
        let (_, lock) = Reels::ahead(folder.path()).unwrap().unwrap();
        assert!(is_made_ahead(folder.path()));
        assert!(Reels::ahead(folder.path()).unwrap().is_none());
        drop(lock);
        assert!(!is_made_ahead(folder.path()));
    }
}
