//! What an image may be packed in, what a block map adds, and one whole way by the program.

use crate::command::{run, skipped, text};
use crate::image::{Files, MIB, facts, holds, read, tables};
use roombox_flash::fat;
use roombox_flash::manifest::{Manifest, SecretKey, read_bmap, sign};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn pack(program: &str, from: &Path, to: &Path) {
    let out = fs::File::create(to).unwrap();
    let done = Command::new(program).arg("-c").arg(from).stdout(out).status().unwrap();
    assert!(done.success());
}

#[test]
fn raw_gz_xz_and_zst_are_written_alike() {
    let files = Files::new(3, &facts());
    let raw = files.at("roombox.img");
    for (name, program) in
        [("a.img.gz", "gzip"), ("a.img.xz", "xz"), ("a.img", "cat"), ("a.zst", "")]
    {
        let image = files.at(name);
        match program {
            "" => drop(fs::copy(&files.image, &image).unwrap()),
            "cat" => drop(fs::copy(&raw, &image).unwrap()),
            program => pack(program, &raw, &image),
        }
        let mut manifest = files.manifest.clone();
        let bytes = read(&image);
        manifest.file.name = name.to_owned();
        manifest.file.size = bytes.len() as u64;
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        manifest.file.sha256 = roombox_flash::manifest::hex(sum.as_ref());
        let path = image.with_added_extension("manifest.json");
        let text_of = serde_json::to_vec(&manifest).unwrap();
        let key = SecretKey::read(&files.at("key")).unwrap();
        fs::write(path.with_added_extension("sig"), sign(&key, &text_of)).unwrap();
        fs::write(&path, text_of).unwrap();
        let disk = files.old_disk("disk.img", 20 * MIB);
        let said = run(&[
            "write",
            text(&image),
            text(&disk),
            "--yes",
            "--board",
            "qemu-x86-64",
            "--public-key",
            text(&files.public),
        ]);
        assert_eq!(said.code, 0, "{name}: {}", said.text);
        assert!(holds(&read(&disk), &files.raw, &manifest, None), "{name}");
    }
}

/// Other tools write the packed image as it is: with both copies of its table.
#[test]
fn what_is_packed_holds_the_table_at_the_end_too() {
    let files = Files::new(3, &facts());
    let packed = fs::File::open(&files.image).unwrap();
    let unpacked = zstd::stream::decode_all(packed).unwrap();
    assert_eq!(unpacked.len(), files.raw.len());
    let table = 33 * 512;
    assert!(unpacked.ends_with(b"\0") && unpacked[unpacked.len() - 512..].starts_with(b"EFI PART"));
    assert!(unpacked.ends_with(&files.raw[files.raw.len() - table..]));
}

#[test]
fn a_manifest_beside_the_raw_image_leaves_the_image_whole() {
    let files = Files::new(3, &facts());
    let (raw, bytes) = (files.at("roombox.img"), files.raw.clone());
    let folder = raw.parent().unwrap();
    fs::hard_link(&raw, files.at("other.img")).unwrap();
    fs::create_dir(files.at("below")).unwrap();
    for (image, out) in [
        (raw.clone(), folder.to_owned()),
        (folder.join("./below/../roombox.img"), folder.to_owned()),
        (raw.clone(), folder.join("below/..")),
        (files.at("other.img"), files.at("below")),
    ] {
        let said = run(&[
            "manifest",
            "make",
            text(&image),
            "--image-version",
            "1",
            "--board",
            "qemu-x86-64",
            "--level",
            "0",
            "--out",
            text(&out),
            "--key",
            text(&files.at("key")),
        ]);
        assert_eq!(said.code, 0, "{}", said.text);
        assert!(read(&image) == bytes, "{} is another one", image.display());
    }
}

#[test]
fn from_a_raw_image_to_a_provisioned_disk_by_the_program_alone() {
    let files = Files::new(3, &facts());
    let out = files.at("out");
    fs::create_dir(&out).unwrap();
    let key = files.at("keys/image-development");
    assert_eq!(run(&["manifest", "key", text(&key)]).code, 0);
    assert_eq!(run(&["manifest", "key", text(&key)]).code, 2, "a key was overwritten");
    let made = run(&[
        "manifest",
        "make",
        text(&files.at("roombox.img")),
        "--image-version",
        "1.0",
        "--board",
        "qemu-x86-64",
        "--out",
        text(&out),
        "--key",
        text(&key),
        "--level",
        "1",
    ]);
    assert_eq!(made.code, 0, "{}", made.text);
    fs::write(files.at("base.toml"), "[meeting]\nmax_participants = 9\n").unwrap();
    let table = "serial,box.name,owner.name,owner.password\nS1,\"Hall, big\",Ada,CANARY-0815-A\n";
    fs::write(files.at("boxes.csv"), table).unwrap();
    let said = run(&[
        "provision",
        text(&files.at("base.toml")),
        "--table",
        text(&files.at("boxes.csv")),
        "--out",
        text(&files.at("boxes")),
    ]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(!said.text.contains("CANARY"), "a password was shown");
    let disk = files.at("new.img");
    let image = out.join("roombox.img.zst");
    let own = files.at("boxes/S1.toml");
    let said = run(&[
        "write",
        text(&image),
        text(&disk),
        "--yes",
        "--board",
        "qemu-x86-64",
        "--public-key",
        text(&key.with_added_extension("pub")),
        "--provision",
        text(&own),
        "--receipts",
        text(&files.at("receipts")),
    ]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(said.text.contains("development key"), "{}", said.text);
    assert!(!said.text.contains("CANARY"), "a password was shown");
    // The file was made as large as the board's smallest disk.
    assert_eq!(fs::metadata(&disk).unwrap().len(), 4 << 30);
    let manifest = Manifest::parse(&read(&out.join("roombox.img.zst.manifest.json"))).unwrap();
    let boot = manifest.boot_partition().unwrap();
    let mut dev = roombox_flash::device::open(&disk, roombox_flash::device::Access::Read).unwrap();
    let found = fat::read(dev.as_mut(), boot.offset, boot.size, "roombox.toml").unwrap().unwrap();
    let found = String::from_utf8(found).unwrap();
    assert!(found.contains("Hall, big") && found.contains("max_participants = 9"), "{found}");
    drop(dev);
    let receipt = fs::read_dir(files.at("receipts")).unwrap().next().unwrap().unwrap().path();
    let receipt: serde_json::Value = serde_json::from_slice(&read(&receipt)).unwrap();
    assert_eq!(receipt["image"]["version"], "1.0");
    assert!(receipt["configuration_sha256"].is_string() && receipt["result"] == "verified");
    // Verified again without the image, by its manifest alone.
    let public = key.with_added_extension("pub");
    let image = out.join("roombox.img.zst.manifest.json");
    let verify = ["verify", text(&image), text(&disk), "--public-key", text(&public)];
    assert_eq!(run(&verify).code, 6, "the boot FAT was provisioned");
    let said = run(&[&verify[..], &["--used"]].concat());
    assert_eq!(said.code, 0, "{}", said.text);
    let file = fs::OpenOptions::new().write(true).open(&disk).unwrap();
    let at = manifest.partition("rootfs-a").unwrap().offset + 4096;
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", at).unwrap();
    let said = run(&[&verify[..], &["--used"]].concat());
    assert!(said.code == 6 && said.text.contains("(rootfs-a)"), "{}", said.text);
}

#[test]
fn without_reading_back_the_exit_code_is_ten() {
    let files = Files::new(3, &facts());
    let disk = files.old_disk("disk.img", 20 * MIB);
    let said = run(&files.write_arguments(text(&disk), &["--no-verify"]));
    assert!(said.code == 10 && said.text.contains("NOT verified"), "{}", said.text);
    assert!(tables(&read(&disk)).0.is_some());
}

#[test]
fn several_disks_are_written_at_once_and_one_bad_one_stops_all_before_the_first_byte() {
    let files = Files::new(3, &facts());
    let disks: Vec<_> =
        (0..3).map(|n| files.old_disk(&format!("{n}.img"), (20 + n) * MIB)).collect();
    let small = files.old_disk("small.img", 8 * MIB);
    let mut arguments = vec!["write", text(&files.image)];
    arguments.extend(disks.iter().map(|disk| text(disk)));
    let options =
        ["--yes", "--board", "qemu-x86-64", "--public-key", text(&files.public), "--json"];
    let refused = run(&[&arguments[..], &[text(&small)], &options].concat());
    assert_eq!(refused.code, 4, "{}", refused.text);
    let old =
        |disk: &Path| tables(&read(disk)).0.is_some_and(|table| table.labelled("old").is_some());
    assert!(disks.iter().all(|disk| old(disk)));
    let said = run(&[&arguments[..], &options].concat());
    assert_eq!(said.code, 0, "{}", said.text);
    for disk in &disks {
        assert!(holds(&read(disk), &files.raw, &files.manifest, None));
        let told = said.text.lines().filter(|line| line.contains(text(disk)));
        let phases: Vec<String> = told
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["phase"].as_str().unwrap_or("end").to_owned())
            .collect();
        for phase in ["wipe", "write", "verify", "table", "end"] {
            assert!(phases.iter().any(|seen| seen == phase), "{phase}: {phases:?}");
        }
    }
    let twice = run(&[&arguments[..3], &[text(&disks[0])], &options].concat());
    assert!(twice.code == 2 && twice.text.contains("named twice"), "{}", twice.text);
}

#[test]
fn a_block_map_of_bmaptool_is_read_and_a_wrong_one_is_not() {
    let files = Files::new(3, &facts());
    let raw = files.at("roombox.img");
    let size = files.raw.len() as u64;
    let made = Command::new("bmaptool").arg("create").arg(&raw).stderr(Stdio::null()).output();
    let map = match made {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => {
            skipped("bmaptool is not installed, a map of its kind is read instead");
            format!(
                "<bmap><ImageSize> {size} </ImageSize><BlockSize> 4096 </BlockSize><BlockMap>\
                <Range chksum=\"a\"> 0-255 </Range><Range> 300 </Range></BlockMap></bmap>"
            )
        }
    };
    let ranges = read_bmap(&map, size).unwrap();
    assert!(!ranges.is_empty() && ranges[0].start == 0);
    assert!(read_bmap(&map, size + 4096).unwrap_err().contains("for"));
    for (from, to) in
        [("BlockSize>", "Blocksize>"), ("</Range>", ""), ("<Range", "<Range> 9-3 </Range><Range")]
    {
        assert!(read_bmap(&map.replace(from, to), size).is_err(), "{from}");
    }
}
