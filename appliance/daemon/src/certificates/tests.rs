//! What the authority certifies, what it keeps, and what it makes anew.

use super::*;

const HOST: &str = "hall-3";

fn at(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(EARLIEST).unwrap() + Duration::days(days)
}

fn names(dns: &[&str], addresses: &[&str]) -> Names {
    Names {
        dns: dns.iter().map(|name| (*name).to_owned()).collect(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    }
}

#[test]
fn the_id_follows_from_the_key_and_both_last() {
    let folder = tempfile::tempdir().unwrap();
    let id = Secrets::open(folder.path()).unwrap().box_id().unwrap();
    assert!(id.starts_with("box_") && id.len() == 30, "{id}");
    assert_eq!(Secrets::open(folder.path()).unwrap().box_id().unwrap(), id);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(Secrets::open(other.path()).unwrap().box_id().unwrap(), id);
}

#[test]
fn only_local_names_and_the_boxs_own_are_certified() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Secrets::open(folder.path()).unwrap().authority("box_1", HOST, at(0)).unwrap();
    let asked = names(
        &[
            "hall-3",
            "hall-3.local",
            "roombox.local",
            "box.lan",
            "hall-33",
            "example.com",
            "mylocal",
        ],
        &[
            "10.1.2.3",
            "172.31.0.1",
            "172.32.0.1",
            "192.168.1.5",
            "169.254.3.4",
            "100.64.0.1",
            "8.8.8.8",
            "127.0.0.1",
            "::1",
            "fd00::5",
            "2001:db8::1",
        ],
    );
    let certified = names(
        &["hall-3", "hall-3.local", "roombox.local", "box.lan"],
        &[
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.5",
            "169.254.3.4",
            "100.64.0.1",
            "127.0.0.1",
            "::1",
            "fd00::5",
        ],
    );
    assert_eq!(authority.may_certify(&asked), certified);
}

#[test]
fn a_server_certificate_is_made_anew_when_names_change_or_its_time_is_up_and_not_before() {
    let home = names(&["roombox.local"], &["192.168.1.5"]);
    let away = names(&["roombox.local"], &["192.168.1.6"]);
    // Names and day of a later look, and whether the first certificate still does: not if the clock
    // was ahead when it was made.
    for (later, day, kept) in [
        (&home, 0, true),
        (&home, 330, true),
        (&home, 350, false),
        (&home, -30, false),
        (&away, 1, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        let authority = secrets.authority("box_1", HOST, at(0)).unwrap();
        let first = secrets.server(&authority, &home, at(0)).unwrap();
        let der = der_of(&first.certificate).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        let validity = parsed.validity();
        assert_eq!(names_of(&parsed), home);
        assert_eq!(
            validity.not_after.to_datetime() - validity.not_before.to_datetime(),
            SERVER_GOOD_FOR
        );
        let again = Secrets::open(folder.path()).unwrap();
        let authority = again.authority("box_1", HOST, at(0)).unwrap();
        let second = again.server(&authority, later, at(day)).unwrap();
        assert_eq!(second.certificate == first.certificate, kept, "{later:?} on day {day}");
        assert_eq!(second.key, first.key, "what programs pinned has changed");
    }
}

#[test]
fn an_authority_lasts_ten_years_and_one_that_cannot_be_read_is_kept_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::open(folder.path()).unwrap();
    let authority = |now| secrets.authority("box_1", HOST, now).unwrap();
    let first = authority(at(0)).pem;
    assert_eq!(authority(at(9 * 365 - 100)).pem, first);
    assert_ne!(authority(at(9 * 365)).pem, first);
    let second = authority(at(0)).pem;
    for file in ["ca.crt", "ca.key", "box.key", "server.key"] {
        fs::write(folder.path().join("secrets").join(file), b"torn").unwrap();
    }
    assert_ne!(authority(at(0)).pem, second);
    secrets.box_id().unwrap();
    secrets.server(&authority(at(0)), &names(&["roombox.local"], &[]), at(0)).unwrap();
    let kept = fs::read(folder.path().join("secrets/ca.crt.broken")).unwrap();
    assert!(kept == b"torn" || String::from_utf8(kept).unwrap().contains("CERTIFICATE"));
}

#[test]
fn what_the_disk_does_not_give_any_more_is_made_anew_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::open(folder.path()).unwrap();
    let (id, authority) =
        (secrets.box_id().unwrap(), secrets.authority("box_1", HOST, at(0)).unwrap());
    let local = names(&["roombox.local"], &[]);
    secrets.server(&authority, &local, at(0)).unwrap();
    let kept = folder.path().join("secrets");
    assert_eq!(RenewedKeys::told(&kept), None);
    for file in ["ca.crt", "ca.key", "box.key", "server.key", "server.crt"] {
        // Whoever reads it hears of an error that no reading again mends.
        fs::remove_file(kept.join(file)).unwrap();
        fs::create_dir(kept.join(file)).unwrap();
    }
    let again = Secrets::open(folder.path()).unwrap();
    assert_ne!(again.box_id().unwrap(), id);
    let anew = again.authority("box_1", HOST, at(0)).unwrap();
    assert_ne!(anew.pem, authority.pem);
    again.server(&anew, &local, at(0)).unwrap();
    for file in ["ca.crt", "ca.key", "box.key", "server.key", "server.crt"] {
        assert!(kept.join(file).is_file(), "{file}");
    }
    assert!(kept.join("ca.key.broken").is_dir());
    let told = Vec::from_iter(RenewedKeys::told(&kept).unwrap().files);
    assert_eq!(told, ["box.key", "ca.crt", "ca.key", "server.key"]);
}

#[test]
fn a_file_in_the_place_of_the_folder_of_secrets_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secrets"), "x").unwrap();
    let refused = Secrets::open(folder.path()).map(drop).unwrap_err().to_string();
    assert!(refused.contains("must be a folder") && refused.contains("move it away"), "{refused}");
}
