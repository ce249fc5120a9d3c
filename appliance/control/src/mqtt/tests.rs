//! What settings are kept, and whom a password goes to.

use super::*;

const CANARY: &str = "canary4711canary";

fn put(change: impl FnOnce(&mut MqttSettings), password: Option<&str>) -> MqttPut {
    let mut settings = MqttSettings {
        enabled: true,
        host: "broker.lan".to_owned(),
        user: "box".to_owned(),
        ..MqttSettings::default()
    };
    change(&mut settings);
    MqttPut { settings, password: password.map(str::to_owned) }
}

fn kept() -> MqttRow {
    put(|_| {}, Some(CANARY)).over(&MqttRow::default()).unwrap()
}

#[test]
fn orders_are_not_allowed_unless_the_owner_says_so() {
    let settings: MqttSettings =
        serde_json::from_str(r#"{"enabled": true, "host": "broker.lan"}"#).unwrap();
    assert!(!settings.control && !MqttSettings::default().control);
    assert_eq!((settings.port, settings.tls), (8883, MqttTls::System), "encrypted unless told");
}

#[test]
fn a_password_stays_with_its_broker_and_goes_to_no_other() {
    let row = put(|settings| settings.control = true, None).over(&kept()).unwrap();
    assert_eq!(row.password, CANARY);
    type Change = fn(&mut MqttSettings);
    let elsewhere: [Change; 4] = [
        |settings| settings.host = "evil.lan".to_owned(),
        |settings| settings.port = 1883,
        |settings| settings.user = "other".to_owned(),
        |settings| settings.tls = MqttTls::Off,
    ];
    for change in elsewhere {
        let refused = put(change, None).over(&kept());
        assert!(matches!(refused, Err(MqttError::PasswordAgain)), "{refused:?}");
        assert!(put(change, Some("new")).over(&kept()).is_ok());
    }
    assert_eq!(put(|_| {}, Some("")).over(&kept()).unwrap().password, "");
}

#[test]
fn a_password_is_written_into_no_log() {
    let (row, put) = (kept(), put(|_| {}, Some(CANARY)));
    assert!(!format!("{row:?} {put:?}").contains(CANARY));
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_field() {
    type Change = fn(&mut MqttSettings);
    let wrong: [(&str, Change); 11] = [
        ("settings.host", |s| s.host = String::new()),
        ("settings.host", |s| s.host = "mqtt://broker.lan".to_owned()),
        ("settings.host", |s| s.host = "user@broker.lan".to_owned()),
        ("settings.host", |s| s.host = "a b".to_owned()),
        ("settings.port", |s| s.port = 0),
        ("settings.user", |s| s.user = "a\nb".to_owned()),
        ("settings.discovery_prefix", |s| s.discovery_prefix = String::new()),
        ("settings.discovery_prefix", |s| s.discovery_prefix = "home/#".to_owned()),
        ("settings.discovery_prefix", |s| s.discovery_prefix = "a//b".to_owned()),
        ("settings.discovery_prefix", |s| s.discovery_prefix = "$SYS".to_owned()),
        ("settings.tls", |s| s.tls = MqttTls::Authority { pem: "a".repeat(70_000) }),
    ];
    for (field, change) in wrong {
        let refused = put(change, Some("p")).over(&MqttRow::default()).unwrap_err();
        assert_eq!(refused.field(), Some(field), "{refused}");
    }
    let nobody = put(|settings| settings.user = String::new(), Some("p"));
    assert!(matches!(nobody.over(&MqttRow::default()), Err(MqttError::Password)));
    // Off, and nothing typed yet.
    let off = put(|s| (s.enabled, s.host, s.user) = (false, String::new(), String::new()), None);
    assert!(off.over(&MqttRow::default()).is_ok());
}

#[test]
fn hosts_and_fingerprints_are_kept_in_one_spelling() {
    let typed = |settings: &mut MqttSettings| {
        settings.host = " [FD00::1] ".to_owned();
        settings.discovery_prefix = "/homeassistant/".to_owned();
        settings.tls = MqttTls::Pinned { fingerprint: " AB:CD ".to_owned() };
    };
    let row = put(typed, None).over(&MqttRow::default()).unwrap();
    assert_eq!(
        (&*row.settings.host, &*row.settings.discovery_prefix),
        ("fd00::1", "homeassistant")
    );
    assert_eq!(row.settings.tls, MqttTls::Pinned { fingerprint: "abcd".to_owned() });
}

#[tokio::test]
async fn what_was_saved_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.mqtt_get().await.unwrap(), None);
    store.mqtt_put(MqttRow::default()).await.unwrap();
    store.mqtt_put(kept()).await.unwrap();
    drop(store);
    assert_eq!(Store::open(&path).unwrap().mqtt_get().await.unwrap(), Some(kept()));
}
