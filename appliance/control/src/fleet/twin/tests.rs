//! A box with a real store: what is kept, over restarts, and what the hub hears.

use super::*;
use crate::fleet::Place;
use serde_json::json;
use std::path::Path;

const KEY: &str = "meeting.empty_timeout_s";

async fn open(folder: &Path) -> (Arc<Store>, Arc<SettingsDesk>, Twin) {
    let store = Arc::new(Store::open(&folder.join("box.db")).unwrap());
    let events = Arc::<Events>::default();
    let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
    let twin = Twin::load(store.clone(), settings.clone(), events).await.unwrap();
    (store, settings, twin)
}

async fn join(store: &Store) {
    let place = Place::Hub { addresses: vec!["h:1".to_owned()], port: 1 };
    assert!(store.fleet_enter(place, "epoch".to_owned(), None).await.unwrap());
}

fn wish(revision: u64, seconds: u64) -> Vec<u8> {
    let settings = Named::from([(KEY.to_owned(), seconds.into())]);
    let fleet = "Town hall".to_owned();
    serde_json::to_vec(&Wish { revision, fleet, settings, ..Wish::default() }).unwrap()
}

async fn reports(store: &Store) -> Vec<Report> {
    let rows = store.fleet_unsent(0, 100).await.unwrap();
    let reports = rows.into_iter().filter(|row| row.kind == "settings.reported");
    reports.map(|row| serde_json::from_str(&row.body).unwrap()).collect()
}

#[tokio::test]
async fn a_wish_is_kept_with_its_settings_and_its_report_and_an_old_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, settings, twin) = open(folder.path()).await;
    twin.hear(&wish(5, 60)).await.unwrap();
    assert_eq!(settings.get().meeting.empty_timeout_s, 300, "it is in no fleet");
    join(&store).await;
    twin.hear(&wish(5, 60)).await.unwrap();
    assert_eq!(settings.get().meeting.empty_timeout_s, 60);
    assert_eq!((twin.pulse().revision, reports(&store).await.len()), (5, 1));
    for old in [wish(5, 60), wish(5, 70), wish(4, 80), b"{}".to_vec(), b"[]".to_vec(), Vec::new()] {
        twin.hear(&old).await.unwrap();
    }
    twin.look().await.unwrap();
    assert_eq!(settings.get().meeting.empty_timeout_s, 60);
    assert_eq!(reports(&store).await.len(), 1);
    drop((store, settings, twin));
    let (store, settings, twin) = open(folder.path()).await;
    assert_eq!(twin.pulse().revision, 5);
    settings.patch(json!({"meeting": {"empty_timeout_s": 90}})).await.unwrap();
    // The power went before anybody looked.
    drop((store, settings, twin));
    let (store, settings, twin) = open(folder.path()).await;
    twin.look().await.unwrap();
    let last = reports(&store).await.pop().unwrap();
    assert_eq!((last.revision, last.entries[0].standing), (5, Standing::Differs));
    assert_eq!(last.settings["meeting"]["empty_timeout_s"], 90);
    assert_eq!(settings.get().meeting.empty_timeout_s, 90);
    let view = twin.decide(KEY, Choice::Fleet).await.unwrap();
    assert_eq!(view.entries[0].standing, Standing::InStep);
    assert_eq!(settings.get().meeting.empty_timeout_s, 60);
    let refused = twin.decide(KEY, Choice::Fleet).await.unwrap_err();
    assert_eq!(refused.code(), "fleet_nothing_to_decide");
}

#[tokio::test]
async fn what_the_owner_refuses_is_counted_told_and_changes_nothing() {
    const CANARY: &str = "canary4711canary";
    let folder = tempfile::tempdir().unwrap();
    let (store, settings, twin) = open(folder.path()).await;
    let refuse = |settings| RefusalsPatch { settings: Some(settings), ..RefusalsPatch::default() };
    assert_eq!(twin.refuse(refuse(true)).await.unwrap_err().code(), "fleet_not_in");
    join(&store).await;
    settings.patch(json!({"turn": {"secret": CANARY}})).await.unwrap();
    twin.refuse(refuse(true)).await.unwrap();
    assert!(twin.refuses(Power::Settings) && !twin.refuses(Power::Jobs));
    twin.hear(&wish(1, 60)).await.unwrap();
    twin.refused(Power::Jobs).await;
    let pulse = twin.pulse();
    assert_eq!((pulse.refused.settings, pulse.refused.jobs, pulse.revision), (1, 1, 0));
    assert_eq!(settings.get().meeting.empty_timeout_s, 300);
    let told = serde_json::to_string(&reports(&store).await).unwrap();
    assert!(told.contains(r#""settings":true"#) && !told.contains(CANARY), "{told}");
    twin.refuse(refuse(false)).await.unwrap();
    twin.hear(&wish(1, 60)).await.unwrap();
    assert_eq!(settings.get().meeting.empty_timeout_s, 60);
    store.fleet_leave().await.unwrap();
    twin.look().await.unwrap();
    assert_eq!(twin.pulse(), TwinPulse::default());
    assert_eq!(settings.get().meeting.empty_timeout_s, 60, "what it has it keeps");
}

#[tokio::test]
async fn the_hub_refuses_what_no_box_could_have_and_fills_variables_in_first() {
    let of = Variables { site: "north".to_owned(), ..Variables::default() };
    let with = |name: &str, value: Value| checked(&Named::from([(name.to_owned(), value)]), &of);
    assert!(with("updates.channel", json!("https://u.example/{{site}}.json")).is_ok());
    assert!(with(KEY, Value::Null).is_ok());
    assert!(with("turn.urls", json!(["turn:t.example:1"])).is_ok(), "the secret is the box's");
    for (name, value) in [
        (KEY, json!(0)),
        (KEY, json!("soon")),
        ("weather.sunny", json!(1)),
        ("turn.secret", json!("s")),
        ("turn.secret", Value::Null),
        ("proxy.password", json!("s")),
        ("updates.channel", json!("https://u.example/{{town}}.json")),
    ] {
        let refused = with(name, value).unwrap_err();
        assert_eq!(refused.field(), Some(name), "{refused}");
    }
}
