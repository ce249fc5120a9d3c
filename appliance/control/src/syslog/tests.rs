//! What reaches a server that comes and goes, also over a restart.

use super::*;
use crate::audit::Noted;
use crate::logs::{LogLevel, LogLine};
use std::sync::atomic::{AtomicBool, Ordering};

/// A server that is there or not, and what it got.
#[derive(Default)]
struct Server {
    away: AtomicBool,
    got: Mutex<Vec<String>>,
}

struct End(Arc<Server>);

impl WireEnd for End {
    fn send<'a>(&'a mut self, message: &'a str) -> Later<'a, Result<(), String>> {
        Box::pin(async move {
            if self.0.away.load(Ordering::Relaxed) {
                return Err("gone".to_owned());
            }
            self.0.got.lock().unwrap().push(message.to_owned());
            Ok(())
        })
    }
}

struct Way(Arc<Server>);

impl Wire for Way {
    fn check(&self, _: &SyslogSettings) -> Result<(), String> {
        Ok(())
    }

    fn connect<'a>(&'a self, _: &'a SyslogSettings) -> Later<'a, Result<Box<dyn WireEnd>, String>> {
        Box::pin(async move { Ok(Box::new(End(self.0.clone())) as Box<dyn WireEnd>) })
    }
}

async fn syslog(path: &std::path::Path, server: &Arc<Server>) -> Arc<Syslog> {
    let store = Arc::new(Store::open(path).unwrap());
    let identity = Arc::new(BoxIdentity::load(store.clone(), None, true).await.unwrap());
    let (book, way) = (Arc::<LogBook>::default(), Arc::new(Way(server.clone())));
    Syslog::load(store, Arc::default(), identity, book, way).await.unwrap()
}

fn on() -> SyslogSettings {
    SyslogSettings { enabled: true, host: "logs.lan".to_owned(), ..SyslogSettings::default() }
}

fn noted(action: &str) -> Noted {
    let [person, name, token, from, subject, detail] = [(); 6].map(|()| String::new());
    let (action, result) = (action.to_owned(), "ok".to_owned());
    Noted { person, name, token, from, action, subject, detail, result, skipped: 0 }
}

fn line(level: LogLevel, text: &str) -> LogLine {
    let (target, text) = ("x".to_owned(), text.to_owned());
    LogLine { at: UnixMs(1), level, target, text, fields: Vec::new() }
}

#[tokio::test]
async fn rows_that_a_server_did_not_take_go_after_a_restart_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, server) = (folder.path().join("box.db"), Arc::<Server>::default());
    let one = syslog(&path, &server).await;
    one.store.audit_append(noted("before"), 1).await.unwrap();
    one.put(on()).await.unwrap();
    one.store.audit_append(noted("first"), 2).await.unwrap();
    assert_eq!(one.rows(&mut End(server.clone())).await, Ok(1), "from now on");
    server.away.store(true, Ordering::Relaxed);
    one.store.audit_append(noted("second"), 3).await.unwrap();
    assert_eq!(one.rows(&mut End(server.clone())).await, Err("gone".to_owned()));
    drop(one);
    server.away.store(false, Ordering::Relaxed);
    let two = syslog(&path, &server).await;
    assert_eq!(two.rows(&mut End(server.clone())).await, Ok(1));
    assert_eq!(two.rows(&mut End(server.clone())).await, Ok(0));
    let got = server.got.lock().unwrap();
    let seen: Vec<bool> = ["before", "first", "second"]
        .map(|action| got.iter().any(|text| text.contains(&format!("action=\"{action}\""))))
        .to_vec();
    assert_eq!((seen, got.len()), (vec![false, true, true], 2));
}

#[tokio::test]
async fn lines_of_the_chosen_level_go_and_the_server_learns_how_many_were_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::<Server>::default();
    let syslog = syslog(&folder.path().join("box.db"), &server).await;
    let settings = SyslogSettings { level: Some(LogLevel::Warn), ..on() };
    let (mut next, mut unsaid) = (0, 0);
    for n in 0..5000 {
        syslog.book.add(line(LogLevel::Warn, &format!("number {n}")));
    }
    syslog.book.add(line(LogLevel::Info, "quiet"));
    let mut end = End(server.clone());
    server.away.store(true, Ordering::Relaxed);
    assert!(syslog.lines(&mut end, &settings, &mut next, &mut unsaid).await.is_err());
    server.away.store(false, Ordering::Relaxed);
    while next < syslog.book.next() {
        syslog.lines(&mut end, &settings, &mut next, &mut unsaid).await.unwrap();
    }
    let got = server.got.lock().unwrap().clone();
    assert!(got[0].contains("missed=\"905\"") && got[0].contains("905 lines"), "{}", got[0]);
    assert!(got[1].ends_with("] number 905") && got.last().unwrap().ends_with("] number 4999"));
    assert_eq!(got.len(), 1 + 4095);
    assert_eq!(syslog.view().outcome.missed, 905);
    let none = SyslogSettings { level: None, ..on() };
    syslog.book.add(line(LogLevel::Error, "loud"));
    assert_eq!(syslog.lines(&mut end, &none, &mut next, &mut unsaid).await, Ok(0));
    assert_eq!(next, syslog.book.next());
}
