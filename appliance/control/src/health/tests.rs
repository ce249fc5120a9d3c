//! What is an alarm, when it is raised and cleared, and what a restart makes of it.

use super::*;
use crate::backup::{GivenUpRestore, RestoreAs, RestoreNote};
use crate::certificates::CertificateState;
use crate::certificates::RenewedKeys;
use crate::retention::Doubt;
use crate::status::{Disk, ShardSample};
use std::collections::BTreeSet;

const GB: u64 = 1_000_000_000;

fn disk(free: u64) -> Facts {
    let disk =
        Disk { total_bytes: 100 * GB, free_bytes: free, reserve_bytes: 10 * GB, ..Disk::default() };
    Facts { disk, ..Facts::default() }
}

fn kinds(facts: &Facts, open: &[&str]) -> Vec<AlarmKind> {
    let found = conditions(facts, &|key| open.contains(&key));
    found.into_iter().map(|condition| condition.kind).collect()
}

fn outlet(error: Option<&str>, given_up: u64) -> Outlet {
    let error = error.map(str::to_owned);
    Outlet { id: "tgt_1".to_owned(), name: "nas".to_owned(), error, given_up }
}

#[test]
fn a_box_of_which_nothing_is_known_is_fine() {
    assert_eq!(kinds(&Facts::default(), &[]), []);
    assert_eq!(kinds(&disk(50 * GB), &[]), []);
}

#[test]
fn a_disk_must_get_better_by_a_margin_before_it_is_well() {
    let near = [AlarmKind::DiskNearlyFull];
    assert_eq!(kinds(&disk(20 * GB), &[]), []);
    assert_eq!(kinds(&disk(20 * GB - 1), &[]), near);
    assert_eq!(kinds(&disk(10 * GB), &[]), near);
    assert_eq!(kinds(&disk(10 * GB - 1), &[]), [AlarmKind::DiskFull]);
    assert_eq!(kinds(&disk(24 * GB), &["disk_nearly_full"]), near);
    assert_eq!(kinds(&disk(25 * GB), &["disk_nearly_full"]), []);
    assert_eq!(kinds(&disk(10 * GB), &["disk_full"]), [AlarmKind::DiskFull]);
    assert_eq!(kinds(&disk(11 * GB), &["disk_full"]), near);
}

#[test]
fn a_processor_must_cool_down_before_it_is_well() {
    let warm = |celsius| Facts { temperature_c: Some(celsius), ..Facts::default() };
    assert_eq!(kinds(&warm(84.0), &[]), []);
    assert_eq!(kinds(&warm(85.0), &[]), [AlarmKind::TooWarm]);
    assert_eq!(kinds(&warm(80.0), &["too_warm"]), [AlarmKind::TooWarm]);
    assert_eq!(kinds(&warm(77.0), &["too_warm"]), []);
}

#[test]
fn each_trouble_has_its_alarm() {
    let some = || Some("why".to_owned());
    let busy = ShardSample { cpu_percent: 99.0, ..ShardSample::default() };
    let late = ShardSample { longest_turn_us: 300_000, ..ShardSample::default() };
    let (end, none) = (UnixMs(1), Facts::default);
    let mended = |as_of| {
        let note = serde_json::json!({
            "at": end, "why": "why", "as_of": as_of, "kept_in": "x", "owned": true, "people": 1, "rooms": 1,
            "recordings": 0,
        });
        let mended = Some(serde_json::from_value(note).unwrap());
        Facts { notices: Standing { mended, ..Standing::default() }, ..none() }
    };
    let keys = Standing { keys: Some(RenewedKeys::default()), ..Standing::default() };
    let note = RestoreNote {
        at: end,
        box_name: "Hall".to_owned(),
        made_at: end,
        restored_as: RestoreAs::Itself,
        undone: false,
    };
    let restore = Some(GivenUpRestore { note, why: "full".to_owned() });
    let restore = Standing { restore, ..Standing::default() };
    let table: [(Facts, AlarmKind); 29] = [
        (mended(Some(end)), AlarmKind::DatabaseReplaced),
        (mended(None), AlarmKind::DatabaseLost),
        (Facts { notices: keys, ..none() }, AlarmKind::KeysRenewed),
        (Facts { notices: restore, ..none() }, AlarmKind::RestoreGivenUp),
        (Facts { backups_failed: vec![outlet(Some("no"), 0)], ..none() }, AlarmKind::BackupFailed),
        (Facts { backups_old: vec![(outlet(None, 0), None)], ..none() }, AlarmKind::BackupOld),
        (Facts { clock: Some(Doubt::Unset), ..none() }, AlarmKind::ClockUnset),
        (Facts { clock: Some(Doubt::Jumped), ..none() }, AlarmKind::ClockJumped),
        (
            Facts { certificate: Some((CertificateState::Ending, end)), ..none() },
            AlarmKind::CertificateEnding,
        ),
        (
            Facts { certificate: Some((CertificateState::Ended, end)), ..none() },
            AlarmKind::CertificateEnded,
        ),
        (Facts { renewal: some(), ..none() }, AlarmKind::CertificateNotRenewed),
        (Facts { targets: vec![outlet(Some("no"), 0)], ..none() }, AlarmKind::TargetFailing),
        (Facts { targets: vec![outlet(None, 2)], ..none() }, AlarmKind::TargetGivenUp),
        (Facts { drops: 1, ..none() }, AlarmKind::RecordingDamaged),
        (Facts { films_parked: 1, ..none() }, AlarmKind::FilmsParked),
        (Facts { encoders: vec![outlet(None, 0)], ..none() }, AlarmKind::EncoderOff),
        (Facts { shards: vec![busy], ..none() }, AlarmKind::MediaOverloaded),
        (Facts { shards: vec![late], ..none() }, AlarmKind::MediaOverloaded),
        (Facts { fleet_failed: some(), ..none() }, AlarmKind::FleetFailed),
        (Facts { fleet_cut: some(), ..none() }, AlarmKind::FleetCut),
        (Facts { fleet_cloned: true, ..none() }, AlarmKind::FleetCloned),
        (Facts { fleet_clocks_s: Some(300), ..none() }, AlarmKind::FleetClocks),
        (Facts { fleet_refused: 1, ..none() }, AlarmKind::FleetRefused),
        (Facts { webhooks: vec![outlet(Some("no"), 0)], ..none() }, AlarmKind::WebhooksFailing),
        (Facts { mqtt: some(), ..none() }, AlarmKind::MqttAway),
        (Facts { mail: some(), ..none() }, AlarmKind::MailFailing),
        (Facts { syslog: some(), ..none() }, AlarmKind::SyslogAway),
        (Facts { setback: some(), ..none() }, AlarmKind::UpdateSetback),
        (Facts { audit: some(), ..none() }, AlarmKind::AuditBroken),
    ];
    let mut seen: BTreeSet<AlarmKind> =
        [AlarmKind::DiskFull, AlarmKind::DiskNearlyFull, AlarmKind::TooWarm].into();
    for (facts, kind) in table {
        assert_eq!(kinds(&facts, &[]), [kind]);
        seen.insert(kind);
    }
    assert_eq!(seen, KINDS.into(), "a kind that nothing raises");
}

#[test]
fn every_kind_says_what_why_and_what_to_do_and_has_a_name_and_a_page() {
    let figures = Figures { name: Some("nas".to_owned()), ..Figures::default() };
    let mut names = BTreeSet::new();
    for kind in KINDS {
        let said = words(kind, &figures);
        for text in [&*said.what, said.cause, said.remedy] {
            assert!(text.len() > 10, "{kind:?}: {text}");
        }
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert!(kind.page().starts_with('/'));
        assert!(names.insert(kind.name()));
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cut() -> Vec<Condition> {
    conditions(&Facts { fleet_cut: Some("away".to_owned()), ..Facts::default() }, &|_| false)
}

#[test]
fn what_mends_itself_in_time_is_no_alarm() {
    let mut ledger = Ledger::default();
    let now = UnixMs(1_000);
    assert_eq!(ledger.look(s(0), now, &cut()), []);
    assert_eq!(ledger.look(s(119), now, &cut()), []);
    assert_eq!(ledger.look(s(119), now, &[]), []);
    // From the beginning again.
    assert_eq!(ledger.look(s(121), now, &cut()), []);
    assert_eq!(ledger.look(s(240), now, &cut()), []);
    let raised = ledger.look(s(241), UnixMs(5_000), &cut());
    assert!(
        matches!(&raised[..], [Change::Raised(alarm)] if alarm.since == UnixMs(5_000)),
        "{raised:?}"
    );
    assert_eq!(ledger.look(s(300), now, &cut()), [], "told once");
}

#[test]
fn an_alarm_that_comes_back_at_once_is_the_same_and_one_that_stays_away_is_over() {
    let mut ledger = Ledger::default();
    let full = conditions(&disk(1), &|_| false);
    let raised = ledger.look(s(0), UnixMs(1), &full);
    let [Change::Raised(alarm)] = &raised[..] else { panic!("{raised:?}") };
    assert_eq!(ledger.look(s(10), UnixMs(2), &[]), []);
    assert_eq!(ledger.look(s(19), UnixMs(3), &[]), []);
    assert_eq!(ledger.look(s(19), UnixMs(4), &full), [], "it flaps");
    assert_eq!(ledger.look(s(30), UnixMs(5), &[]), []);
    let cleared = ledger.look(s(40), UnixMs(6), &[]);
    let [Change::Cleared(over)] = &cleared[..] else { panic!("{cleared:?}") };
    assert_eq!((&over.id, over.cleared_at), (&alarm.id, Some(UnixMs(6))));
    assert!(ledger.open().is_empty());
    let again = ledger.look(s(50), UnixMs(7), &full);
    assert!(matches!(&again[..], [Change::Raised(new)] if new.id != alarm.id), "{again:?}");
}

#[test]
fn what_nobody_knows_yet_ends_no_alarm() {
    let mut ledger = Ledger::default();
    let failing = Facts { mail: Some("away".to_owned()), ..Facts::default() };
    let failing = conditions(&failing, &|_| false);
    ledger.look(s(0), UnixMs(1), &failing);
    ledger.look(s(600), UnixMs(1), &failing);
    let stood = ledger.open();
    assert_eq!(stood.len(), 1);
    let mut ledger = Ledger::of(stood);
    ledger.unknown = vec![AlarmKind::MailFailing];
    assert_eq!(ledger.look(s(0), UnixMs(2), &[]), []);
    assert_eq!(ledger.look(s(3600), UnixMs(3), &[]), []);
    ledger.unknown.clear();
    assert_eq!(ledger.look(s(3601), UnixMs(4), &[]), []);
    assert_eq!(ledger.look(s(7200), UnixMs(5), &[]).len(), 1);
}

#[test]
fn figures_follow_while_the_alarm_stays_the_same() {
    let mut ledger = Ledger::default();
    ledger.look(s(0), UnixMs(1), &conditions(&disk(9 * GB), &|_| false));
    let id = ledger.open()[0].id.clone();
    assert_eq!(ledger.look(s(1), UnixMs(2), &conditions(&disk(3 * GB), &|_| true)), []);
    let open = ledger.open();
    assert_eq!((&open[0].id, open[0].figures.bytes), (&id, Some(3 * GB)));
    assert!(open[0].what.contains("3.0 GB"), "{}", open[0].what);
}

#[test]
fn the_worst_and_oldest_stand_first() {
    let mut ledger = Ledger::default();
    let one = |facts: Facts| conditions(&facts, &|_| false);
    let parked = one(Facts { films_parked: 1, ..Facts::default() });
    let both = one(Facts { films_parked: 1, fleet_cloned: true, ..Facts::default() });
    let all = one(Facts { films_parked: 1, fleet_cloned: true, drops: 1, ..Facts::default() });
    for (n, found) in [parked, both, all].iter().enumerate() {
        ledger.look(s(n as u64), UnixMs(n as u64 + 1), found);
    }
    let order: Vec<AlarmKind> = ledger.open().iter().map(|alarm| alarm.kind).collect();
    assert_eq!(
        order,
        [AlarmKind::FleetCloned, AlarmKind::RecordingDamaged, AlarmKind::FilmsParked]
    );
}

async fn health(path: &std::path::Path) -> Arc<Health> {
    let notices = Arc::new(Notices::load(path.parent().unwrap().to_owned(), None));
    Health::load(Arc::new(Store::open(path).unwrap()), Arc::default(), notices).await.unwrap()
}

#[tokio::test]
async fn what_happened_at_a_start_stands_until_somebody_has_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, data) = (folder.path().join("box.db"), folder.path());
    let note = serde_json::json!({
        "at": UnixMs(9_000), "why": "page 7", "as_of": UnixMs(1_000), "kept_in": "damaged/x", "owned": true,
        "people": 1, "rooms": 1, "recordings": 0,
    });
    std::fs::write(data.join("mended.json"), note.to_string()).unwrap();
    std::fs::create_dir(data.join("secrets")).unwrap();
    for file in ["ca.key", "box.key"] {
        RenewedKeys::note(&data.join("secrets"), file, UnixMs(5_000)).unwrap();
    }
    let facts = |health: &Health| Facts { notices: health.notices.look(), ..Facts::default() };
    let one = health(&path).await;
    one.look(s(0), UnixMs(9_000), &facts(&one)).await;
    let kinds: Vec<AlarmKind> = one.open().iter().map(|alarm| alarm.kind).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    let of = |health: &Health, kind| health.open().into_iter().find(|alarm| alarm.kind == kind);
    let mended = of(&one, AlarmKind::DatabaseReplaced).unwrap();
    assert!(
        mended.what.contains("1970-01-01 00:00") && mended.what.contains("page 7"),
        "{}",
        mended.what
    );
    assert!(mended.cause.contains("removed may be there again"), "{}", mended.cause);
    let keys = of(&one, AlarmKind::KeysRenewed).unwrap();
    assert!(keys.what.contains("box.key, ca.key"), "{}", keys.what);
    drop(one);
    // Nobody has looked yet: the next start does not forget it.
    let two = health(&path).await;
    two.look(s(0), UnixMs(9_001), &facts(&two)).await;
    assert_eq!(of(&two, AlarmKind::DatabaseReplaced).unwrap().id, mended.id);
    for id in [&mended.id, &keys.id] {
        two.acknowledge(id, "Ada").await.unwrap();
    }
    two.look(s(2), UnixMs(9_002), &facts(&two)).await;
    assert!(two.open().is_empty(), "{:?}", two.open());
    drop(two);
    let three = health(&path).await;
    assert_eq!(facts(&three), Facts::default());
    // Where the box began anew stays known to the next start.
    assert!(crate::spares::told(data).unwrap().seen);
}

#[tokio::test]
async fn a_restart_raises_nothing_anew_and_forgets_no_acknowledgement() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.db");
    let one = health(&path).await;
    one.look(s(0), UnixMs(1), &disk(1)).await;
    let id = one.open()[0].id.clone();
    assert_eq!(one.view().await.unwrap().state, HealthState::Broken);
    let seen = one.acknowledge(&id, "Ada").await.unwrap();
    assert_eq!(seen.acknowledged_by.as_deref(), Some("Ada"));
    assert_eq!(one.acknowledge(&id, "Eve").await.unwrap().acknowledged_by.as_deref(), Some("Ada"));
    assert!(one.acknowledge("alm_none", "Ada").await.is_err());
    assert_eq!(one.view().await.unwrap().state, HealthState::Fine, "nobody need be told again");
    drop(one);

    let two = health(&path).await;
    let news = two.watch();
    two.look(s(0), UnixMs(2), &disk(1)).await;
    assert!(!news.has_changed().unwrap(), "nothing is new");
    assert_eq!(two.open()[0].acknowledged_by.as_deref(), Some("Ada"));
    two.look(s(1), UnixMs(3), &disk(50 * GB)).await;
    two.look(s(11), UnixMs(4), &disk(50 * GB)).await;
    let view = two.view().await.unwrap();
    assert!(view.items.is_empty() && view.checks.len() == KINDS.len());
    assert_eq!((&view.history[0].id, view.history[0].cleared_at), (&id, Some(UnixMs(4))));
    let news = two.store.alarm_news(0, 10).await.unwrap();
    let kinds: Vec<NewsKind> = news.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [NewsKind::Raised, NewsKind::Cleared]);
    assert_eq!(two.store.alarm_news_newest().await.unwrap(), news[1].seq);
}

#[tokio::test]
async fn what_cannot_be_kept_is_kept_in_order_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let box_health = health(&folder.path().join("box.db")).await;
    let mut news = box_health.watch();
    box_health.store.alarm_refuse(true).await.unwrap();
    box_health.look(s(0), UnixMs(1), &disk(1)).await;
    box_health.look(s(1), UnixMs(2), &disk(50 * GB)).await;
    box_health.look(s(11), UnixMs(3), &disk(50 * GB)).await;
    assert!(!news.has_changed().unwrap(), "nobody can be told of what is not kept");
    box_health.store.alarm_refuse(false).await.unwrap();
    box_health.look(s(12), UnixMs(4), &disk(50 * GB)).await;
    assert!(news.has_changed().unwrap());
    news.mark_unchanged();
    let kept = box_health.store.alarm_news(0, 10).await.unwrap();
    let kinds: Vec<NewsKind> = kept.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [NewsKind::Raised, NewsKind::Cleared]);
    box_health.look(s(13), UnixMs(5), &disk(50 * GB)).await;
    assert!(!news.has_changed().unwrap(), "and once");
}
