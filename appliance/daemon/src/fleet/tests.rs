//! Who may borrow a job, and what a borrower may bring back: with the keys, the desk and the store of a box.

use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::events::Events;
use roombox_control::fleet::{Gear as _, RefusalsPatch};
use roombox_control::jobs::{
    Attempt, JobPatch, JobSpec, JobState, Jobs, JobsParts, Machine, Workers,
};
use roombox_control::loans::{
    LoanClaim, LoanEnd, LoanReport, Loans, LoansParts, Order, claim_text,
};
use roombox_control::settings::SettingsDesk;
use roombox_control::store::RecordingRow;
use roombox_federation::order;
use roombox_federation::subjects::{Subject, Verb};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

struct Nobody;

impl Workers for Nobody {
    fn start(&self, _: Attempt, _: JobSpec) {}
    fn kill(&self, _: Attempt) {}
    fn clear(&self, _: &JobSpec) {}
    fn slow(&self, _: bool) {}
}

/// A box that only records, with a job; and the hub and the members of its fleet.
struct Origin {
    loans: Loans,
    jobs: Arc<Jobs>,
    hub: Identity,
    own: String,
    twin: Arc<Twin>,
    folder: tempfile::TempDir,
}

fn identity(seed: u8) -> Identity {
    Identity::of_seed([seed; 32]).unwrap()
}

impl Origin {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let events = Arc::<Events>::default();
        let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
        settings
            .patch(json!({"recorder": {"mode": "recorderOnly"}, "recording": {"reserve_bytes": 0}}))
            .await
            .unwrap();
        let parts = JobsParts {
            store: store.clone(),
            events,
            settings: settings.clone(),
            workers: Arc::new(Nobody),
            machine: Machine::idle(1),
        };
        let (jobs, desk) = Jobs::new(parts);
        tokio::spawn(desk.run());
        let gear = Arc::new(BoxGear::new(folder.path().to_owned(), None, Vec::new()));
        let (own, hub) = (gear.who().unwrap().0, identity(1));
        let place = Place::Member {
            hub: hub.id().to_string(),
            hub_name: "hub".into(),
            addresses: Vec::new(),
            authority: String::new(),
            mark: String::new(),
        };
        assert!(store.fleet_enter(place, "epoch".into(), None).await.unwrap());
        let row = RecordingRow { id: "rec_1".into(), ..RecordingRow::default() };
        store.recording_insert(row).await.unwrap();
        let root = folder.path().join("recordings");
        let recording = root.join("rec_1");
        std::fs::create_dir_all(recording.join("derived/job_1")).unwrap();
        std::fs::create_dir_all(recording.join("tracks")).unwrap();
        for (name, text) in [
            ("manifest.json", "{}"),
            ("tracks/ada.mkv", "media"),
            ("derived/job_1/film.mp4", "an old film"),
            ("derived/job_1/film.mp4.part", "half a film"),
        ] {
            std::fs::write(recording.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", recording.join("passwd")).unwrap();
        let spec = JobSpec::new("job_1".into(), "rec_1".into(), "t".into());
        jobs.create(spec, 60_000, &JobPatch::default()).await.unwrap();
        while jobs.trade().offers.is_empty() {
            tokio::task::yield_now().await;
        }
        let twin = Twin::load(store.clone(), settings.clone(), Arc::default()).await.unwrap();
        let (twin, desk) = (Arc::new(twin), jobs.clone());
        let parts = LoansParts { store, gear, jobs: desk, settings, twin: twin.clone(), root };
        let loans = Loans::new(parts);
        Self { loans, jobs, hub, own, twin, folder }
    }

    fn order(&self, number: u32) -> Order {
        Order {
            at_ms: UnixMs::now().0,
            origin: self.own.clone(),
            name: "origin".into(),
            at: Vec::new(),
            fingerprint: String::new(),
            job: "job_1".into(),
            number,
        }
    }

    /// An order of the hub, claimed by whom it names.
    fn claim(&self, by: &Identity, number: u32) -> LoanClaim {
        self.written(&self.hub, by, by, &self.order(number))
    }

    /// An order to `to` that `hub` has signed, and that `by` comes with.
    fn written(&self, hub: &Identity, to: &Identity, by: &Identity, order: &Order) -> LoanClaim {
        let subject = Subject::Command { to: to.id(), verb: Verb::Work }.to_string();
        let body = serde_json::to_string(order).unwrap();
        let order = BASE64_STANDARD.encode(order::write(hub, &subject, 7, body).unwrap());
        let signature = by.sign(claim_text(&self.own, &order).as_bytes()).unwrap();
        let signature = BASE64_STANDARD.encode(signature);
        LoanClaim { order, key: by.key(), name: "helper".into(), signature }
    }

    async fn send(&self, token: &str, name: &str, bytes: &[u8]) -> Result<u64, ControlError> {
        let mut piece = self.loans.receive(token, name, 0).await?;
        piece.write(bytes).await?;
        piece.finish().await
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("recordings/rec_1").join(name)
    }
}

fn receipt(files: &[(&str, &[u8])]) -> LoanEnd {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, bytes)| {
            let sha256: String =
                Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"kind": "mp4", "path": path, "bytes": bytes.len(), "sha256": sha256})
        })
        .collect();
    let receipt = json!({
        "job": "job_1", "files": files, "duration_us": 1, "encoder": "x", "cpu_s": 1.0
    });
    LoanEnd { receipt }
}

fn code<T: std::fmt::Debug>(refused: Result<T, ControlError>) -> &'static str {
    refused.unwrap_err().code()
}

const FILM: &str = "derived/job_1/film.mp4";

#[tokio::test]
async fn recordings_that_the_owner_keeps_are_lent_to_nobody_and_that_is_counted() {
    let origin = Origin::new().await;
    let patch = |keeps| RefusalsPatch { recordings: Some(keeps), ..RefusalsPatch::default() };
    origin.twin.refuse(patch(true)).await.unwrap();
    let ada = identity(2);
    assert_eq!(code(origin.loans.claim(origin.claim(&ada, 1)).await), "loan_owner");
    assert_eq!(origin.twin.pulse().refused.recordings, 1);
    origin.twin.refuse(patch(false)).await.unwrap();
    origin.loans.claim(origin.claim(&ada, 1)).await.unwrap();
}

#[tokio::test]
async fn only_whom_the_hub_has_ordered_borrows_and_of_two_the_first() {
    let origin = Origin::new().await;
    let [ada, bob, stranger] = [2, 3, 9].map(identity);
    for (claim, refusal) in [
        (origin.written(&stranger, &ada, &ada, &origin.order(1)), "loan_order"),
        (origin.written(&origin.hub, &ada, &bob, &origin.order(1)), "loan_order"),
        (
            origin.written(
                &origin.hub,
                &ada,
                &ada,
                &Order { origin: bob.id().to_string(), ..origin.order(1) },
            ),
            "loan_order",
        ),
        (
            origin.written(&origin.hub, &ada, &ada, &Order { at_ms: 1, ..origin.order(1) }),
            "loan_order",
        ),
        (LoanClaim { key: bob.key(), ..origin.claim(&ada, 1) }, "fleet_signature"),
        (LoanClaim { signature: String::new(), ..origin.claim(&ada, 1) }, "fleet_signature"),
        (LoanClaim { order: "x".into(), ..origin.claim(&ada, 1) }, "fleet_signature"),
        (origin.claim(&ada, 2), "loan_gone"),
        (LoanClaim { name: "\n".into(), ..origin.claim(&ada, 1) }, "invalid_name"),
    ] {
        assert_eq!(code(origin.loans.claim(claim).await), refusal);
    }
    let terms = origin.loans.claim(origin.claim(&ada, 1)).await.unwrap();
    let names: Vec<_> = terms.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["manifest.json", "tracks/ada.mkv"], "nothing that was made, no links");
    assert!(!origin.at("derived/job_1/film.mp4.part").exists());
    assert_eq!(code(origin.loans.claim(origin.claim(&bob, 1)).await), "loan_gone");
    // The answer was lost on its way: who has it already gets it, and the first token is worth nothing.
    let again = origin.loans.claim(origin.claim(&ada, 1)).await.unwrap();
    assert_eq!(code(origin.loans.heard(&terms.token, LoanReport::default()).await), "loan_gone");
    origin.loans.heard(&again.token, LoanReport::default()).await.unwrap();
    let (path, _) = origin.loans.file(&again.token, "tracks/ada.mkv").await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"media");
    for name in ["passwd", "../../box.db", "/etc/passwd", FILM, ""] {
        assert_eq!(code(origin.loans.file(&again.token, name).await), "not_found", "{name}");
    }
}

#[tokio::test]
async fn a_film_is_the_jobs_when_all_of_it_is_what_was_promised() {
    let origin = Origin::new().await;
    let terms = origin.loans.claim(origin.claim(&identity(2), 1)).await.unwrap();
    let token = terms.token.as_str();
    for name in [
        "",
        "film.mp4",
        "derived/job_2/film.mp4",
        "derived/job_1/../../x",
        "derived/job_1/a/b",
        "derived/job_1/",
        "derived/job_1/..",
    ] {
        assert_eq!(code(origin.send(token, name, b"x").await), "loan_receipt", "{name}");
    }
    assert_eq!(origin.send(token, FILM, b"a film").await.unwrap(), 6);
    assert_eq!(origin.loans.received(token, FILM).await.unwrap().bytes, 6);
    assert_eq!(code(origin.loans.receive(token, FILM, 7).await.map(drop)), "loan_offset");
    // One writes at a time.
    let piece = origin.loans.receive(token, FILM, 6).await.unwrap();
    assert_eq!(code(origin.loans.receive(token, FILM, 6).await.map(drop)), "loan_busy");
    drop(piece);
    // Not what was promised: nothing got a name, and that file is to be sent again.
    let other = receipt(&[(FILM, b"another")]);
    assert_eq!(code(origin.loans.finish(token, other).await), "loan_file");
    assert_eq!(std::fs::read(origin.at(FILM)).unwrap(), b"an old film");
    assert_eq!(origin.loans.received(token, FILM).await.unwrap().bytes, 0);
    assert_eq!(
        code(origin.loans.finish(token, LoanEnd { receipt: json!({}) }).await),
        "loan_receipt"
    );
    let film = (FILM, &b"a film"[..]);
    assert_eq!(code(origin.loans.finish(token, receipt(&[film, film])).await), "loan_receipt");
    // Nobody else says that a recording is empty.
    let nothing = Origin::new().await;
    let terms = nothing.loans.claim(nothing.claim(&identity(2), 1)).await.unwrap();
    nothing.loans.finish(&terms.token, receipt(&[])).await.unwrap();
    until(&nothing.jobs, |state| state == JobState::Queued).await;
    let whole = b"a film".repeat(3);
    origin.send(token, FILM, &whole).await.unwrap();
    let mut piece = origin.loans.receive(token, FILM, 12).await.unwrap();
    piece.write(b"a film").await.unwrap();
    piece.finish().await.unwrap();
    origin.loans.finish(token, receipt(&[(FILM, &whole)])).await.unwrap();
    assert_eq!(std::fs::read(origin.at(FILM)).unwrap(), whole);
    assert_eq!(code(origin.loans.finish(token, receipt(&[(FILM, &whole)])).await), "loan_gone");
    let job = finished(&origin.jobs).await;
    assert_eq!(job.made_on.as_deref(), Some("helper"));
}

#[tokio::test]
async fn who_gives_a_job_back_opens_nothing_any_more_and_one_that_was_cancelled_is_gone() {
    let origin = Origin::new().await;
    let ada = identity(2);
    let terms = origin.loans.claim(origin.claim(&ada, 1)).await.unwrap();
    origin.send(&terms.token, FILM, b"half").await.unwrap();
    // The attempt is in the name: what is still under way then changes no file of the next borrower.
    let part = origin.at("derived/job_1/film.mp4.1.part");
    assert_eq!(std::fs::read(&part).unwrap(), b"half");
    let why = LoanReport { why: Some("no room".into()), ..LoanReport::default() };
    origin.loans.give_up(&terms.token, why).await.unwrap();
    assert_eq!(code(origin.loans.received(&terms.token, FILM).await), "loan_gone");
    assert!(!part.exists());
    let job = until(&origin.jobs, |state| state == JobState::Queued).await;
    assert!(job.error.unwrap().contains("no room"));
    assert_eq!(code(origin.loans.claim(origin.claim(&ada, 2)).await), "loan_gone", "too early");
    origin.jobs.cancel("job_1").await.unwrap();
    until(&origin.jobs, |state| state == JobState::Cancelled).await;
    assert_eq!(code(origin.loans.claim(origin.claim(&ada, 2)).await), "loan_gone");
}

async fn until(jobs: &Jobs, what: impl Fn(JobState) -> bool) -> roombox_control::jobs::Job {
    loop {
        let job = jobs.list().await.unwrap().remove(0);
        if what(job.state) {
            return job;
        }
        tokio::task::yield_now().await;
    }
}

async fn finished(jobs: &Jobs) -> roombox_control::jobs::Job {
    until(jobs, |state| state == JobState::Finished).await
}
