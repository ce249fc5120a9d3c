//! Starting the real daemon: what it refuses and how it says so, and what it leaves on the disk.

#![allow(clippy::unwrap_used, reason = "what cannot be had has failed the test")]

mod running;

use running::{ROOMBOXD, Running, mode};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const NOBODY: u32 = 65_534;

/// The daemon with these arguments, on free ports where they name none.
fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(ROOMBOXD);
    command.arg("--dev").arg("--data").arg(data);
    for (flag, value) in
        [("--http", "127.0.0.1:0"), ("--udp", "0"), ("--tcp", "0"), ("--shards", "1")]
    {
        if !arguments.contains(&flag) {
            command.args([flag, value]);
        }
    }
    command.args(arguments).stdin(Stdio::null()).env_remove("ROOMBOX_LOG");
    command
}

/// What a start that must fail says.
fn refused(command: &mut Command) -> String {
    let mut ended = Running::start(command);
    assert_eq!(ended.listens, "", "it started");
    let mut said = String::new();
    ended.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!ended.process.wait().unwrap().success(), "{said}");
    said
}

#[test]
fn what_cannot_work_is_refused_with_the_flag_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("file");
    fs::write(&file, b"mine").unwrap();
    let (tcp, udp) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("0.0.0.0:0").unwrap());
    let http = tcp.local_addr().unwrap().to_string();
    let media = udp.local_addr().unwrap().port().to_string();
    let framed = tcp.local_addr().unwrap().port().to_string();
    for (data, arguments, said) in [
        (&data, &["--http", &http][..], &["cannot listen on", &http, "choose one with --http"][..]),
        (&data, &["--http", "192.0.2.1:80"], &["has no such address", "--http"]),
        (&data, &["--udp", &media], &["UDP port", &media, "choose one with --udp"]),
        (&data, &["--tcp", &framed], &["TCP port", &framed, "choose one with --tcp"]),
        (&data, &["--udp", "65535", "--shards", "2"], &["--udp 65535", "2 shards", "last port"]),
        (&data, &["--udp", "70000"], &["70000", "--udp"]),
        (&data, &["--shards", "65"], &["65", "--shards", "1..=64"]),
        (&data, &["--shards", "0"], &["--shards", "1..=64"]),
        (&data, &["--worker", "/nowhere/roombox-media"], &["--worker /nowhere", "no such program"]),
        (&data, &["--config", "/nowhere/roombox.toml"], &["cannot read /nowhere/roombox.toml"]),
        (&file, &[], &["--data", "is a file"]),
        (&file.join("below"), &[], &["cannot make the data folder", "below"]),
        (&"/proc/roombox".into(), &[], &["cannot make the data folder /proc/roombox"]),
    ] {
        let heard = refused(&mut command(data, arguments));
        let last = heard.lines().filter(|line| !line.contains("INFO")).collect::<String>();
        assert!(said.iter().all(|what| last.contains(what)), "{arguments:?}: {heard}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_folder_of_somebody_else_is_refused_with_both_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder.path()).unwrap());
    if owner != 0 {
        eprintln!("SKIPPED: only root can become somebody else");
        return;
    }
    let mut command = command(folder.path(), &[]);
    match command.uid(NOBODY).gid(NOBODY).output() {
        Err(_) => eprintln!("SKIPPED: nobody may not run {ROOMBOXD}"),
        Ok(_) => {
            let heard = refused(&mut command);
            assert!(heard.contains("cannot write to the data folder"), "{heard}");
            assert!(heard.contains("belongs to user 0, and this is user 65534"), "{heard}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_data_folder_has_one_daemon_at_a_time_until_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Running::start(&mut command(&data, &[]));
    // What the first one records now: a second one would mend it.
    let live = data.join("recordings/rec_1");
    fs::create_dir(&live).unwrap();
    let manifest =
        br#"{"version":1,"recording":"rec_1","room":"r","started_unix_ms":1,"boot_id":"b"}"#;
    fs::write(live.join("manifest.json"), manifest).unwrap();
    let heard = refused(&mut command(&data, &[]));
    let pid = format!("(process {})", first.process.id());
    assert!(heard.contains(&pid) && heard.contains(data.to_str().unwrap()), "{heard}");
    assert!(fs::read(live.join("manifest.json")).unwrap() == manifest, "it was touched");
    first.kill();
    let second = Running::start(&mut command(&data, &[]));
    assert!(
        second.listens.starts_with("roomboxd listens on http://127.0.0.1:"),
        "{}",
        second.listens
    );
}

#[test]
fn what_the_box_keeps_is_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("far/data");
    let log = Running::start(&mut command(&data, &[])).kill();
    assert!(!log.contains("chmod 700"), "{log}");
    for (name, expected) in
        [("", 0o700), ("roombox.db", 0o600), ("lock", 0o600), ("recordings", 0o700)]
    {
        assert_eq!(mode(&data.join(name)), expected, "{name}");
    }
    // As an older version left it.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(data.join("roombox.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let log = Running::start(&mut command(&data, &[])).kill();
    assert!(log.contains("chmod 700"), "{log}");
    assert_eq!((mode(&data), mode(&data.join("roombox.db"))), (0o755, 0o600));
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let log = Running::start(&mut command(&folder.path().join("data"), &[])).kill();
    assert!(log.contains("roomboxd is up") && !log.contains('\x1b'), "{log}");
}

#[test]
fn it_takes_all_files_that_it_may_open_and_says_when_they_are_few() {
    let folder = tempfile::tempdir().unwrap();
    for (limit, few) in [("256:2048", true), ("256:5000", false)] {
        let plain = command(&folder.path().join("data"), &[]);
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nofile={limit}")).arg(plain.get_program()).args(plain.get_args());
        let running = Running::start(&mut limited);
        let limits = fs::read_to_string(format!("/proc/{}/limits", running.process.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let hard = limit.split_once(':').unwrap().1;
        assert_eq!(line.split_whitespace().nth(3), Some(hard), "{line}");
        let log = running.kill();
        assert!(log.contains(&format!("open_files={hard}")), "{log}");
        assert_eq!(log.contains("LimitNOFILE"), few, "{log}");
    }
}

#[test]
fn a_box_whose_output_nobody_reads_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&folder.path().join("data"), &[]);
    let process = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running { process, listens: String::new() };
    let log = BufReader::new(running.process.stderr.take().unwrap());
    let said = log.lines().map(Result::unwrap).find(|line| line.contains("nobody reads"));
    assert!(said.is_some_and(|line| line.contains("WARN")), "it ended");
    assert_eq!(running.process.try_wait().unwrap(), None);
}
