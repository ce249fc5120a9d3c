//! Workers as processes: what is slowed down stands still most of the time, and hears when it is to end.

use super::*;
use roombox_control::encoders::EncodersParts;
use roombox_control::events::Events;
use roombox_control::jobs::{JobsParts, Machine};
use roombox_control::settings::SettingsDesk;
use roombox_control::store::Store;
use std::os::unix::fs::PermissionsExt as _;

const PATIENCE: Duration = Duration::from_secs(60);

/// The process that a worker wrote down, and its state as the kernel has it (proc(5)).
fn state(folder: &Path) -> Option<char> {
    let pid = std::fs::read_to_string(folder.join("pid")).ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

async fn until(what: impl Fn() -> bool, says: &str) {
    let begun = std::time::Instant::now();
    while !what() {
        assert!(begun.elapsed() < PATIENCE, "{says}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_worker_that_is_slowed_down_stands_still_goes_on_and_ends_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("worker");
    let script =
        format!("#!/bin/sh\necho $$ > {}/pid\nwhile :; do :; done\n", folder.path().display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
    let events = Arc::<Events>::default();
    let encoders = EncoderDesk::load(EncodersParts {
        store: store.clone(),
        events: events.clone(),
        listed: Vec::new(),
        boot_id: String::new(),
        version: String::new(),
    });
    let encoders = encoders.await.unwrap();
    let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
    let workers = ChildWorkers::new(program, folder.path().to_owned(), Handle::current(), encoders);
    let machine = Machine::idle(1);
    let parts = JobsParts { store, events, settings, workers: workers.clone(), machine };
    let (jobs, _desk) = Jobs::new(parts);
    workers.report_to(&jobs);
    let attempt = Attempt { job: "job_1".into(), number: 1 };
    workers.start(attempt.clone(), JobSpec::new("job_1".into(), "rec_1".into(), String::new()));
    until(|| state(folder.path()).is_some_and(|state| state != 'T'), "it does not run").await;
    workers.slow(true);
    until(|| state(folder.path()) == Some('T'), "it does not stand still").await;
    until(|| state(folder.path()) != Some('T'), "it never goes on").await;
    until(|| state(folder.path()) == Some('T'), "it does not stand still again").await;
    workers.kill(attempt);
    until(|| state(folder.path()).is_none(), "it does not end").await;
    workers.slow(false);
    until(|| !workers.pacing.load(Ordering::Acquire), "somebody still wakes workers").await;
}

#[tokio::test]
async fn hardware_that_hangs_while_it_is_opened_is_to_blame_and_its_worker_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("worker");
    let progress = |encoder: &str, total_us| {
        let (job, encoder) = ("job_1".to_owned(), encoder.to_owned());
        let (done_us, fps, eta_s, cpu_s) = (0, 0.0, None, 0.0);
        let said = Progress { job, done_us, total_us, fps, eta_s, encoder, cpu_s };
        serde_json::to_string(&said).unwrap()
    };
    let mut spec = JobSpec::new("job_1".into(), "rec_1".into(), String::new());
    spec.video.element = Some("vah264enc".to_owned());
    let attempt = Attempt { job: "job_1".into(), number: 1 };
    // It opens the hardware for ever; it reads for a while, and then makes a film.
    for (last, lives) in [("vah264enc", false), ("", true)] {
        let lines = [progress("", 0), progress(last, 0)].join("\n");
        let (pause, pid) = (if lives { 4 } else { 600 }, folder.path().join("pid"));
        let script = format!(
            "#!/bin/sh\necho $$ > {}\ncat > /dev/null\necho '{lines}'\nexec sleep {pause}\n",
            pid.display()
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let piped = Stdio::piped;
        let mut command = Command::new(&program);
        let child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        let (errand, _told) = mpsc::channel(9);
        let (_cancel, mut cancelled) = oneshot::channel();
        let (listener, slowly) = (Listener::Errand(errand), AtomicBool::new(false));
        let told = (&attempt, &listener);
        match supervise(child, &spec, told, &mut cancelled, &slowly).await {
            Outcome::Encoder(fault) if !lives => {
                assert_eq!(
                    (fault.encoder.as_str(), fault.fault),
                    ("vah264enc", FaultKind::Stalled)
                );
            }
            Outcome::Failed(_) if lives => {}
            _ => panic!("another one is to blame: {last}"),
        }
        until(|| state(folder.path()).is_none(), "it does not end").await;
    }
}
