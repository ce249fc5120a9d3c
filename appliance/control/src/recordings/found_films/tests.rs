//! Which films are taken from a folder, and which never are.

use super::super::tests::{Harness, told};
use super::*;
use crate::hex::hex;
use crate::recordings::{Film, RecordingState};
use crate::store::RecordingRow;
use roombox_capture::manifest::{Codec, EndReason, Ended, Manifest, Part, RecordedLayer};
use roombox_capture::storage::LocalDisk;
use roombox_capture::write_manifest;
use sha2::{Digest as _, Sha256};
use std::io::Cursor;
use std::os::unix::fs::symlink;

const BEGAN_MS: u64 = 1_790_000_000_000;

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind, content].concat()
}

fn film() -> Vec<u8> {
    [boxed(b"ftyp", b"isom"), boxed(b"moov", &[1; 40]), boxed(b"mdat", &[7; 60])].concat()
}

fn index(v: u32, duration_us: u64) -> String {
    serde_json::json!({ "v": v, "duration_us": duration_us, "pieces": [], "later": 1 }).to_string()
}

fn put(folder: &Path, job: &str, name: &str, content: impl AsRef<[u8]>) {
    let folder = folder.join("derived").join(job);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), content).unwrap();
}

/// The folder of a merged recording says this.
fn merged(id: &str) -> Manifest {
    let ended = Some(Ended { reason: EndReason::Stopped, at_us: 80_000_000 });
    Manifest { ended, ..Manifest::new(id, "Garden", BEGAN_MS, String::new()) }
}

fn recorded_part() -> Part {
    Part {
        file: "tracks/TR_1.top.0.mkv".to_owned(),
        track: "TR_1".to_owned(),
        layer: RecordedLayer::Top,
        codec: Codec::Vp8,
        number: 0,
        start_us: 0,
        end_us: Some(1),
        bytes: Some(1),
        width: 640,
        height: 360,
        codec_private: Vec::new(),
    }
}

fn write(folder: &Path, manifest: &Manifest) {
    fs::create_dir_all(folder).unwrap();
    write_manifest(&LocalDisk, folder, manifest).unwrap();
}

#[test]
fn a_film_is_whole_if_its_boxes_end_with_it() {
    let whole = |bytes: &[u8]| is_whole(&mut Cursor::new(bytes)).unwrap();
    let film = film();
    assert!(whole(&film));
    for length in 0..film.len() {
        assert!(!whole(&film[..length]), "{length} bytes of it");
    }
    assert!(!whole(&[&film[..], &[0]].concat()));
    let head = [boxed(b"ftyp", b"isom"), boxed(b"moov", &[1; 40])].concat();
    let long = |size: u64| {
        let size = size.to_be_bytes();
        [&head[..], &1u32.to_be_bytes(), b"mdat", &size[..], &[7; 60][..]].concat()
    };
    assert!(whole(&long(76)), "one of more than 4 GiB says its length so");
    for size in [0, 15, 75, 77, u64::MAX] {
        assert!(!whole(&long(size)), "{size}");
    }
    assert!(!whole(&[boxed(b"ftyp", b"isom"), boxed(b"mdat", &[7; 60])].concat()));
    assert!(!whole(&[0; 4096]), "what a file system may leave");
}

#[test]
fn the_newest_whole_film_is_taken_with_what_lies_beside_it_and_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, &merged("rec_1"));
    for job in ["job_01A", "job_01B"] {
        put(folder, job, FILM, film());
        put(folder, job, INDEX, index(1, 90_000_000));
    }
    put(folder, "job_01B", "sprite.jpg", b"abc");
    put(folder, "job_01B", "sprite.vtt.part", b"half");
    put(folder, "job_01B", "egress.json", b"{}");
    // Killed between its film and its index, and before its film.
    put(folder, "job_01C", FILM, film());
    put(folder, "job_01C", "film.json.part", index(1, 90_000_000));
    put(folder, "job_01D", "film.mp4.part", film());
    for (job, index) in [
        ("job_01E", "{\"title\": \"of somebody else\"}".to_owned()),
        ("job_01F", index(2, 90_000_000)),
        ("job_01G", index(1, 0)),
        ("job_01H", index(1, u64::MAX)),
        ("job_01I", index(1, 90_000_000)),
    ] {
        put(folder, job, FILM, film());
        put(folder, job, INDEX, index);
    }
    put(folder, "job_01I", FILM, &film()[..50]);
    // Neither is the folder of a job of this recording.
    symlink(folder.join("derived/job_01A"), folder.join("derived/job_01X")).unwrap();
    fs::rename(folder.join("derived/job_01A"), folder.join("derived/zzz")).unwrap();
    put(folder, "job_01A", FILM, film());
    put(folder, "job_01A", INDEX, index(1, 70_000_000));
    let found = found_in(folder);
    let refused: Vec<&str> = found.refused.iter().map(|(job, _)| job.as_str()).collect();
    assert_eq!(refused, ["job_01I", "job_01H", "job_01G", "job_01F", "job_01E", "job_01C"]);
    let why: Vec<&Refused> = found.refused.iter().map(|(_, why)| why).collect();
    assert!(
        matches!(
            why[..],
            [
                Refused::Torn,
                Refused::Duration(u64::MAX),
                Refused::Duration(0),
                Refused::Version(2),
                Refused::Foreign(_),
                Refused::Unfinished,
            ]
        ),
        "{why:?}"
    );
    let taken = found.film.unwrap();
    assert_eq!((taken.job.as_str(), taken.duration_us), ("job_01B", 90_000_000));
    let files: Vec<_> =
        taken.files.iter().map(|one| (one.kind, one.path.as_str(), one.bytes)).collect();
    assert_eq!(
        files,
        [
            (FileKind::Mp4, "derived/job_01B/film.mp4", film().len() as u64),
            (FileKind::Sprite, "derived/job_01B/sprite.jpg", 3),
            (FileKind::Index, "derived/job_01B/film.json", index(1, 90_000_000).len() as u64),
        ]
    );
    // FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(taken.files[1].sha256, abc);
}

#[test]
fn what_has_tracks_or_no_end_gets_its_film_from_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put(folder, "job_01A", FILM, film());
    put(folder, "job_01A", INDEX, index(1, 90_000_000));
    let nothing = || {
        let found = found_in(folder);
        found.film.is_none() && found.refused.is_empty()
    };
    assert!(nothing(), "without a manifest");
    let manifest = merged("rec_1");
    write(folder, &Manifest { parts: vec![recorded_part()], ..manifest.clone() });
    assert!(nothing());
    write(folder, &Manifest { ended: None, ..manifest.clone() });
    assert!(nothing());
    write(folder, &manifest);
    assert!(found_in(folder).film.is_some());
}

#[tokio::test]
async fn a_merged_recording_that_the_store_does_not_know_is_ready_with_its_film() {
    let box_ = Harness::new().await;
    let folder = box_.recordings.folder("rec_1");
    write(&folder, &merged("rec_1"));
    put(&folder, "job_01A", FILM, film());
    put(&folder, "job_01A", "sprite.jpg", b"abc");
    put(&folder, "job_01A", INDEX, index(1, 90_000_000));
    // Of this one nobody knows what its film is.
    let other = box_.recordings.folder("rec_2");
    write(&other, &merged("rec_2"));
    put(&other, "job_01B", FILM, film());
    put(&other, "job_01B", INDEX, b"{\"v\":");
    let (_, _, mut live) = box_.recordings.events.listen(None);
    tokio::spawn(box_.recordings.clone().find_films());
    box_.recordings.recover().await.unwrap();
    let mut ready = async || {
        told(&mut live, |event| match &event.what {
            Happening::RecordingReady { job } => Some((event.subject.clone(), job.clone())),
            _ => None,
        })
        .await
    };
    assert_eq!(ready().await, ("rec_1".to_owned(), "job_01A".to_owned()));
    let seen = box_.recordings.get("rec_1").await.unwrap();
    assert_eq!((seen.state, seen.duration_ms), (RecordingState::Ready, 90_000));
    assert_eq!(seen.ended_at.map(|at| at.0), Some(BEGAN_MS + 90_000));
    assert!(seen.title.starts_with("Garden · 2026-"), "{}", seen.title);
    let kinds: Vec<FileKind> = seen.files.iter().map(|file| file.kind).collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&FileKind::Mp4) && kinds.contains(&FileKind::Sprite), "{kinds:?}");
    let name = "derived/job_01A/film.mp4";
    let (path, sum, _) = box_.recordings.file("rec_1", name).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), film());
    assert_eq!(sum.unwrap(), hex(&Sha256::digest(film())));
    let left = box_.recordings.get("rec_2").await.unwrap();
    assert_eq!((left.state, left.files.len()), (RecordingState::Empty, 0));
    assert_eq!(fs::read(other.join("derived/job_01B/film.mp4")).unwrap(), film(), "it stays");
    // Whoever puts its index right gets it at the next start.
    put(&other, "job_01B", INDEX, index(1, 5_000_000));
    box_.recordings.recover().await.unwrap();
    assert_eq!(ready().await.0, "rec_2");
    let right = box_.recordings.get("rec_2").await.unwrap();
    assert_eq!((right.state, right.duration_ms), (RecordingState::Ready, 5_000));
    assert!(box_.store.recording_list_filmless().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_found_film_says_of_what_it_was_made_and_none_other_is_drawn_of_it() {
    let box_ = Harness::new().await;
    let part = |recording: &str| {
        serde_json::json!({
            "recording": recording, "film": "derived/job_1/film.mp4", "duration_us": 45_000_000,
            "title": format!("Garden {recording}"),
        })
    };
    let made_of = |parts: &[serde_json::Value]| {
        let merge = serde_json::json!({
            "room": "Garden", "started_unix_ms": BEGAN_MS, "parts": parts,
        });
        serde_json::json!({ "v": 1, "duration_us": 90_000_000, "merge": merge }).to_string()
    };
    let many: Vec<_> = (0..21).map(|n| part(&format!("rec_{n}"))).collect();
    // Its film says of what it was made, is of an older version, or of somebody else.
    for (id, index) in [
        ("rec_m1", made_of(&[part("rec_1"), part("rec_2")])),
        ("rec_m2", index(1, 90_000_000)),
        ("rec_m3", made_of(&many)),
    ] {
        let folder = box_.recordings.folder(id);
        write(&folder, &merged(id));
        put(&folder, &format!("job_{id}"), FILM, film());
        put(&folder, &format!("job_{id}"), INDEX, index);
    }
    let row = RecordingRow { id: "rec_2".to_owned(), ..RecordingRow::default() };
    box_.store.recording_insert(row).await.unwrap();
    box_.recordings.recover().await.unwrap();
    box_.recordings.take_up_films().await.unwrap();
    let from = box_.recordings.get("rec_m1").await.unwrap().merged_from.unwrap();
    let from: Vec<_> = from
        .iter()
        .map(|part| {
            (part.recording_id.as_str(), part.title.as_str(), part.duration_ms, part.exists)
        })
        .collect();
    assert_eq!(
        from,
        [("rec_1", "Garden rec_1", 45_000, false), ("rec_2", "Garden rec_2", 45_000, true)]
    );
    for unknown in ["rec_m2", "rec_m3"] {
        let seen = box_.recordings.get(unknown).await.unwrap();
        assert_eq!((seen.state, seen.merged_from), (RecordingState::Ready, Some(Vec::new())));
    }
    for merged in ["rec_m1", "rec_m2", "rec_m3"] {
        let refused = box_.recordings.render(merged, Film::usual()).await.unwrap_err();
        assert_eq!(refused.code(), "merged", "{merged}");
    }
    assert!(box_.store.job_list_undone().await.unwrap().is_empty());
    // What has tracks was not merged, whatever else is known of it.
    let of_a_meeting = Manifest { parts: vec![recorded_part()], ..merged("rec_m2") };
    write(&box_.recordings.folder("rec_m2"), &of_a_meeting);
    assert_eq!(box_.recordings.get("rec_m2").await.unwrap().merged_from, None);
}

#[tokio::test]
async fn a_meeting_in_which_nobody_sent_anything_was_not_merged() {
    let box_ = Harness::new().await;
    write(&box_.recordings.folder("rec_1"), &merged("rec_1"));
    box_.recordings.recover().await.unwrap();
    box_.recordings.take_up_films().await.unwrap();
    assert_eq!(box_.recordings.get("rec_1").await.unwrap().merged_from, None);
    box_.recordings.render("rec_1", Film::usual()).await.unwrap();
}
