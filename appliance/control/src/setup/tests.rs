//! What is done, what was left out, and what of that survives a restart.

use super::*;
use crate::conference::Later;
use crate::store::RoomRow;
use crate::timekeeping::{ClockGear, ClockReport, TimeError};
use std::sync::Mutex;

/// A clock in a zone; none: nobody manages it.
struct Gear(Mutex<Option<String>>);

impl ClockGear for Gear {
    fn look(&self) -> Later<'_, Result<ClockReport, TimeError>> {
        let zone = self.0.lock().unwrap().clone();
        Box::pin(async move {
            let zone = zone.ok_or(TimeError::Absent("no timedated".to_owned()))?;
            Ok(ClockReport { zone, ..ClockReport::default() })
        })
    }

    fn set_zone<'a>(&'a self, zone: &'a str) -> Later<'a, Result<(), TimeError>> {
        *self.0.lock().unwrap() = Some(zone.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn set_ntp(&self, _: bool) -> Later<'_, Result<(), TimeError>> {
        Box::pin(async { Ok(()) })
    }

    fn set_servers<'a>(&'a self, _: &'a [String]) -> Later<'a, Result<(), TimeError>> {
        Box::pin(async { Ok(()) })
    }

    fn set_time(&self, _: i64) -> Later<'_, Result<(), TimeError>> {
        Box::pin(async { Ok(()) })
    }

    fn zone(&self) -> String {
        "Etc/UTC".to_owned()
    }
}

struct Home {
    folder: tempfile::TempDir,
    zone: Arc<Gear>,
}

impl Home {
    fn new(zone: Option<&str>) -> Self {
        let zone = Arc::new(Gear(Mutex::new(zone.map(str::to_owned))));
        Self { folder: tempfile::tempdir().unwrap(), zone }
    }

    /// As after a start.
    async fn setup(&self) -> (Arc<Setup>, Arc<Store>, Arc<BoxIdentity>) {
        let store = Arc::new(Store::open(&self.folder.path().join("box.db")).unwrap());
        let identity = Arc::new(BoxIdentity::load(store.clone(), None, false).await.unwrap());
        let timekeeping = Timekeeping::new(store.clone(), self.zone.clone());
        let certificates = Certificates::load(&self.folder.path().join("secrets"), Arc::default());
        let setup = Setup::new(store.clone(), identity.clone(), (timekeeping, certificates));
        (setup, store, identity)
    }
}

fn states(view: &SetupView) -> Vec<StepState> {
    view.steps.iter().map(|step| step.state).collect()
}

use StepState::{Done, Open, Skipped};

#[tokio::test]
async fn a_new_box_has_everything_open_and_what_it_sees_is_not_asked() {
    let home = Home::new(Some("UTC"));
    let (setup, store, identity) = home.setup().await;
    assert_eq!(states(&setup.view().await.unwrap()), [Open; 5]);
    identity.rename("Town hall").await.unwrap();
    // Named, and nobody has said where it stands.
    assert_eq!(states(&setup.view().await.unwrap())[0], Open);
    home.zone.set_zone("Europe/Berlin").await.unwrap();
    assert_eq!(states(&setup.view().await.unwrap())[0], Done);
    let room = |kept| RoomRow {
        id: format!("rm_{kept}"),
        name: format!("{kept}"),
        invite: "i".to_owned(),
        kept,
        lobby: false,
        record_always: false,
        rules: Default::default(),
        pin: String::new(),
        created_ms: 1,
    };
    // A program's room is gone with its meeting.
    store.room_insert(room(false)).await.unwrap();
    assert_eq!(states(&setup.view().await.unwrap())[3], Open);
    store.room_insert(room(true)).await.unwrap();
    let view = setup.view().await.unwrap();
    assert_eq!(states(&view), [Done, Open, Open, Done, Open]);
    assert_eq!(view.steps[3].at, None, "nobody said it");
}

#[tokio::test]
async fn a_box_whose_clock_nobody_manages_needs_a_name_alone() {
    let home = Home::new(None);
    let (setup, _, identity) = home.setup().await;
    assert_eq!(states(&setup.view().await.unwrap())[0], Open);
    identity.rename("Town hall").await.unwrap();
    assert_eq!(states(&setup.view().await.unwrap())[0], Done);
}

#[tokio::test]
async fn what_people_say_is_kept_taken_back_and_never_hides_a_fact() {
    let home = Home::new(Some("UTC"));
    let said = SetupPatch {
        of_box: Some(StepMark::Passed),
        certificate: Some(StepMark::Skipped),
        call: Some(StepMark::Passed),
        dismissed: Some(true),
        ..SetupPatch::default()
    };
    let (setup, ..) = home.setup().await;
    setup.patch(said).await.unwrap();
    drop(setup);
    let (setup, _, identity) = home.setup().await;
    let view = setup.view().await.unwrap();
    assert_eq!(states(&view), [Done, Open, Skipped, Open, Done]);
    assert!(view.dismissed && view.steps[4].at.is_some());
    // What is not named stays.
    let less = SetupPatch { of_box: Some(StepMark::Open), ..SetupPatch::default() };
    let view = setup.patch(less).await.unwrap();
    assert_eq!(states(&view), [Open, Open, Skipped, Open, Done]);
    assert!(view.dismissed);
    let again = SetupPatch { dismissed: Some(false), ..SetupPatch::default() };
    assert!(!setup.patch(again).await.unwrap().dismissed);
    identity.rename("Town hall").await.unwrap();
    home.zone.set_zone("Asia/Tokyo").await.unwrap();
    let skipped = SetupPatch { of_box: Some(StepMark::Skipped), ..SetupPatch::default() };
    assert_eq!(states(&setup.patch(skipped).await.unwrap())[0], Done);
}

#[test]
fn a_step_that_a_newer_version_knows_stays() {
    let newer = serde_json::json!({"said": {"lights": {"mark": "passed", "at_ms": 7}}});
    let mut kept: Kept = serde_json::from_value(newer).unwrap();
    kept.say(&SetupPatch { reach: Some(StepMark::Passed), ..Default::default() }, UnixMs(9));
    assert!(kept.said.contains_key("lights") && kept.said.contains_key("reach"));
}
