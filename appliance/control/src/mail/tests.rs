//! What settings are kept, whom the password goes to, and what survives a restart.

use super::*;
use crate::health::{Facts, Notices};
use std::sync::atomic::{AtomicBool, Ordering};

const CANARY: &str = "canary4711canary";

fn put(change: impl FnOnce(&mut MailSettings), password: Option<&str>) -> MailPut {
    let mut settings = MailSettings {
        enabled: true,
        host: "mail.lan".to_owned(),
        user: "box".to_owned(),
        from: "box@mail.lan".to_owned(),
        to: vec!["ada@mail.lan".to_owned()],
        ..MailSettings::default()
    };
    change(&mut settings);
    MailPut { settings, password: password.map(str::to_owned) }
}

#[test]
fn a_password_stays_with_its_server_goes_to_no_other_and_into_no_log() {
    let kept = put(|_| {}, Some(CANARY)).over(&MailRow::default()).unwrap();
    let more = put(|settings| settings.to.push("bob@mail.lan".to_owned()), None);
    assert_eq!(more.over(&kept).unwrap().password, CANARY);
    type Change = fn(&mut MailSettings);
    let elsewhere: [Change; 5] = [
        |settings| settings.host = "evil.lan".to_owned(),
        |settings| settings.port = 25,
        |settings| settings.user = "other".to_owned(),
        |settings| settings.tls = MailTls::Off,
        |settings| settings.authority = "x".to_owned(),
    ];
    for change in elsewhere {
        let refused = put(change, None).over(&kept);
        assert!(matches!(refused, Err(MailError::PasswordAgain)), "{refused:?}");
        assert!(put(change, Some("new")).over(&kept).is_ok());
    }
    assert!(!format!("{kept:?} {:?}", put(|_| {}, Some(CANARY))).contains(CANARY));
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_field() {
    type Change = fn(&mut MailSettings);
    let wrong: [(&str, Change); 16] = [
        ("settings.host", |s| s.host = String::new()),
        ("settings.host", |s| s.host = "smtp://mail.lan".to_owned()),
        ("settings.port", |s| s.port = 0),
        ("settings.user", |s| s.user = "a\nb".to_owned()),
        ("settings.from", |s| s.from = String::new()),
        ("settings.from", |s| s.from = "box".to_owned()),
        ("settings.from", |s| s.from = "box@a@b".to_owned()),
        ("settings.to", |s| s.to = Vec::new()),
        ("settings.to", |s| s.to = vec!["ada@mail.lan\r\nBcc: eve@x".to_owned()]),
        ("settings.to", |s| s.to = vec!["<ada@mail.lan>".to_owned()]),
        ("settings.to", |s| s.to = vec!["ada..b@mail.lan".to_owned()]),
        ("settings.to", |s| s.to = vec!["ada.@mail.lan".to_owned()]),
        ("settings.to", |s| s.to = vec!["ada@mail..lan".to_owned()]),
        ("settings.to", |s| s.to = vec!["ada@mail-.lan".to_owned()]),
        ("settings.to", |s| s.to = vec!["a@b.lan".to_owned(); 21]),
        ("settings.authority", |s| s.authority = "a".repeat(70_000)),
    ];
    for (field, change) in wrong {
        let refused = put(change, Some("p")).over(&MailRow::default()).unwrap_err();
        assert_eq!(refused.field(), Some(field), "{refused}");
    }
    let nobody = put(|settings| settings.user = String::new(), Some("p"));
    assert!(matches!(nobody.over(&MailRow::default()), Err(MailError::Password)));
    assert!(
        MailPut { settings: MailSettings::default(), password: None }
            .over(&MailRow::default())
            .is_ok()
    );
}

/// A server that is there or not, and what it took.
#[derive(Default)]
struct Server {
    away: AtomicBool,
    taken: Mutex<Vec<String>>,
}

impl Postman for Server {
    fn check(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn send<'a>(
        &'a self,
        _: &'a MailRow,
        letter: Letter,
    ) -> Later<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            if self.away.load(Ordering::Relaxed) {
                return Err("421 come later".to_owned());
            }
            self.taken.lock().unwrap().push(letter.said.subject);
            Ok(None)
        })
    }
}

async fn mail(path: &std::path::Path, server: &Arc<Server>) -> (Arc<Health>, Arc<Mail>) {
    let (store, events) = (Arc::new(Store::open(path).unwrap()), Arc::<Events>::default());
    let identity = Arc::new(BoxIdentity::load(store.clone(), None, true).await.unwrap());
    let notices = Arc::new(Notices::load(path.with_extension("none"), None));
    let health = Health::load(store.clone(), events.clone(), notices).await.unwrap();
    let mail = Mail::load(store, events, identity, health.clone(), server.clone()).await.unwrap();
    (health, mail)
}

#[tokio::test]
async fn what_a_server_did_not_take_goes_after_a_restart_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, server) = (folder.path().join("box.db"), Arc::<Server>::default());
    let (health, one) = mail(&path, &server).await;
    let facts = |parked| Facts { films_parked: parked, ..Facts::default() };
    // Before mails are switched on nobody wants to hear of anything.
    health.look(Duration::ZERO, UnixMs(1), &Facts { fleet_cloned: true, ..facts(0) }).await;
    one.put(put(|_| {}, None)).await.unwrap();
    assert_eq!(one.send().await, Ok(false));
    server.away.store(true, Ordering::Relaxed);
    health.look(Duration::ZERO, UnixMs(2), &Facts { fleet_cloned: true, ..facts(3) }).await;
    assert_eq!(one.send().await, Err("421 come later".to_owned()));
    assert_eq!(one.trouble().as_deref(), Some("421 come later"));
    drop((health, one));

    let (_health, two) = mail(&path, &server).await;
    assert!(two.view().settings.enabled);
    server.away.store(false, Ordering::Relaxed);
    assert_eq!(two.send().await, Ok(true));
    assert_eq!(two.send().await, Ok(false));
    assert_eq!(*server.taken.lock().unwrap(), ["[Roombox] 3 films could not be made"]);
    assert_eq!(two.trouble(), None);
}

#[tokio::test]
async fn what_matters_less_than_wanted_is_passed_over_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let (path, server) = (folder.path().join("box.db"), Arc::<Server>::default());
    let (health, mail) = mail(&path, &server).await;
    mail.put(put(|settings| settings.least = Severity::Broken, None)).await.unwrap();
    health.look(Duration::ZERO, UnixMs(1), &Facts { films_parked: 1, ..Facts::default() }).await;
    assert_eq!(mail.send().await, Ok(false));
    mail.put(put(|_| {}, None)).await.unwrap();
    assert_eq!(mail.send().await, Ok(false));
    assert!(server.taken.lock().unwrap().is_empty());
}
