//! The life of a box: told who it is before anybody saw it, looked at by its image, erased again.

#![allow(clippy::unwrap_used, reason = "what cannot be had has failed the test")]

mod running;
mod served;

use running::{ROOMBOXD, mode};
use serde_json::Value;
use served::Served;
use std::fs;
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "canary horse battery";
const JSON: [&str; 2] = ["-H", "content-type: application/json"];

/// A box's folder in which the image has put a file.
fn told(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let provision = folder.path().join("data/provision");
    fs::create_dir_all(&provision).unwrap();
    fs::write(provision.join("pending.toml"), text).unwrap();
    folder
}

fn result(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("data/provision/result.json")).unwrap();
    assert!(!text.contains("canary"), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_file_from_the_stick_makes_the_owner_and_its_secrets_are_nowhere_but_in_the_hash() {
    let file = format!(
        "[box]\nname = \"Hall 3\"\n[owner]\nname = \"Ada\"\npassword = \"{PASSWORD}\"\n\
         [meeting]\nmax_participants = 40\n"
    );
    let served = Served::start_in(told(&file), &[]);
    let screen = served.console(|text| text.contains("Hall 3"));
    assert!(screen.contains("has an owner") && screen.contains("was applied"), "{screen}");
    let provision = served.folder.path().join("data/provision");
    assert!(!provision.join("pending.toml").exists());
    assert_eq!(mode(&provision.join("result.json")), 0o600);
    let answer = result(served.folder.path());
    assert_eq!((&answer["outcome"], &answer["schema"]), (&"applied".into(), &1.into()));
    let login = format!(r#"{{"password":"{PASSWORD}"}}"#);
    let (head, _) = served.https("/api/v1/session", &[&JSON[..], &["-d", &login]].concat());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let Served { running, folder, .. } = served;
    let log = running.kill();
    assert!(log.contains("a roombox.toml was applied") && !log.contains("canary"), "{log}");
    let grep = Command::new("grep").args(["-rlaF", PASSWORD]).arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "");
}

#[test]
fn a_file_that_will_not_do_leaves_the_box_as_it_was_and_says_why_on_the_screen() {
    let file =
        format!("[owner]\nname = \"Ada\"\npassword = \"{PASSWORD}\"\npasword = \"canary\"\n");
    let served = Served::start_in(told(&file), &[]);
    let screen = served.console(|text| text.contains("Note"));
    assert!(screen.contains("refused: line 4") && screen.contains("claim#"), "{screen}");
    assert!(!screen.contains("canary"), "{screen}");
    let answer = result(served.folder.path());
    assert_eq!(
        (&answer["outcome"], &answer["messages"][0]["line"]),
        (&"refused".into(), &4.into())
    );
    assert!(!served.running.kill().contains("canary"));
}

#[test]
fn an_owner_decides_about_a_file_and_erases_the_box_only_on_purpose() {
    let served = Served::start(&[]);
    let claim = format!(
        r#"{{"code":"{}","name":"Eve","password":"correct horse battery"}}"#,
        served.claim_code()
    );
    served.https("/api/v1/claim", &[&JSON[..], &["-d", &claim]].concat());
    let Served { running, folder, .. } = served;
    running.kill();
    let provision = folder.path().join("data/provision");
    fs::create_dir_all(&provision).unwrap();
    fs::write(provision.join("pending.toml"), "[box]\nname = \"Hall 3\"\n").unwrap();
    let run = folder.path().join("run");
    let served = Served::start_in(folder, &["--run", run.to_str().unwrap()]);
    assert_eq!(result(served.folder.path())["outcome"], "waiting-for-owner");
    let login = r#"{"password":"correct horse battery"}"#;
    let (head, _) = served.https("/api/v1/session", &[&JSON[..], &["-d", login]].concat());
    let cookie = head.lines().find(|line| line.starts_with("set-cookie")).unwrap();
    let session = cookie.split(": ").nth(1).unwrap().split(';').next().unwrap();
    let ask = |path: &str, more: &[&str]| {
        let (head, body) = served.https(path, &[&["-b", session], &JSON[..], more].concat());
        (head[9..12].to_owned(), body)
    };
    let (status, waiting) = ask("/api/v1/provisioning", &[]);
    assert_eq!(status, "200");
    let change = r#"{"key":"box.name","line":2,"now":"\"Roombox\"","wanted":"\"Hall 3\""#;
    assert!(waiting.contains(change), "{waiting}");
    assert_eq!(ask("/api/v1/provisioning", &["-X", "POST"]).0, "204");
    assert!(ask("/api/v1/box", &[]).1.contains(r#""name":"Hall 3""#));
    assert_eq!(ask("/api/v1/provisioning", &["-X", "POST"]).0, "404");
    assert_eq!(result(served.folder.path())["outcome"], "applied");
    // Name, password, whether somebody listens; status.
    for (name, password, listens, status) in [
        ("Roombox", "correct horse battery", true, "422"),
        ("Hall 3", "wrong horse battery", true, "401"),
        ("Hall 3", "correct horse battery", false, "501"),
        ("Hall 3", "correct horse battery", true, "202"),
    ] {
        match listens {
            true => fs::create_dir_all(&run).unwrap(),
            false => fs::remove_dir_all(&run).unwrap(),
        }
        let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let (got, said) = ask("/api/v1/box/reset", &["-d", &body]);
        assert_eq!(got, status, "{said}");
        assert_eq!(run.join("reset-requested").exists(), status == "202");
    }
    assert!(!served.running.kill().contains("correct horse"));
}

#[test]
fn a_box_that_meets_and_records_is_healthy_and_nobody_sees_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("health.sock");
    let health = || {
        let socket = socket.to_str().unwrap();
        let output = Command::new(ROOMBOXD).args(["health", "--socket", socket]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report)
    };
    assert_eq!(health(), (Some(1), Value::Null));
    let served = Served::start(&["--health", socket.to_str().unwrap()]);
    let (code, report) = health();
    let check = |name: &str| {
        let all = report["checks"].as_array().unwrap();
        all.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    for name in ["shards", "api", "loopback"] {
        assert_eq!(check(name)["ok"], true, "{report:#}");
    }
    // The worker is another package's program: there after a whole build.
    let worker = Path::new(ROOMBOXD).with_file_name("roombox-media");
    assert_eq!(check("encoders")["ok"], worker.is_file(), "{report:#}");
    assert_eq!(
        (code, &report["healthy"]),
        (Some(i32::from(!worker.is_file())), &worker.is_file().into())
    );
    assert_eq!(mode(&socket), 0o660);
    assert!(!served.folder.path().join("data/health").exists());
    assert_eq!(fs::read_dir(served.folder.path().join("data/recordings")).unwrap().count(), 0);
    let log = served.running.kill();
    assert!(!log.contains("room opened") && !log.contains("participant is active"), "{log}");
}
