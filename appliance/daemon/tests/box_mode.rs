//! The daemon as the box's service: HTTPS of its own, a plain door that leads there, the screen's
//! text, and what systemd hears. Clients are curl and openssl.

#![allow(clippy::unwrap_used, reason = "what cannot be had has failed the test")]

mod running;
mod served;

use running::mode;
use served::{Served, curl};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How `openssl s_client` gets on with the box.
fn handshake(served: &Served, more: &[&str]) -> String {
    let authority = served.authority();
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &served.https, "-CAfile", authority.to_str().unwrap()])
        .args(["-verify_return_error", "-alpn", "h2,http/1.1"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn a_box_is_claimed_over_its_own_https_and_says_so_on_its_screen() {
    let served = Served::start(&[]);
    let claim = format!(
        r#"{{"code":"{}","name":"Ada","password":"correct horse battery"}}"#,
        served.claim_code()
    );
    let (head, body) = served.https("/api/v1/box", &[]);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.contains(r#""dev":false"#) && body.contains(r#""claimed":false"#), "{body}");
    assert!(!head.to_lowercase().contains("strict-transport-security"), "{head}");
    let json = ["-H", "content-type: application/json"];
    let origin = format!("origin: https://{}", served.https);
    let plain_origin = format!("origin: http://{}", served.https);
    let claim = ["-d", &claim];
    let (head, _) =
        served.https("/api/v1/claim", &[&json[..], &claim, &["-H", &plain_origin]].concat());
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let (head, body) =
        served.https("/api/v1/claim", &[&json[..], &claim, &["-H", &origin]].concat());
    assert!(head.starts_with("HTTP/1.1 201"), "{head}\n{body}");
    let cookie = head.lines().find(|line| line.starts_with("set-cookie")).unwrap();
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let text = served.console(|text| text.contains("has an owner"));
    assert!(!text.contains("claim#"), "{text}");
    // WebSockets pass: the event socket, with the session that was just opened.
    let session = cookie.split(": ").nth(1).unwrap().split(';').next().unwrap();
    let upgrade = [
        "-H",
        "connection: upgrade",
        "-H",
        "upgrade: websocket",
        "-H",
        "sec-websocket-version: 13",
        "-H",
        "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==",
        "--max-time",
        "2",
        "-b",
        session,
        "-H",
        &origin,
        "--http1.1",
    ];
    let (head, _) = served.https("/api/v1/events", &upgrade);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // The key that everybody knows opens nothing here; LiveKit clients may come from any page.
    let (head, _) = served.https("/rtc/validate?access_token=x", &["-H", "origin: https://else"]);
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    assert!(head.to_lowercase().contains("access-control-allow-origin: *"), "{head}");
    let log = served.running.kill();
    assert!(!log.contains("correct horse") && log.contains("the box was claimed"), "{log}");
}

#[test]
fn without_encryption_there_is_only_the_way_to_https() {
    let served = Served::start(&[]);
    let at = |path: &str| format!("http://{}{path}", served.http);
    for path in ["/api/v1/box", "/panel/", "/rtc", "/healthz", "/twirp/livekit.RoomService/x"] {
        let (head, _) = curl(&[&at(path)]);
        assert!(head.starts_with("HTTP/1.1 307"), "{path}: {head}");
        let there = format!("location: https://{}{path}", served.https);
        assert!(head.contains(&there), "{path}: {head}");
    }
    let (head, page) = curl(&[&at("/"), "-H", "accept: text/html"]);
    assert!(head.starts_with("HTTP/1.1 200") && page.contains("/ca.crt"), "{head}");
    // People compare what the page shows with what the screen shows.
    let screen = served.console(|text| text.contains("SHA-256"));
    let shown = screen.split("SHA-256 ").nth(1).unwrap().split_whitespace();
    let shown: String = shown.take(2).collect();
    assert!(shown.len() == 95 && page.contains(&shown), "{shown}");
}

#[test]
fn clients_of_this_decade_agree_with_the_box_and_others_do_not() {
    let served = Served::start(&[]);
    // Arguments of openssl, and whether it and the box agree.
    for (arguments, agree) in [
        (&["-tls1_3", "-verify_ip", "127.0.0.1"][..], true),
        (&["-tls1_2", "-verify_ip", "127.0.0.1"], true),
        (&["-servername", "roombox.local", "-verify_hostname", "roombox.local"], true),
        (&["-verify_hostname", "example.com"], false),
        (&["-verify_ip", "8.8.8.8"], false),
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-SHA:AES128-SHA256"], false),
    ] {
        let said = handshake(&served, arguments);
        let agreed =
            said.contains("Verify return code: 0 (ok)") && !said.contains("Cipher is (NONE)");
        assert_eq!(agreed, agree, "{arguments:?}: {said}");
        assert!(!agree || said.contains("ALPN protocol: http/1.1"), "{arguments:?}: {said}");
    }
    let authority = served.authority();
    let text = Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in", authority.to_str().unwrap()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for said in [
        "Name Constraints: critical",
        "DNS:local",
        "IP:192.168.0.0/255.255.0.0",
        "CA:TRUE, pathlen:0",
        "TLS Web Server Authentication",
        "ASN1 OID: prime256v1",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("IP:0.0.0.0"), "{text}");
}

#[test]
fn id_and_certificates_last_and_are_for_the_boxs_user_alone() {
    let served = Served::start(&[]);
    let id = |served: &Served| {
        let body = served.https("/api/v1/box", &[]).1;
        body.split(r#""id":""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let files = |folder: &Path| -> HashMap<String, Vec<u8>> {
        fs::read_dir(folder.join("data/secrets"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
            .collect()
    };
    let (first, kept) = (id(&served), files(served.folder.path()));
    assert_eq!(kept.len(), 5, "{:?}", kept.keys());
    for path in kept.keys() {
        assert_eq!(mode(Path::new(path)), 0o600, "{path}");
    }
    assert_eq!(mode(&served.folder.path().join("data/secrets")), 0o700);
    assert_eq!(mode(&served.folder.path().join("console.txt")), 0o600);
    let Served { running, folder, .. } = served;
    running.kill();
    let again = Served::start_in(folder, &[]);
    assert_eq!((id(&again), files(again.folder.path())), (first.clone(), kept));
    assert!(again.console(|_| true).contains("claim#"));
    // The database is lost, the key is not: the same box.
    let Served { running, folder, .. } = again;
    running.kill();
    for name in ["roombox.db", "roombox.db-wal", "roombox.db-shm"] {
        fs::remove_file(folder.path().join("data").join(name)).unwrap_or_default();
    }
    assert_eq!(id(&Served::start_in(folder, &[])), first);
}

#[test]
fn systemd_hears_that_the_box_is_ready_lives_and_stops() {
    let mut served = Served::start(&[]);
    let ready = served.told();
    assert!(ready.starts_with("READY=1\nSTATUS=https://127.0.0.1:"), "{ready}");
    assert!(!ready.contains(&served.claim_code()), "{ready}");
    while served.told() != "WATCHDOG=1" {}
    let pid = rustix::process::Pid::from_child(&served.running.process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    while !served.told().starts_with("STOPPING=1") {}
    assert!(served.running.process.wait().unwrap().success());
}
