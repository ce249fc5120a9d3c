//! The life of a box: told who it is before anybody saw it, looked at by its image, erased again.

#![allow(clippy::unwrap_used, reason = "what cannot be had has failed the test")]

mod running;
mod served;

use running::{ROOMBOXD, mode};
use serde_json::{Value, json};
use served::Served;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

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
    let socket_name = socket.to_str().unwrap();
    let health = |more: &[&str]| {
        let command = ["health", "--socket", socket_name];
        let output = Command::new(ROOMBOXD).args(command).args(more).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = health(&[]);
    assert!(code == Some(1) && said.contains("no daemon answers"), "{said}");
    let served = Served::start(&["--health", socket_name]);
    let (code, report) = health(&["--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
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

#[test]
fn health_is_said_in_a_line_for_each_check_that_failed_or_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("health.sock");
    let daemon = UnixListener::bind(&socket).unwrap();
    let check = |name: &str, ok: bool| json!({ "name": name, "ok": ok, "detail": "no\nroom" });
    let report =
        |ok| json!({ "healthy": ok, "checks": [check("api", true), check("loopback", ok)] });
    let (sick, well) = (report(false), report(true));
    for (report, more, code, says) in [
        (&sick, &[][..], 1, "loopback: no room\n".to_owned()),
        (&well, &[], 0, "healthy\n".to_owned()),
        (&sick, &["--json"], 1, format!("{sick:#}\n")),
        (&well, &["--json"], 0, format!("{well:#}\n")),
    ] {
        let mut asked = Command::new(ROOMBOXD);
        let asked = asked.arg("health").arg("--socket").arg(&socket).args(more);
        let asked = asked.stdout(Stdio::piped()).spawn().unwrap();
        daemon.accept().unwrap().0.write_all(report.to_string().as_bytes()).unwrap();
        let answer = asked.wait_with_output().unwrap();
        let said = String::from_utf8(answer.stdout).unwrap();
        assert_eq!((answer.status.code(), said), (Some(code), says), "{more:?}");
    }
}

#[test]
fn a_box_that_cannot_start_says_why_to_whoever_asks_for_its_health() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("health.sock");
    let socket = socket.to_str().unwrap();
    let health = || {
        let asked = Command::new(ROOMBOXD).args(["health", "--socket", socket]).output().unwrap();
        (asked.status.code(), String::from_utf8(asked.stderr).unwrap())
    };
    let in_the_way = folder.path().join("data/roombox.db");
    fs::create_dir_all(&in_the_way).unwrap();
    let started = Command::new(ROOMBOXD)
        .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--udp", "0", "--tcp", "0"])
        .args(["--shards", "1"])
        .args(["--health", socket, "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    let (code, said) = health();
    assert!(code == Some(1) && said.contains("did not start: cannot open the database"), "{said}");
    // What has gone by is not said again.
    fs::remove_dir(&in_the_way).unwrap();
    let served = Served::start_in(folder, &["--health", socket]);
    let Served { running, folder: _folder, .. } = served;
    running.kill();
    let (code, said) = health();
    assert!(code == Some(1) && said.contains("no daemon answers"), "{said}");
}
