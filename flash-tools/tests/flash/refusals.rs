//! What is refused, by the program, with the target unchanged, an exit code of its kind and a sentence
//! that says what, where and what to do.

use crate::command::{run, text};
use crate::image::{Files, MIB, facts, noise, read, tables};
use roombox_flash::manifest::{Facts, SecretKey, sign};
use std::fs;
use std::path::Path;

/// What a case does to the files before the write, and what it adds to the command.
type Change = fn(&Files) -> Vec<String>;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs a write of a good image with a change; the disk must stay as it is.
fn refused(name: &str, of: &Facts, change: Change, code: i32, says: &[&str]) {
    let files = Files::new(3, of);
    let disk = files.old_disk("disk.img", 20 * MIB);
    let before = read(&disk);
    let more = change(&files);
    let mut arguments = vec!["write", text(&files.image), text(&disk), "--yes"];
    if !more.iter().any(|word| word == "--board") {
        arguments.extend(["--board", "qemu-x86-64"]);
    }
    if !more.iter().any(|word| word == "--public-key") {
        arguments.extend(["--public-key", text(&files.public)]);
    }
    arguments.extend(more.iter().map(String::as_str));
    let said = run(&arguments);
    assert_eq!(said.code, code, "{name}: {}", said.text);
    for word in says {
        assert!(said.text.contains(word), "{name}: {word:?} is missing in {}", said.text);
    }
    assert!(read(&disk) == before, "{name}: the disk was changed");
    // Programs are told the same.
    arguments.push("--json");
    let said = run(&arguments);
    let last = said.text.lines().last().unwrap_or_default();
    let line: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!((line["exit"].as_i64(), said.code), (Some(i64::from(code)), code), "{name}");
    assert!(read(&disk) == before, "{name}: the disk was changed");
}

fn edit(path: &Path, from: &str, to: &str) {
    let old = fs::read_to_string(path).unwrap();
    assert!(old.contains(from), "{from}");
    fs::write(path, old.replacen(from, to, 1)).unwrap();
}

/// Changes the manifest and signs it anew: what its signer says wrong is refused, too.
fn edit_signed(files: &Files, from: &str, to: &str) -> Vec<String> {
    edit(&files.manifest_path, from, to);
    let key = SecretKey::read(&files.at("key")).unwrap();
    let signature = sign(&key, &read(&files.manifest_path));
    fs::write(files.manifest_path.with_added_extension("sig"), signature).unwrap();
    vec![]
}

#[test]
fn images_that_are_not_what_they_should_be() {
    let other_key: Change = |files| {
        SecretKey::make(&files.at("other")).unwrap();
        words(&["--public-key", text(&files.at("other.pub"))])
    };
    let cases: &[(&str, Change, &[&str])] = &[
        ("wrong key", other_key, &["not signed by a key that is trusted", "--public-key"]),
        (
            "no signature",
            |files| {
                fs::remove_file(files.manifest_path.with_added_extension("sig")).unwrap();
                vec![]
            },
            &["its signature cannot be read", "put it beside"],
        ),
        (
            "changed manifest",
            |files| {
                edit(&files.manifest_path, "1.2.3", "1.2.4");
                vec![]
            },
            &["not signed by a key"],
        ),
        (
            "no manifest",
            |files| {
                fs::remove_file(&files.manifest_path).unwrap();
                vec![]
            },
            &["manifest make"],
        ),
        ("foreign product", |f| edit_signed(f, "\"roombox\"", "\"toaster\""), &["toaster"]),
        ("newer format", |f| edit_signed(f, "\"format\": 1", "\"format\": 2"), &["format is 2"]),
        (
            "unknown key",
            |f| edit_signed(f, "\"format\"", "\"fromat\": 1,\n  \"format\""),
            &["fromat"],
        ),
        (
            "truncated image",
            |files| {
                let file = fs::OpenOptions::new().write(true).open(&files.image).unwrap();
                file.set_len(file.metadata().unwrap().len() / 2).unwrap();
                vec![]
            },
            &["instead of", "get it again"],
        ),
        (
            "changed image",
            |files| {
                let mut bytes = read(&files.image);
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&files.image, bytes).unwrap();
                vec![]
            },
            &["bytes were changed"],
        ),
        ("wrong board", |_| words(&["--board", "rock-5b"]), &["for qemu-x86-64, not for rock-5b"]),
    ];
    for (name, change, says) in cases {
        refused(name, &facts(), *change, 3, says);
    }
    let expired = Facts { not_after: Some(1_700_000_000), ..facts() };
    refused("expired", &expired, |_| vec![], 3, &["expired", "days ago"]);
    let raw = Facts { level: 0, ..facts() };
    let flip: Change = |files| {
        let mut bytes = read(&files.image);
        bytes[6 * MIB] ^= 1;
        fs::write(&files.image, bytes).unwrap();
        vec![]
    };
    refused("changed raw image", &raw, flip, 3, &["were changed"]);
}

#[test]
fn provisioning_that_would_be_ignored_or_will_not_do() {
    fn toml(files: &Files, contents: &str) -> Vec<String> {
        fs::write(files.at("box.toml"), contents).unwrap();
        words(&["--provision", text(&files.at("box.toml"))])
    }
    let unknown: Change = |files| toml(files, "[box]\nname = \"A\"\ncolour = \"CANARY\"\n");
    refused("unknown key", &facts(), unknown, 7, &["line 3", "colour"]);
    let good: Change = |files| toml(files, "[box]\nname = \"A\"\n");
    let foreign = Facts { provision_schema: Some(2), ..facts() };
    refused("foreign schema", &foreign, good, 7, &["schema 2", "Nothing was written"]);
    let none = Facts { provision_schema: None, ..facts() };
    refused("no schema", &none, good, 7, &["does not read provisioning files"]);
    let secret: Change = |files| toml(files, "[owner]\nname = \"A\"\npassword = 4711081500\n");
    refused("wrong type", &facts(), secret, 7, &["line 3"]);
}

#[test]
fn targets_that_are_too_small_or_not_there() {
    let files = Files::new(3, &facts());
    let small = files.at("small.img");
    fs::write(&small, noise(1, 8 * MIB)).unwrap();
    let before = read(&small);
    for (target, code, says) in [
        (text(&small), 4, "take a larger disk"),
        ("/dev/null", 4, "neither a disk nor a file"),
        ("/dev/roomflash-nothing", 4, "no such disk"),
        ("SERIAL-OF-NOTHING", 4, "roomflash list"),
    ] {
        let said = run(&files.write_arguments(target, &[]));
        assert_eq!(said.code, code, "{target}: {}", said.text);
        assert!(said.text.contains(says), "{target}: {}", said.text);
    }
    assert!(read(&small) == before);
    let gone = files.at("gone.img.zst");
    let said = run(&["write", text(&gone), text(&small), "--yes", "--board", "qemu-x86-64"]);
    assert_eq!(said.code, 2, "{}", said.text);
    assert!(said.text.contains("gone.img.zst: there is no such file"), "{}", said.text);
    let file = files.at("receipts");
    fs::write(&file, "a file").unwrap();
    let disk = files.old_disk("disk.img", 20 * MIB);
    let said = run(&files.write_arguments(text(&disk), &["--receipts", text(&file), "--check"]));
    assert_eq!(said.code, 2, "{}", said.text);
    assert!(said.text.contains("is a file: name a folder"), "{}", said.text);
}

#[test]
fn what_is_there_is_not_written_over() {
    let files = Files::new(3, &facts());
    let said = run(&["manifest", "key", text(&files.at("key"))]);
    assert_eq!(said.code, 2, "{}", said.text);
    assert!(said.text.contains("is there already and is not written over"), "{}", said.text);
}

#[test]
fn without_a_board_or_an_answer_nothing_is_written() {
    let files = Files::new(3, &facts());
    let disk = files.old_disk("disk.img", 20 * MIB);
    let before = read(&disk);
    let (image, public) = (text(&files.image), text(&files.public));
    let said = run(&["write", image, text(&disk), "--yes", "--public-key", public]);
    assert!(said.code == 2 && said.text.contains("--board"), "{}", said.text);
    let said =
        run(&["write", image, text(&disk), "--board", "qemu-x86-64", "--public-key", public]);
    assert!(said.code == 2 && said.text.contains("nobody is there"), "{}", said.text);
    let checked = [
        "write",
        image,
        text(&disk),
        "--yes",
        "--board",
        "qemu-x86-64",
        "--public-key",
        public,
        "--check",
    ];
    let said = run(&checked);
    assert!(said.code == 0 && said.text.contains("nothing was written"), "{}", said.text);
    assert!(read(&disk) == before);
}

#[test]
fn what_is_let_in_without_a_signature_is_named_in_the_result() {
    let files = Files::new(3, &facts());
    fs::remove_file(files.manifest_path.with_added_extension("sig")).unwrap();
    let disk = files.old_disk("disk.img", 20 * MIB);
    let said = run(&[
        "write",
        text(&files.image),
        text(&disk),
        "--yes",
        "--board",
        "qemu-x86-64",
        "--unsigned",
        "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.text);
    let last: serde_json::Value = serde_json::from_str(said.text.lines().last().unwrap()).unwrap();
    assert!(last["unsigned"].as_str().unwrap().contains("its signature cannot be read"), "{last}");
    assert_eq!(last["result"], "verified");
}

#[test]
fn a_disk_that_another_writer_has_is_busy() {
    let files = Files::new(3, &facts());
    let disk = files.old_disk("disk.img", 20 * MIB);
    let held = roombox_flash::device::open(&disk, roombox_flash::device::Access::Write).unwrap();
    let said = run(&files.write_arguments(text(&disk), &[]));
    assert!(said.code == 4 && said.text.contains("uses it"), "{}", said.text);
    drop(held);
    assert!(tables(&read(&disk)).0.is_some());
}
