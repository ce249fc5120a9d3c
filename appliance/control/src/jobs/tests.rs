//! The desk's task and a store that refuses.

use super::*;
use crate::store::RecordingRow;
use std::time::Duration;

struct Nobody;

impl Workers for Nobody {
    fn start(&self, _: Attempt, _: JobSpec) {}

    fn kill(&self, _: Attempt) {}

    fn clear(&self, _: &JobSpec) {}

    fn slow(&self, _: bool) {}
}

#[tokio::test(start_paused = true)]
async fn a_film_that_the_store_refuses_is_told_to_it_again_and_to_others_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    let (store, events) = (Arc::new(Store::open(&path).unwrap()), Arc::<Events>::default());
    let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
    let (workers, machine) = (Arc::new(Nobody), Machine::idle(1));
    let of = (store.clone(), events.clone());
    let parts = JobsParts { store: of.0, events: of.1, settings, workers, machine };
    let (jobs, desk) = Jobs::new(parts);
    tokio::spawn(desk.run());
    let row = RecordingRow { id: "rec_1".into(), ..RecordingRow::default() };
    store.recording_insert(row).await.unwrap();
    let spec = JobSpec::new("job_1".into(), "rec_1".into(), "t".into());
    jobs.create(spec, 60_000, &JobPatch::default()).await.unwrap();
    let state = || async { store.job_get("job_1".into()).await.unwrap().unwrap().state };
    while state().await != JobState::Running {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.refuse("INSERT ON files").await;
    let (_, _, mut told) = events.listen(None);
    let attempt = Attempt { job: "job_1".into(), number: 1 };
    let (kind, path) = (FileKind::Mp4, "derived/job_1/film.mp4".to_owned());
    let files = vec![MadeFile { kind, path, bytes: 7, sha256: String::new() }];
    let (duration_us, encoder, cpu_s) = (1, "none".to_owned(), 0.0);
    let receipt = Receipt { job: "job_1".into(), files, duration_us, encoder, cpu_s };
    jobs.report(Report::Finished(attempt, receipt)).await;
    let mut ready = || {
        let mut all = std::iter::from_fn(|| told.try_recv().ok());
        all.any(|envelope| matches!(envelope.what, Happening::RecordingReady { .. }))
    };
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!ready(), "a film is told of that the store does not know");
    }
    store.take_all().await;
    for _ in 0..3000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if ready() {
            break;
        }
    }
    assert_eq!(state().await, JobState::Finished);
    assert_eq!(store.file_list_of(vec!["rec_1".into()]).await.unwrap()["rec_1"][0].bytes, 7);
}
