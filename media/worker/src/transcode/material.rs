//! A recording as a film can be made of it: parts that are damaged or missing are left out. One that the
//! disk does not give is neither: the film waits for a better try.

use super::error::FilmError;
use super::report::Work;
use roombox_capture::manifest::{Manifest, Part};
use roombox_capture::matroska::{Frame, PartReader};
use roombox_capture::timeline::TimelineLine;
use roombox_capture::{CaptureError, read_manifest, read_timeline};
use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What a film is made of.
#[derive(Clone)]
pub struct Material {
    pub folder: PathBuf,
    /// Holds only parts that can be opened and have a frame, with their ends.
    pub manifest: Manifest,
    pub timeline: Vec<TimelineLine>,
    /// The recording still runs.
    pub runs: bool,
    /// Nobody tries again: what the disk does not give is left out, too.
    pub last_try: bool,
    /// Files of parts that are still being written.
    growing: HashSet<String>,
}

impl Material {
    /// # Errors
    /// The folder has no manifest that can be understood, the disk refuses a part or all that there was is
    /// damaged, or the job was cancelled.
    pub fn read(folder: &Path, work: &Work, last_try: bool) -> Result<Self, FilmError> {
        let mut manifest = read_manifest(folder).map_err(FilmError::Recording)?;
        let timeline = read_timeline(folder);
        let (mut usable, mut damage) = (Vec::new(), None);
        for part in std::mem::take(&mut manifest.parts) {
            work.beat()?;
            match surveyed(folder, &part, work, last_try)? {
                Ok(Some(part)) => usable.push(part),
                Ok(None) => tracing::warn!(part = %part.file, "a part without frames is left out"),
                Err(error) => {
                    let why = chain(&error);
                    damage.get_or_insert(error);
                    tracing::warn!(part = %part.file, error = why, "a damaged part is left out");
                }
            }
        }
        // That nobody sent anything is another thing: it may be forgotten.
        if usable.is_empty()
            && let Some(damage) = damage
        {
            return Err(FilmError::Recording(damage));
        }
        manifest.parts = usable;
        let (folder, growing) = (folder.to_owned(), HashSet::new());
        Ok(Self { folder, manifest, timeline, runs: false, last_try, growing })
    }

    /// A recording that still runs, as its folder tells it: parts that are being written have no
    /// end.
    ///
    /// # Errors
    /// The folder has no manifest that can be understood.
    pub fn running(folder: &Path) -> Result<Self, FilmError> {
        let mut manifest = read_manifest(folder).map_err(FilmError::Recording)?;
        let timeline = read_timeline(folder);
        manifest.parts.retain(is_inside);
        let open = manifest.parts.iter().filter(|part| part.end_us.is_none());
        let growing = open.map(|part| part.file.clone()).collect();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            timeline,
            runs: true,
            last_try: false,
            growing,
        })
    }

    /// Whether a part is still being written.
    pub fn grows(&self, part: &Part) -> bool {
        self.growing.contains(&part.file)
    }

    /// The same with these parts alone; indexes into the manifest's.
    pub fn only(&self, parts: &[usize]) -> Self {
        let mut only = self.clone();
        let chosen = parts.iter().filter_map(|n| self.manifest.parts.get(*n));
        only.manifest.parts = chosen.cloned().collect();
        only
    }

    pub fn path(&self, part: &Part) -> PathBuf {
        self.folder.join(&part.file)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// A manifest may come from elsewhere: its files are in its folder.
fn is_inside(part: &Part) -> bool {
    Path::new(&part.file).components().all(|c| matches!(c, Component::Normal(_)))
}

/// Whether the fault is the part's own, and no other try finds more in it. What the disk or the system
/// refuses (EIO, EMFILE) may be there the next time; with the last try, a sector that nobody reads any
/// more costs what is in it, and not the film.
pub fn is_damage(error: &CaptureError, last_try: bool) -> bool {
    let lasting = |source: &io::Error| {
        source.kind() == io::ErrorKind::NotFound
            || last_try && source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    };
    match error {
        CaptureError::NotAPart { .. } => true,
        CaptureError::OpenPart { source, .. } | CaptureError::ReadPart { source, .. } => {
            lasting(source)
        }
        _ => false,
    }
}

/// The next frame of a part; with the last try it ends where the disk does.
///
/// # Errors
/// The disk does not give what follows: a film without it would be a shorter one.
pub fn next_frame(
    reader: &mut PartReader,
    part: &str,
    last_try: bool,
) -> Result<Option<Frame>, FilmError> {
    match reader.next_frame() {
        Err(error) if last_try && is_damage(&error, last_try) => {
            let error = chain(&error);
            tracing::warn!(part, %error, "the disk does not give the rest of a part: it is left out");
            Ok(None)
        }
        read => read.map_err(FilmError::Recording),
    }
}

/// The part with its end; `None` if it has no frame. The inner error: it is damaged.
fn surveyed(
    folder: &Path,
    part: &Part,
    work: &Work,
    last_try: bool,
) -> Result<Result<Option<Part>, CaptureError>, FilmError> {
    let path = folder.join(&part.file);
    if !is_inside(part) {
        let what = "it lies outside the recording";
        return Ok(Err(CaptureError::NotAPart { path, what }));
    }
    let read = || {
        let mut reader = PartReader::open(&path)?;
        if reader.info().codec != part.codec {
            let what = "it has another codec than it should";
            return Err(CaptureError::NotAPart { path: path.clone(), what });
        }
        let Some(first) = reader.next_frame()? else { return Ok(None) };
        Ok(Some((reader, first.pts_us)))
    };
    let (mut reader, mut last_us) = match read() {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Ok(None)),
        Err(error) if is_damage(&error, last_try) => return Ok(Err(error)),
        Err(error) => return Err(FilmError::Recording(error)),
    };
    let mut part = part.clone();
    if part.end_us.is_none() {
        // It was never sealed: its end is its last frame.
        while let Some(frame) = next_frame(&mut reader, part.file.as_str(), last_try)? {
            last_us = frame.pts_us;
            work.beat()?;
        }
        part.end_us = Some(part.start_us.saturating_add_signed(last_us));
    }
    Ok(Ok(Some(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: rustix::io::Errno) -> CaptureError {
        let (path, source) = (PathBuf::from("p.mkv"), errno.into());
        CaptureError::ReadPart { path, source }
    }

    #[test]
    fn a_sector_that_nobody_reads_costs_tries_and_with_the_last_one_what_is_in_it() {
        use rustix::io::Errno;
        assert!(!is_damage(&refused(Errno::IO), false), "it may be read the next time");
        assert!(is_damage(&refused(Errno::IO), true));
        assert!(!is_damage(&refused(Errno::MFILE), true), "that says nothing of the part");
        assert!(is_damage(&refused(Errno::NOENT), false));
    }
}
