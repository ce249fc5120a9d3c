//! What is rendered, word by word, and whether a real server takes it.

use super::*;
use std::process::Command;

fn member_of(seed: u8) -> (BoxId, String) {
    let identity = Identity::of_seed([seed; 32]).unwrap();
    (identity.id().clone(), identity.key())
}

fn both(folder: &Path) -> (String, String) {
    let identity = Identity::of_seed([1; 32]).unwrap();
    let hubs = ["hub.lan:7422".to_owned(), "10.0.0.9:7422".to_owned()];
    let authority = folder.join("authority.pem");
    let leaf = LeafConf { identity: &identity, folder, hubs: &hubs, authority: &authority };
    let (certificate, certificate_key) = (folder.join("server.crt"), folder.join("server.key"));
    let hub = HubConf {
        identity: &identity,
        folder,
        port: 7422,
        advertise: "hub.lan:7422",
        certificate: &certificate,
        certificate_key: &certificate_key,
        members: &[member_of(2), member_of(3)],
    };
    (leaf.render(), hub.render())
}

#[test]
fn configurations_are_word_by_word_what_was_looked_at() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conf/golden");
    let (leaf, hub) = both(Path::new("/data/nats"));
    for (name, made) in [("leaf.conf", leaf), ("hub.conf", hub)] {
        let path = golden.join(name);
        if std::env::var_os("ROOMBOX_GOLDEN").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(made, kept, "{}: look at the difference", path.display());
    }
}

#[test]
fn nothing_is_left_unfilled_and_no_value_ends_its_quotes() {
    let (leaf, hub) = both(Path::new("/da\"ta } x: 1"));
    for made in [leaf, hub] {
        assert!(!made.contains('@'), "{made}");
        assert!(made.contains(r#""/da\"ta } x: 1/store""#), "{made}");
    }
}

/// Needs `ROOMBOX_NATS_SERVER`; `tests/fleet` has it and runs real servers on these anyway.
#[test]
fn a_real_server_takes_both() {
    let Some(server) = std::env::var_os("ROOMBOX_NATS_SERVER") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (leaf, hub) = both(folder.path());
    let made = certificate_in(folder.path());
    assert!(made, "openssl makes a certificate");
    for (name, text) in [("leaf.conf", leaf), ("hub.conf", hub)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let ran = Command::new(&server).arg("-t").arg("-c").arg(&path).output().unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

fn certificate_in(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-subj", "/CN=hub.lan", "-keyout"])
        .arg(folder.join("server.key"))
        .arg("-out")
        .arg(folder.join("server.crt"))
        .output();
    let copied = std::fs::copy(folder.join("server.crt"), folder.join("authority.pem"));
    made.is_ok_and(|made| made.status.success()) && copied.is_ok()
}
