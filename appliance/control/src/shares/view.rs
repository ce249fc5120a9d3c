//! Share links as their owner sees them, and films as those who have a link do.

use super::Shares;
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::store::{RecordingRow, ShareRow};
use roombox_jobs::spec::{FileKind, MadeFile};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;

/// What somebody who is to watch gets.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// The link is good for so many seconds: 1 to 31,622,400.
    pub expires_in_s: u64,
    /// Asked of whoever opens the link; 10 characters at least. Left out: the link is enough.
    #[serde(default)]
    #[schema(nullable = false)]
    pub password: Option<String>,
    /// The film may be taken along, too.
    #[serde(default)]
    pub download: bool,
}

/// A share link as it is listed: its token was shown once.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Share {
    /// `shr_` and a ULID.
    pub id: String,
    pub recording: String,
    /// It asks for a password.
    pub password: bool,
    pub download: bool,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    pub expired: bool,
    /// Visitors so far.
    pub opened: u64,
    #[schema(required)]
    pub opened_at: Option<UnixMs>,
}

impl From<ShareRow> for Share {
    fn from(row: ShareRow) -> Self {
        Self {
            id: row.id,
            recording: row.recording,
            password: row.password_hash.is_some(),
            download: row.download,
            created_at: UnixMs(row.created_ms),
            expires_at: UnixMs(row.expires_ms),
            expired: row.expires_ms <= UnixMs::now().0,
            opened: row.opened,
            opened_at: row.opened_ms.map(UnixMs),
        }
    }
}

/// A film as somebody with a link sees it, and nothing else of the box.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SharedFilm {
    pub title: String,
    pub started_at: UnixMs,
    pub duration_ms: u64,
    /// There is a film; else it is being made yet.
    pub ready: bool,
    /// There is a picture of it.
    pub poster: bool,
    /// It may be taken along.
    pub download: bool,
    pub expires_at: UnixMs,
    pub chapters: Vec<ShareChapter>,
}

/// A moment of the film that has a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShareChapter {
    /// From the film's beginning.
    pub from_us: u64,
    /// `start`, `turn`, `continued`, `resumed`, `share` or `marker`.
    pub kind: String,
    pub title: String,
}

/// What of `film.json` a visitor is told.
#[derive(Debug, Default, Deserialize)]
struct Index {
    duration_us: u64,
    #[serde(default)]
    chapters: Vec<ShareChapter>,
}

/// What can be fetched by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedFile {
    Film,
    Poster,
    Index,
}

impl SharedFile {
    /// It among what one job has made; nothing without a film.
    pub(super) fn of(self, files: &[MadeFile]) -> Option<&MadeFile> {
        let first = |kind| files.iter().find(|file| file.kind == kind);
        let film = first(FileKind::Mp4)?;
        match self {
            Self::Film => Some(film),
            Self::Poster => first(FileKind::Thumbnail),
            Self::Index => first(FileKind::Index),
        }
    }
}

/// The job in whose folder a file lies.
pub(super) fn job_of(file: &MadeFile) -> Option<&str> {
    file.path.strip_prefix("derived/")?.split_once('/').map(|(job, _)| job)
}

/// The jobs that have made films among the files of a recording, in their order: newest first.
pub(super) fn films(files: &[MadeFile]) -> impl DoubleEndedIterator<Item = &str> {
    files.iter().filter(|file| file.kind == FileKind::Mp4).filter_map(job_of)
}

impl Shares {
    pub(super) async fn film(
        &self,
        share: &ShareRow,
        recording: RecordingRow,
        files: &[MadeFile],
    ) -> Result<SharedFilm, ControlError> {
        let index = match SharedFile::Index.of(files) {
            Some(file) => self.index(self.root.join(&recording.id).join(&file.path)).await?,
            None => None,
        };
        // A film of an older version of the box has none.
        let index = index
            .unwrap_or(Index { duration_us: recording.duration_ms * 1000, ..Index::default() });
        Ok(SharedFilm {
            ready: SharedFile::Film.of(files).is_some(),
            poster: SharedFile::Poster.of(files).is_some(),
            title: recording.title,
            started_at: UnixMs(recording.started_ms),
            duration_ms: index.duration_us / 1000,
            download: share.download,
            expires_at: UnixMs(share.expires_ms),
            chapters: index.chapters,
        })
    }

    async fn index(&self, path: PathBuf) -> Result<Option<Index>, ControlError> {
        let read = tokio::task::spawn_blocking(move || std::fs::read(path));
        let text = read.await.map_err(|error| ControlError::Files(error.into()))?;
        Ok(text.ok().and_then(|text| serde_json::from_slice(&text).ok()))
    }
}
