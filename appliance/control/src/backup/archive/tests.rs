//! Archives as this program writes them, and as an attacker would.

use super::*;
use proptest::prelude::*;
use std::io::Cursor;

const PLENTY: u64 = 1 << 30;

fn manifest(files: Vec<Listed>) -> Manifest {
    Manifest {
        format: FORMAT,
        schema: 1,
        version: "0.1.0".to_owned(),
        box_id: "box_1".to_owned(),
        box_name: "Hall".to_owned(),
        made_at: UnixMs(1_764_072_345_678),
        inside: vec!["rooms".to_owned()],
        outside: Vec::new(),
        files,
    }
}

/// A folder as a box has one, and its archive.
fn made(database: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DATABASE), database).unwrap();
    fs::create_dir(folder.path().join(SECRETS)).unwrap();
    fs::write(folder.path().join(KEYS[0]), b"a key").unwrap();
    let files = [DATABASE, KEYS[0]].map(|name| Listed::of(folder.path(), name).unwrap());
    write(&manifest(files.to_vec()), folder.path(), Vec::new(), &|_| Ok(())).unwrap()
}

fn sum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A tar of these entries, whatever they say.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut head = Header::new_ustar();
        head.set_entry_type(*kind);
        head.set_size(bytes.len() as u64);
        head.set_mode(0o600);
        // As an attacker writes it: the crate itself refuses such names.
        head.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        head.set_cksum();
        tar.append(&head, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn with_files(files: &[(&str, u64, &str)]) -> Vec<u8> {
    let listed = |(name, bytes, sha256): &(&str, u64, &str)| Listed {
        name: (*name).to_owned(),
        bytes: *bytes,
        sha256: (*sha256).to_owned(),
    };
    serde_json::to_vec(&manifest(files.iter().map(listed).collect())).unwrap()
}

/// What the reader says of an archive; nothing may be beside the folder then.
fn judge(archive: &[u8]) -> Result<Manifest, BackupError> {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("inner");
    fs::create_dir(&folder).unwrap();
    let outcome = read(Cursor::new(archive), &folder, PLENTY);
    let beside: Vec<_> = fs::read_dir(around.path()).unwrap().flatten().collect();
    assert_eq!(beside.len(), 1, "something left the folder: {beside:?}");
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!([DATABASE, SECRETS].contains(&name.as_str()), "{name}");
        assert!(!entry.file_type().unwrap().is_symlink(), "{name}");
    }
    outcome
}

fn code(archive: &[u8]) -> &'static str {
    judge(archive).map_or_else(|error| error.code(), |_| "taken")
}

#[test]
fn what_was_written_is_read_back_as_it_was() {
    let archive = made(b"rows");
    let folder = tempfile::tempdir().unwrap();
    let found = read(Cursor::new(&archive), folder.path(), PLENTY).unwrap();
    assert_eq!((found.box_name.as_str(), found.files.len()), ("Hall", 2));
    assert_eq!(fs::read(folder.path().join(DATABASE)).unwrap(), b"rows");
    assert_eq!(fs::read(folder.path().join(KEYS[0])).unwrap(), b"a key");
}

#[test]
fn names_that_no_box_has_are_refused_wherever_they_lead() {
    for name in ["../roombox.db", "/etc/passwd", "secrets/../../x", "secrets", "roombox.db/", "x"] {
        let listed = with_files(&[(DATABASE, 1, &sum(b"d")), (name, 1, &sum(b"x"))]);
        let files = [
            (MANIFEST, EntryType::Regular, listed.as_slice()),
            (DATABASE, EntryType::Regular, b"d".as_slice()),
            (name, EntryType::Regular, b"x".as_slice()),
        ];
        assert_eq!(code(&tar_of(&files)), "no_backup", "listed {name}");
        // Not listed, in the place of what is.
        let listed = with_files(&[(DATABASE, 1, &sum(b"d"))]);
        let files = [
            (MANIFEST, EntryType::Regular, listed.as_slice()),
            (name, EntryType::Regular, b"d".as_slice()),
        ];
        assert_eq!(code(&tar_of(&files)), "backup_damaged", "unlisted {name}");
    }
}

#[test]
fn links_folders_and_other_kinds_are_no_files() {
    let listed = with_files(&[(DATABASE, 0, &sum(b""))]);
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Block,
        EntryType::GNULongName,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let files =
            [(MANIFEST, EntryType::Regular, listed.as_slice()), (DATABASE, kind, b"".as_slice())];
        assert_eq!(code(&tar_of(&files)), "backup_damaged", "{kind:?}");
        assert_eq!(code(&tar_of(&[(MANIFEST, kind, listed.as_slice())])), "no_backup", "{kind:?}");
    }
}

#[test]
fn what_does_not_fit_the_list_is_damaged() {
    let (db, other) = (sum(b"d"), sum(b"e"));
    let archive = |listed: &[(&str, u64, &str)], files: &[&[u8]]| {
        let listed = with_files(listed);
        let mut all = vec![(MANIFEST, EntryType::Regular, listed.as_slice())];
        all.extend(files.iter().map(|bytes| (DATABASE, EntryType::Regular, *bytes)));
        code(&tar_of(&all))
    };
    assert_eq!(archive(&[(DATABASE, 1, &db)], &[b"d"]), "taken");
    assert_eq!(archive(&[(DATABASE, 1, &other)], &[b"d"]), "backup_damaged");
    assert_eq!(archive(&[(DATABASE, 2, &db)], &[b"d"]), "backup_damaged");
    assert_eq!(archive(&[(DATABASE, 1, &db)], &[]), "backup_damaged");
    assert_eq!(archive(&[(DATABASE, 1, &db)], &[b"d", b"d"]), "backup_damaged");
    assert_eq!(archive(&[(DATABASE, 1, &db), (DATABASE, 1, &db)], &[b"d", b"d"]), "no_backup");
    assert_eq!(archive(&[], &[]), "no_backup");
    assert_eq!(archive(&[(DATABASE, 1, &db), (KEYS[0], 1 << 40, &db)], &[b"d"]), "no_backup");
}

#[test]
fn more_than_the_disk_has_is_refused_before_a_byte_is_written() {
    let listed = with_files(&[(DATABASE, u64::MAX, &sum(b"d"))]);
    let bomb = tar_of(&[(MANIFEST, EntryType::Regular, listed.as_slice())]);
    assert_eq!(code(&bomb), "backup_no_room");
}

#[test]
fn a_newer_format_is_said_to_be_newer_and_nonsense_is_none() {
    let newer = br#"{"format": 2, "version": "9.1.0", "files": "in another way"}"#;
    let newer = tar_of(&[(MANIFEST, EntryType::Regular, newer.as_slice())]);
    assert!(judge(&newer).unwrap_err().to_string().contains("9.1.0"));
    assert_eq!(code(&newer), "backup_newer");
    for nonsense in [b"".as_slice(), b"{}", b"\xff\xff", b"[1]"] {
        let files = [(MANIFEST, EntryType::Regular, nonsense)];
        assert_eq!(code(&tar_of(&files)), "no_backup");
    }
    assert_eq!(code(b""), "no_backup");
    assert_eq!(code(&vec![0; 4096]), "no_backup");
    let large = vec![b' '; MANIFEST_MOST as usize + 1];
    assert_eq!(code(&tar_of(&[(MANIFEST, EntryType::Regular, &large)])), "no_backup");
}

#[test]
fn what_follows_the_end_is_refused() {
    let mut archive = made(b"rows");
    archive.push(1);
    assert_eq!(code(&archive), "backup_damaged");
}

proptest! {
    /// Whatever is done to an archive: it is refused, or its files are what they were.
    #[test]
    fn a_changed_archive_never_brings_changed_files(
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let database = vec![7u8; 3000];
        let mut archive = made(&database);
        let at = at.index(archive.len());
        archive[at] ^= 1 << bit;
        if let Some(cut) = cut {
            archive.truncate(cut.index(archive.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        if read(Cursor::new(&archive), folder.path(), PLENTY).is_ok() {
            let found = fs::read(folder.path().join(DATABASE)).unwrap();
            // The sum in the manifest is part of the archive as well: a bit of it that differs is found out.
            prop_assert_eq!(found, database);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(judge(&bytes).is_err());
    }
}
