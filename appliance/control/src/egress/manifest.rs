//! The file beside a film that says what it is.

use super::{EgressView, UploadRow};
use serde::Serialize;

/// What lies beside a film at its place, as LiveKit's service writes it.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    egress_id: &'a str,
    room_id: &'a str,
    room_name: &'a str,
    /// Nanoseconds.
    started_at: u64,
    ended_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_id: Option<&'a str>,
    files: [ManifestFile<'a>; 1],
}

#[derive(Debug, Serialize)]
struct ManifestFile<'a> {
    filename: &'a str,
    location: String,
}

pub(super) fn manifest(
    view: &EgressView,
    upload: &UploadRow,
) -> Result<Vec<u8>, serde_json::Error> {
    let nanoseconds = |ms: u64| ms * 1_000_000;
    let row = &view.row;
    serde_json::to_vec_pretty(&Manifest {
        egress_id: &row.id,
        room_id: &row.room_sid,
        room_name: &row.room_name,
        started_at: nanoseconds(row.started_ms),
        ended_at: nanoseconds(view.ended_ms.unwrap_or(row.started_ms)),
        publisher_identity: row.spec.only.identities.first().map(String::as_str),
        track_id: row.spec.only.tracks.first().map(String::as_str),
        files: [ManifestFile { filename: &upload.name, location: upload.location() }],
    })
}
