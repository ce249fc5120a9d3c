//! What can be merged, what is said before it is, and what stays on the box meanwhile.

use super::super::tests::{Harness, soon, told};
use super::*;
use crate::jobs::{Attempt, Receipt, Report, Workers};
use crate::recordings::{Film, FilmRange};
use crate::retention::Why;
use crate::store::{NewJob, RecordingEnd, Search};
use roombox_jobs::JobState;
use roombox_jobs::spec::MadeFile;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

fn format(picture: &str, encoder: &str, size: (u32, u32)) -> Format {
    let (width, height) = size;
    let (picture, encoder) = (picture.to_owned(), encoder.to_owned());
    Format { picture, width, height, encoder, sound: Some("aac".to_owned()) }
}

#[test]
fn films_of_one_format_stay_and_of_several_those_that_our_encoder_made_in_the_first_ones_size() {
    let (usual, small) = ((1280, 720), (640, 360));
    let drawn = format("drawn", SOFTWARE, usual);
    let copied = format("copied", "copy", usual);
    let other = format("other", "copy", (854, 481));
    let little = format("little", SOFTWARE, small);
    let kept = |formats: &[&Format]| kept(&formats.iter().map(|f| Some(*f)).collect::<Vec<_>>());
    assert_eq!(kept(&[&copied, &copied]), Some(vec![true, true]));
    assert_eq!(kept(&[&copied, &drawn]), Some(vec![false, true]));
    assert_eq!(kept(&[&drawn, &copied, &drawn]), Some(vec![true, false, true]));
    assert_eq!(kept(&[&drawn, &little]), Some(vec![true, false]));
    assert_eq!(kept(&[&little, &drawn]), Some(vec![true, false]));
    assert_eq!(kept(&[&copied, &other]), Some(vec![false, false]));
    assert_eq!(kept(&[&other, &drawn]), Some(vec![false, false]), "no encoder takes that size");
    assert_eq!(super::kept(&[Some(&drawn), None]), None);
}

impl Harness {
    /// A recording with a film of so many seconds.
    async fn filmed(&self, id: &str, seconds: u64, picture: &str, sound: &str) {
        let row = RecordingRow {
            id: id.to_owned(),
            room_name: "Garden".to_owned(),
            title: format!("Garden {id}"),
            started_ms: 1_790_000_000_000,
            ..RecordingRow::default()
        };
        self.store.recording_insert(row).await.unwrap();
        let end = RecordingEnd {
            recording: id.to_owned(),
            state: RecordingState::Captured,
            ended_ms: 1_790_000_000_000 + seconds * 1000,
            duration_ms: seconds * 1000,
            bytes: 10,
            gaps: 0,
            dropped: 0,
            reason: EndReason::Stopped,
            interruptions: Vec::new(),
            people: vec!["Ada".to_owned(), id.to_owned()],
        };
        self.store.recording_end(end, |_| Vec::new()).await.unwrap();
        let job = JobRow {
            state: JobState::Finished,
            ..JobRow::new(JobSpec::new(format!("job_{id}"), id.to_owned(), String::new()), 0, 0)
        };
        self.store.job_insert(NewJob(job.clone())).await.unwrap();
        let path = format!("derived/job_{id}/film.mp4");
        let (kind, sha256) = (FileKind::Mp4, String::new());
        let film = MadeFile { kind, path: path.clone(), bytes: 9, sha256 };
        self.store.job_finish(job, vec![film]).await.unwrap();
        let film = self.recordings.folder(id).join(path);
        fs::create_dir_all(film.parent().unwrap()).unwrap();
        fs::write(&film, "a film, ok").unwrap();
        let index = serde_json::json!({
            "v": 1, "duration_us": seconds * 1_000_000,
            "format": {
                "picture": picture, "width": 1280, "height": 720, "encoder": SOFTWARE, "sound": sound
            },
        });
        fs::write(film.with_file_name("film.json"), index.to_string()).unwrap();
    }

    async fn merge_these(&self, ids: &[&str]) -> Result<Recording, ControlError> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.recordings.merge(&ids, None).await
    }
}

#[tokio::test]
async fn a_merged_recording_is_one_of_its_own_that_says_what_it_is_made_of() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 30, "same", "aac").await;
    let ids = ["rec_2".to_owned(), "rec_1".to_owned()];
    let plan = box_.recordings.merge_plan(&ids).await.unwrap();
    assert_eq!((plan.duration_ms, plan.lossless), (90_000, Some(true)));
    assert_eq!(plan.parts[0].recording_id, "rec_2", "in the order that was asked for");
    let made = box_.recordings.merge(&ids, Some("All day")).await.unwrap();
    assert_eq!((made.title.as_str(), made.duration_ms), ("All day", 90_000));
    assert_eq!(made.state, RecordingState::Captured);
    assert_eq!(made.people, ["Ada", "rec_2", "rec_1"], "everybody once");
    let from = made.merged_from.unwrap();
    let from: Vec<_> = from.iter().map(|part| (part.recording_id.as_str(), part.exists)).collect();
    assert_eq!(from, [("rec_2", true), ("rec_1", true)]);
    assert!(made.tracks.unwrap().is_empty());
    let job = box_.store.job_list_of(made.id.clone()).await.unwrap().remove(0);
    let merge = job.spec.merge.unwrap();
    assert_eq!(merge.parts[1].film, "derived/job_rec_1/film.mp4");
    assert!(merge.parts[0].title.starts_with("Garden rec_2 · 2026-"), "{:?}", merge.parts);
    let manifest = roombox_capture::read_manifest(&box_.recordings.folder(&made.id)).unwrap();
    assert!(manifest.ended.is_some() && manifest.parts.is_empty());
    assert!(box_.recordings.get("rec_1").await.unwrap().merged_from.is_none());
}

#[tokio::test]
async fn a_merged_recording_is_found_when_its_meeting_was() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 30, "same", "aac").await;
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    let begun = 1_790_000_000_000;
    let search =
        |from_ms, to_ms| Search { from_ms: Some(from_ms), to_ms: Some(to_ms), ..Search::default() };
    let found = async |search| {
        let rows = box_.store.recording_list(search, 10, None).await.unwrap();
        rows.iter().any(|row| row.id == made.id)
    };
    assert!(found(search(begun, begun + 1)).await, "weeks before it was merged");
    assert!(!found(search(begun + 1, u64::MAX >> 16)).await);
    // Whatever the order, it ends when the last of them did.
    let other = box_.merge_these(&["rec_2", "rec_1"]).await.unwrap();
    assert_eq!(other.ended_at, made.ended_at);
    assert_eq!(made.ended_at, Some(UnixMs(begun + 60_000)));
    assert_ne!(other.id, made.id);
}

#[tokio::test]
async fn films_that_are_to_be_merged_yet_need_their_room_on_the_disk() {
    let box_ = Harness::new().await;
    for id in ["rec_1", "rec_2", "rec_3"] {
        box_.filmed(id, 60, "same", "aac").await;
    }
    // Each film is ten bytes.
    box_.ends.taken.store((1 << 40) - 45, Ordering::Relaxed);
    let first = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    box_.merge_these(&["rec_2", "rec_3"]).await.unwrap();
    let third = box_.merge_these(&["rec_1", "rec_3"]).await.unwrap_err();
    assert_eq!(third.code(), "no_room_to_merge", "20 of 45 bytes are promised twice: {third}");
    // What was given up needs none.
    let mut job = box_.store.job_list_of(first.id).await.unwrap().remove(0);
    job.state = JobState::Cancelled;
    box_.store.job_update(job).await.unwrap();
    box_.merge_these(&["rec_1", "rec_3"]).await.unwrap();
}

#[tokio::test]
async fn what_a_film_says_of_itself_is_not_believed_beyond_reason() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 30, "same", "aac").await;
    let index = box_.recordings.folder("rec_1").join("derived/job_rec_1/film.json");
    fs::write(index, format!(r#"{{"v": 1, "duration_us": {}}}"#, u64::MAX)).unwrap();
    let ids = ["rec_1".to_owned(), "rec_2".to_owned()];
    let plan = box_.recordings.merge_plan(&ids).await.unwrap();
    assert_eq!(plan.duration_ms, LONGEST_US / 1000 + 30_000);
}

#[tokio::test]
async fn without_a_title_it_has_its_first_parts_as_far_as_titles_go() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 30, "same", "aac").await;
    box_.recordings.set_title("rec_1", &"ö".repeat(NAME_MOST)).await.unwrap();
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    assert_eq!(made.title.chars().count(), NAME_MOST);
    assert!(made.title.starts_with("öö") && made.title.contains("ö… · 2026-"), "{}", made.title);
    let same = box_.recordings.set_title(&made.id, &made.title).await.unwrap();
    assert_eq!(same.title, made.title, "it is a title that anybody could have given");
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_and_leaves_nothing() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 30, "same", "aac").await;
    box_.filmed("rec_3", 30, "same", "other").await;
    let nothing = RecordingRow { id: "rec_4".to_owned(), ..RecordingRow::default() };
    box_.store.recording_insert(nothing).await.unwrap();
    let many: Vec<String> = (0..=MOST_MERGED).map(|n| format!("rec_{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (ids, code) in [
        (&["rec_1"][..], "invalid_merge"),
        (&[], "invalid_merge"),
        (&["rec_1", "rec_2", "rec_1"], "invalid_merge"),
        (&many[..], "invalid_merge"),
        (&["rec_1", "rec_9"], "not_found"),
        (&["rec_1", "rec_4"], "still_recording"),
        (&["rec_1", "rec_3"], "sounds_differ"),
    ] {
        let refused = box_.merge_these(ids).await.unwrap_err();
        assert_eq!(refused.code(), code, "{ids:?}: {refused}");
        assert!(
            box_.recordings
                .merge_plan(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>())
                .await
                .is_err()
        );
    }
    box_.store.recording_set_state("rec_4".to_owned(), RecordingState::Parked).await.unwrap();
    assert_eq!(box_.merge_these(&["rec_1", "rec_4"]).await.unwrap_err().code(), "no_film");
    fs::remove_file(box_.recordings.folder("rec_2").join("derived/job_rec_2/film.mp4")).unwrap();
    assert_eq!(box_.merge_these(&["rec_1", "rec_2"]).await.unwrap_err().code(), "no_film");
    assert!(box_.store.job_list_undone().await.unwrap().is_empty());
}

#[tokio::test]
async fn while_films_are_merged_their_recordings_stay() {
    let box_ = Harness::new().await;
    for id in ["rec_1", "rec_2", "rec_3"] {
        box_.filmed(id, 60, "same", "aac").await;
    }
    let settled = || async {
        let all = box_.store.recording_list_settled(None, None).await.unwrap();
        all.into_iter().map(|one| one.id).collect::<HashSet<String>>()
    };
    assert_eq!(settled().await.len(), 3);
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    let mut job = box_.store.job_list_of(made.id.clone()).await.unwrap().remove(0);
    let retention = box_.retention();
    for state in [JobState::Queued, JobState::Running] {
        job.state = state;
        box_.store.job_update(job.clone()).await.unwrap();
        assert_eq!(settled().await, HashSet::from(["rec_3".to_owned()]), "{state:?}");
        for id in ["rec_1", "rec_2"] {
            assert_eq!(box_.recordings.delete(id).await.unwrap_err().code(), "being_merged");
            // It was due when the list was read, and the merge came before its turn.
            assert!(!retention.delete(id, 9, Why::Age).await.unwrap(), "{state:?}");
        }
    }
    assert!(retention.deletions().await.unwrap().is_empty(), "none went, so none is said to have");
    // A job that was given up holds nothing, until somebody tries it again.
    for state in [JobState::Parked, JobState::Cancelled] {
        job.state = state;
        box_.store.job_update(job.clone()).await.unwrap();
        assert!(
            settled().await.is_superset(&HashSet::from(["rec_1".to_owned(), "rec_2".to_owned()]))
        );
        assert!(!box_.recordings.is_being_merged("rec_1").await.unwrap(), "{state:?}");
    }
    // Once the job is over they are like others, and what was made of them stays.
    job.state = JobState::Finished;
    let path = format!("derived/{}/film.mp4", job.spec.job);
    let film = MadeFile { kind: FileKind::Mp4, path, bytes: 5, sha256: String::new() };
    box_.store.job_finish(job, vec![film]).await.unwrap();
    box_.recordings.delete("rec_1").await.unwrap();
    let seen = box_.recordings.get(&made.id).await.unwrap();
    assert_eq!(seen.state, RecordingState::Ready);
    let exist: Vec<bool> = seen.merged_from.unwrap().iter().map(|part| part.exists).collect();
    assert_eq!(exist, [false, true]);
    assert!(settled().await.contains("rec_2"));
    assert!(retention.delete("rec_2", 9, Why::Age).await.unwrap());
    let gone: Vec<String> =
        retention.deletions().await.unwrap().into_iter().map(|one| one.recording).collect();
    assert_eq!(gone, ["rec_2"]);
}

#[tokio::test]
async fn of_a_merged_recording_no_film_can_be_drawn_again() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 60, "other", "aac").await;
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    for range in [None, Some(FilmRange { from_ms: 0, to_ms: 5000 })] {
        let film = Film { range, ..Film::usual() };
        assert_eq!(box_.recordings.render(&made.id, film).await.unwrap_err().code(), "merged");
    }
}

#[tokio::test]
async fn a_folder_that_a_crash_left_out_is_made_at_the_start() {
    let box_ = Harness::new().await;
    box_.filmed("rec_1", 60, "same", "aac").await;
    box_.filmed("rec_2", 60, "same", "aac").await;
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    let folder = box_.recordings.folder(&made.id);
    fs::remove_dir_all(&folder).unwrap();
    box_.recordings.recover().await.unwrap();
    assert!(roombox_capture::read_manifest(&folder).unwrap().ended.is_some());
    let seen = box_.recordings.get(&made.id).await.unwrap();
    assert_eq!(seen.state, RecordingState::Captured);
}

fn is_parked(what: &Happening) -> bool {
    matches!(what, Happening::RecordingParked { .. })
}

fn is_ready(what: &Happening) -> bool {
    matches!(what, Happening::RecordingReady { .. })
}

/// Workers that only say what they are asked.
struct Asked(mpsc::UnboundedSender<(Attempt, JobSpec)>);

impl Workers for Asked {
    fn start(&self, attempt: Attempt, spec: JobSpec) {
        self.0.send((attempt, spec)).unwrap();
    }

    fn kill(&self, _: Attempt) {}

    fn clear(&self, _: &JobSpec) {}

    fn slow(&self, _: bool) {}
}

#[tokio::test]
async fn a_merge_whose_film_is_gone_ends_and_is_tried_again_once_it_is_back() {
    let (ask, mut asked) = mpsc::unbounded_channel();
    let (box_, desk) = Harness::with(Arc::new(Asked(ask))).await;
    for id in ["rec_1", "rec_2"] {
        box_.filmed(id, 60, "same", "aac").await;
    }
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    let (_, _, mut live) = box_.recordings.events.listen(None);
    tokio::spawn(desk.run());
    let (first, spec) = soon(asked.recv()).await.unwrap();
    // What the worker says of it: see `media/worker/tests/merges.rs`.
    let why = "the film of the recording rec_2 cannot be merged: it is not there any more";
    box_.recordings.jobs.report(Report::Hopeless(first.clone(), why.to_owned())).await;
    told(&mut live, |event| is_parked(&event.what).then_some(())).await;
    let row = || async { box_.store.job_get(spec.job.clone()).await.unwrap().unwrap() };
    let over = row().await;
    assert_eq!((over.state, over.attempts), (JobState::Parked, 1), "nobody tries it by themselves");
    assert!(over.last_error.unwrap().contains("rec_2"), "it says whose film is gone");
    let parked = box_.recordings.get(&made.id).await.unwrap();
    assert_eq!(parked.state, RecordingState::Parked);
    assert!(!box_.recordings.is_being_merged("rec_1").await.unwrap());
    // Somebody has brought the film back.
    box_.recordings.jobs.retry(&spec.job).await.unwrap();
    let (second, again) = soon(asked.recv()).await.unwrap();
    assert_eq!((second.number, &again), (2, &spec), "the same films in the same order");
    assert_eq!(box_.recordings.delete("rec_1").await.unwrap_err().code(), "being_merged");
    // What the first attempt still says is of no concern.
    box_.recordings.jobs.report(Report::Hopeless(first, why.to_owned())).await;
    let path = format!("derived/{}/film.mp4", spec.job);
    let files = vec![MadeFile { kind: FileKind::Mp4, path, bytes: 5, sha256: String::new() }];
    let (job, encoder) = (spec.job.clone(), "copy".to_owned());
    let receipt = Receipt { job, files, duration_us: 120_000_000, encoder, cpu_s: 0.1 };
    box_.recordings.jobs.report(Report::Finished(second, receipt)).await;
    told(&mut live, |event| is_ready(&event.what).then_some(())).await;
    assert_eq!((row().await.state, row().await.last_error), (JobState::Finished, None));
    let seen = box_.recordings.get(&made.id).await.unwrap();
    assert_eq!((seen.state, seen.files.len()), (RecordingState::Ready, 1));
}

#[tokio::test]
async fn a_film_that_was_made_before_its_job_was_given_up_is_taken() {
    let (ask, mut asked) = mpsc::unbounded_channel();
    let (box_, desk) = Harness::with(Arc::new(Asked(ask))).await;
    for id in ["rec_1", "rec_2"] {
        box_.filmed(id, 60, "same", "aac").await;
    }
    let made = box_.merge_these(&["rec_1", "rec_2"]).await.unwrap();
    // The database of an hour ago knows a job that waits. It is done, and the films are gone by now.
    let job = box_.store.job_list_of(made.id.clone()).await.unwrap().remove(0);
    let folder = box_.recordings.folder(&made.id).join("derived").join(&job.spec.job);
    fs::create_dir_all(&folder).unwrap();
    let film = [&b"\0\0\0\x0cftypisom\0\0\0\x08moov\0\0\0\x10mdat"[..], &[7; 8]].concat();
    fs::write(folder.join("film.mp4"), film).unwrap();
    fs::write(folder.join("film.json"), r#"{"v":1,"duration_us":121000000}"#).unwrap();
    let (_, _, mut live) = box_.recordings.events.listen(None);
    tokio::spawn(box_.recordings.clone().find_films());
    tokio::spawn(desk.run());
    let (attempt, _) = soon(asked.recv()).await.unwrap();
    box_.recordings.take_up_films().await.unwrap();
    let state = box_.recordings.get(&made.id).await.unwrap().state;
    assert_eq!(state, RecordingState::Captured, "it is being made");
    box_.recordings.jobs.report(Report::Hopeless(attempt, "gone".to_owned())).await;
    told(&mut live, |event| is_ready(&event.what).then_some(())).await;
    let seen = box_.recordings.get(&made.id).await.unwrap();
    assert_eq!((seen.state, seen.duration_ms), (RecordingState::Ready, 121_000));
    assert_eq!(seen.files.len(), 2);
}
