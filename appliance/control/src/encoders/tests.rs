//! The desk of encoders, over a real store.

use super::*;
use roombox_jobs::spec::Layout;

const BOARD: &str = r#"{"codecs": [
    {"codec": "h264", "direction": "encode", "driver": "one", "elements": ["a", "b"],
     "max": "1920x1080@30", "verified": "somebody"}]}"#;

struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The box starts, in this boot and version.
    async fn start(&self, boot: &str, version: &str) -> Arc<EncoderDesk> {
        let store = Arc::new(Store::open(&self.folder.path().join("box.db")).unwrap());
        EncoderDesk::load(EncodersParts {
            store,
            events: Arc::default(),
            listed: listed(BOARD.as_bytes()),
            boot_id: boot.into(),
            version: version.into(),
        })
        .await
        .unwrap()
    }
}

fn report(encoders: Vec<Tried>) -> ProbeReport {
    ProbeReport { roombox: "1".into(), kernel: "6.1".into(), gstreamer: "1.22".into(), encoders }
}

fn there(element: &str) -> Tried {
    Tried { found: true, driver: Some("The One driver".into()), ..Tried::absent(element) }
}

fn works(element: &str) -> Tried {
    Tried { works: true, ..there(element) }
}

/// Both are there and are tried with these outcomes.
async fn tried(desk: &EncoderDesk, a: Tried, b: Tried) {
    desk.looked(&report(vec![there("a"), there("b")]));
    for outcome in [a, b] {
        let element = desk.begin_trial().unwrap();
        assert_eq!(element, outcome.element);
        desk.tried(&element, Ok(report(vec![outcome]))).await.unwrap();
    }
    assert_eq!(desk.begin_trial(), None);
}

fn film(recording: &str) -> JobSpec {
    JobSpec::new("job_1".into(), recording.into(), String::new())
}

fn chosen(desk: &EncoderDesk, recording: &str) -> Option<String> {
    desk.choose(&film(recording))
}

fn states(desk: &EncoderDesk) -> Vec<EncoderState> {
    desk.list().items.iter().map(|one| one.state).collect()
}

async fn fail(desk: &EncoderDesk, element: &str) {
    let fault = Fault { encoder: element.into(), fault: FaultKind::Stalled, why: "hangs".into() };
    desk.failed(&fault, "rec_1", Duration::from_secs(100)).await.unwrap();
}

#[tokio::test]
async fn films_get_the_first_that_has_proved_itself_and_until_then_software() {
    use EncoderState as S;
    let desk = House::new().start("b1", "1").await;
    assert_eq!(states(&desk), [S::Untried, S::Untried]);
    desk.looked(&report(vec![Tried::absent("a"), there("b")]));
    assert_eq!(states(&desk), [S::Absent, S::Untried]);
    assert_eq!(chosen(&desk, "rec_0"), None);
    assert_eq!(desk.begin_trial().as_deref(), Some("b"));
    assert_eq!(states(&desk), [S::Absent, S::Trying]);
    desk.tried("b", Ok(report(vec![works("b")]))).await.unwrap();
    assert_eq!(states(&desk), [S::Absent, S::Verified]);
    let list = desk.list();
    assert_eq!((list.in_use.as_str(), list.items[1].falls_back_to.as_str()), ("b", SOFTWARE));
    assert_eq!(list.items[1].seen_by.as_deref(), Some("somebody"));
    assert_eq!(chosen(&desk, "rec_1").as_deref(), Some("b"));
    // What its follower has begun in software goes on in software.
    assert_eq!(chosen(&desk, "rec_0"), None);
    desk.film_over("rec_0");
    assert_eq!(chosen(&desk, "rec_0").as_deref(), Some("b"));
}

#[tokio::test]
async fn a_film_keeps_its_encoder_until_that_fails() {
    let desk = House::new().start("b1", "1").await;
    let broken = Tried { why: Some("green".into()), ..there("a") };
    tried(&desk, broken, works("b")).await;
    assert_eq!(desk.list().items[0].why.as_deref(), Some("green"));
    assert_eq!(chosen(&desk, "rec_1").as_deref(), Some("b"));
    desk.retry("a").await.unwrap();
    let again = desk.begin_trial().unwrap();
    desk.tried(&again, Ok(report(vec![works("a")]))).await.unwrap();
    assert_eq!(chosen(&desk, "rec_1").as_deref(), Some("b"), "reels of b are there");
    assert_eq!(chosen(&desk, "rec_2").as_deref(), Some("a"));
    assert_eq!(desk.list().items[0].falls_back_to, "b");
    // One after the other, and none twice.
    fail(&desk, "b").await;
    assert_eq!(chosen(&desk, "rec_1").as_deref(), Some("a"));
    fail(&desk, "a").await;
    assert_eq!(chosen(&desk, "rec_1"), None);
    assert_eq!(chosen(&desk, "rec_2").as_deref(), Some("a"), "another film may try it");
}

#[tokio::test]
async fn who_asks_for_software_or_for_more_than_the_hardware_does_gets_software() {
    let desk = House::new().start("b1", "1").await;
    tried(&desk, works("a"), works("b")).await;
    let mut spec = film("rec_1");
    spec.video.encoder = EncoderChoice::Openh264;
    assert_eq!(desk.choose(&spec), None);
    let layout = Layout { canvas: (3840, 2160), ..Layout::default() };
    assert_eq!(desk.choose(&JobSpec { layout, ..film("rec_2") }), None);
    assert_eq!(chosen(&desk, "rec_3").as_deref(), Some("a"));
}

#[tokio::test]
async fn three_failures_switch_it_off_over_restarts_until_the_box_starts_anew() {
    use EncoderState as S;
    let house = House::new();
    let desk = house.start("b1", "1").await;
    tried(&desk, works("a"), works("b")).await;
    for _ in 0..MOST_FAILURES {
        assert_eq!(chosen(&desk, "rec_2").as_deref(), Some("a"));
        fail(&desk, "a").await;
    }
    assert_eq!(chosen(&desk, "rec_2").as_deref(), Some("b"));
    assert_eq!(states(&desk), [S::Off, S::Verified]);
    assert_eq!(desk.list().items[0].failures.len(), MOST_FAILURES);
    drop(desk);
    // The daemon alone: it stays off, and its trial is not repeated.
    let desk = house.start("b1", "1").await;
    desk.looked(&report(vec![there("a"), there("b")]));
    assert_eq!(states(&desk), [S::Off, S::Verified]);
    assert_eq!(desk.begin_trial(), None);
    drop(desk);
    for (boot, version) in [("b2", "1"), ("b1", "2")] {
        let desk = house.start(boot, version).await;
        desk.looked(&report(vec![there("a"), there("b")]));
        assert!(!states(&desk).contains(&S::Off), "{boot} {version}");
        assert_eq!(
            desk.begin_trial().is_some(),
            version == "2",
            "another version asks for a trial"
        );
    }
}

#[tokio::test]
async fn somebody_may_have_it_tried_again() {
    let desk = House::new().start("b1", "1").await;
    tried(&desk, works("a"), works("b")).await;
    for _ in 0..MOST_FAILURES {
        fail(&desk, "a").await;
    }
    assert_eq!(desk.retry("a").await.unwrap().state, EncoderState::Untried);
    assert!(desk.retry("nonsense").await.is_err());
    tokio::time::timeout(Duration::from_secs(5), desk.changed()).await.unwrap();
    assert_eq!(desk.begin_trial().as_deref(), Some("a"));
    desk.tried("a", Ok(report(vec![works("a")]))).await.unwrap();
    assert_eq!(chosen(&desk, "rec_1").as_deref(), Some("a"));
    assert!(desk.list().items[0].failures.is_empty());
}

#[tokio::test]
async fn a_trial_stands_until_kernel_driver_gstreamer_or_version_change() {
    let house = House::new();
    let desk = house.start("b1", "1").await;
    tried(&desk, works("a"), works("b")).await;
    drop(desk);
    let desk = house.start("b2", "1").await;
    let (a, b) = (there("a"), there("b"));
    let both = || vec![a.clone(), b.clone()];
    let others = [
        ProbeReport { kernel: "6.2".into(), ..report(both()) },
        ProbeReport { gstreamer: "1.24".into(), ..report(both()) },
        ProbeReport { roombox: "2".into(), ..report(both()) },
        report(vec![Tried { driver: Some("Two".into()), ..a.clone() }, b.clone()]),
    ];
    for other in others {
        desk.looked(&other);
        assert_eq!(desk.begin_trial().as_deref(), Some("a"), "{other:?}");
        // Broken off: the trial itself could not be made.
        desk.known().trying = None;
        desk.looked(&report(both()));
        assert_eq!(desk.begin_trial(), None);
    }
}

#[tokio::test]
async fn what_may_only_have_been_a_busy_machine_is_tried_again_at_the_next_start() {
    let house = House::new();
    let desk = house.start("b1", "1").await;
    let slow = Tried { doubtful: true, why: Some("slow".into()), ..there("a") };
    let broken = Tried { why: Some("green".into()), ..there("b") };
    tried(&desk, slow, broken).await;
    assert_eq!(states(&desk), [EncoderState::Refused, EncoderState::Refused]);
    drop(desk);
    let desk = house.start("b1", "1").await;
    desk.looked(&report(vec![there("a"), there("b")]));
    assert_eq!(desk.begin_trial(), None, "the daemon alone was started again");
    drop(desk);
    let desk = house.start("b2", "1").await;
    desk.looked(&report(vec![there("a"), there("b")]));
    assert_eq!(desk.begin_trial().as_deref(), Some("a"));
    desk.tried("a", Err("it does not start".into())).await.unwrap();
    assert_eq!(desk.begin_trial(), None, "b is green whatever boot it is");
}
