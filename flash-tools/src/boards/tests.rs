//! Our boards are read as they are, and each rule is broken once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use super::*;
use std::path::PathBuf;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn ours() -> Vec<LaidOut> {
    read_all(&root().join("board-configs")).expect("our boards are sound")
}

/// Our boards in a folder of their own, with one replacement in one file.
fn with(file: &str, from: &str, to: &str) -> Result<Vec<LaidOut>, BoardError> {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("board-configs"), folder.path());
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} does not say {from:?}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    read_all(folder.path())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn generated_files_are_the_ones_that_the_boards_make() {
    let mut files = generate(&ours());
    files.push(crates(&root().join("Cargo.lock")).unwrap());
    let stale = changes(&root().join("yocto/generated"), &files).unwrap();
    assert!(stale.is_empty(), "run `make boards`: {stale:?}");
}

#[test]
fn only_crates_of_the_registry_are_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("Cargo.lock");
    let package = |source: &str| {
        format!(
            "[[package]]\nname = \"one\"\nversion = \"1.0.0\"\n{source}\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n"
        )
    };
    let registry =
        "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"abc\"\n";
    fs::write(&lock, package(registry)).unwrap();
    let text = crates(&lock).unwrap().text;
    assert!(text.contains("    crate://crates.io/one/1.0.0 \\\n"), "{text}");
    assert!(text.contains("SRC_URI[one-1.0.0.sha256sum] = \"abc\"\n"), "{text}");
    assert!(!text.contains("ours"), "{text}");
    fs::write(&lock, package("source = \"git+https://example.org/one#1\"\n")).unwrap();
    let refused = crates(&lock).unwrap_err().to_string();
    assert!(refused.contains("not from crates.io"), "{refused}");
}

#[test]
fn a_broken_rule_is_told_with_its_file_and_what_to_do() {
    let x86 = "x86-64-uefi/board.toml";
    let pc = "layouts/x86-uefi.toml";
    let rockchip = "layouts/rockchip.toml";
    for (file, from, to, told) in [
        (x86, "smallest_disk", "smalest_disk", "unknown field `smalest_disk`"),
        (x86, "\"x86-64-uefi\"", "\"x86\"", "must be the name of the folder"),
        (x86, "\"roombox-x86-64\"", "\"Roombox x86\"", "small letters"),
        (x86, "\"roombox-x86-64\"", "\"roombox-qemu-x86-64\"", "taken for the other board's"),
        (x86, "\"8 GiB\"", "\"2 GiB\"", "the image takes"),
        (x86, "\"8 GiB\"", "\"8GB\"", "is no size"),
        (x86, "\"8 GiB\"", "\"99999999999999 GiB\"", "is no size"),
        (x86, "3840x2160@60", "4K", "1920x1080@30"),
        (x86, "[\"ttyS0,115200\", \"tty0\"]", "[]", "the claim code must appear"),
        (x86, "x86-uefi", "x86-bios", "board.toml: layout is \"x86-bios\""),
        (x86, "\"tty0\"", "\"tty0 rauc.slot=A\"", "write it as tty0"),
        ("rock-5b/board.toml", "\"aarch64\"", "\"x86_64\"", "needs the x86 layout"),
        ("raspberrypi4/board.toml", "0a5c:2711", "a5c:2711", "vendor:product"),
        ("raspberrypi4/board.toml", "rpiboot", "rockusb", "\"rockusb\" does not go with"),
        ("rock-5b/board.toml", "rockusb", "rpiboot", "\"rpiboot\" does not go with"),
        ("rock-5b/board.toml", "[\"2207:350b\"]", "[]", "needs usb"),
        (x86, "seconds = ", "seconds = 0 #", "bite at once"),
        (pc, "label = \"kernel-b\"", "label = \"kernel-c\"", "\"kernel-b\", which updates need"),
        (pc, "label = \"kernel-b\"", "label = \"kernel-a\"", "\"kernel-b\", which updates need"),
        (pc, "size = \"32 MiB\"", "size = \"33 MiB\"", "must be alike"),
        (pc, "size = \"64 MiB\"", "size = \"8 MiB\"", "to hold a file system"),
        (pc, "first = \"1 MiB\"", "first = \"1000 KiB\"", "begin at whole MiB"),
        (pc, "size = \"128 MiB\"", "size = \"130000 KiB\"", "whole MiB"),
        (pc, "label = \"data\"", "label = \"rest\"", "\"data\", which updates need"),
        (rockchip, "sector = 64", "sector = 32", "lies in the partition table"),
        (rockchip, "sector = 16384", "sector = 16000", "lies in idbloader"),
        (rockchip, "sector = 28800", "sector = 32768", "reaches into the first partition"),
    ] {
        let error = with(file, from, to).expect_err(told).to_string();
        assert!(error.contains(told), "{from} -> {to}: {error}");
        assert!(error.contains(".toml"), "names no file: {error}");
    }
}

#[test]
fn a_board_more_is_one_folder_more() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("board-configs"), folder.path());
    let text = fs::read_to_string(folder.path().join("orangepi-3b/board.toml")).unwrap();
    let eighth = folder.path().join("rock-3a");
    fs::create_dir(&eighth).unwrap();
    fs::write(eighth.join("board.toml"), text.replace("orangepi-3b", "rock-3a")).unwrap();
    let boards = read_all(folder.path()).unwrap();
    assert_eq!(boards.len(), ours().len() + 1);
    fs::rename(eighth.join("board.toml"), eighth.join("boards.toml")).unwrap();
    let refused = read_all(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("rock-3a/board.toml: there is none in this folder"), "{refused}");
    let (before, after) = (generate(&ours()), generate(&boards));
    // What the other boards have stays as it is, but for the table of all.
    let lost: Vec<_> = before.iter().filter(|file| !after.contains(file)).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(after.iter().any(|file| file.path == "conf/machine/roombox-rock-3a.conf"));
}

#[test]
fn partitions_follow_each_other_without_overlap_and_fit_the_image() {
    for LaidOut { board, layout } in ours() {
        let mut end = layout.first.bytes();
        for place in layout.places() {
            assert!(place.offset.bytes() >= end, "{}: {}", board.id, place.partition.label);
            assert_eq!(place.offset.bytes() % layout::ALIGNMENT.bytes(), 0);
            end = place.offset.bytes() + place.partition.size.bytes();
        }
        assert!(layout.image_size().bytes() > end);
    }
}

#[test]
fn the_first_image_has_a_file_system_for_data_and_an_empty_side_b() {
    for file in generate(&ours()).iter().filter(|file| file.path.ends_with(".wks")) {
        let part = |label: &str| {
            let named = format!("--part-name {label} ");
            file.text
                .lines()
                .find(|line| line.contains(&named))
                .unwrap_or_else(|| panic!("{label}"))
        };
        let data = part("data");
        assert!(data.contains("--fstype=ext4") && !data.contains("--source"), "{data}");
        assert!(part("rootfs-a").contains("--source rawcopy"));
        assert!(part("rootfs-b").contains("--source empty"));
    }
}

#[test]
fn a_first_image_is_made_of_files_that_its_machine_waits_for() {
    let files = generate(&ours());
    for LaidOut { board, layout } in ours() {
        let machine = &board.yocto.machine;
        let text =
            |path: String| &files.iter().find(|file| file.path == path).expect("is there").text;
        let (conf, wks) = (
            text(format!("conf/machine/{machine}.conf")),
            text(format!("files/wic/{machine}.wks")),
        );
        let waits = conf.lines().find(|line| line.starts_with("WKS_FILE_DEPENDS")).expect("waits");
        assert!(conf.contains("IMAGE_TYPEDEP:wic = \"squashfs-zst\""), "{conf}");
        // A root that is not deployed yet is found by its whole path only.
        assert!(wks.contains("file=${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.squashfs-zst"), "{wks}");
        let (makers, first): (&[&str], _) = match layout.loader {
            Loader::GrubEfi => (&["roombox-esp", "roombox-boot-slots"], "esp"),
            Loader::RpiTryboot => (&["roombox-boot-slots"], "boot"),
            Loader::Uboot => (&["virtual/bootloader", "roombox-uboot-script"], "boot"),
        };
        for maker in makers {
            assert!(waits.contains(maker), "{}: {waits} lacks {maker}", board.id);
        }
        let file = match layout.loader {
            Loader::GrubEfi => "roombox-esp.vfat",
            Loader::RpiTryboot => "roombox-firmware.vfat",
            Loader::Uboot => "roombox-boot.vfat",
        };
        let line = wks
            .lines()
            .find(|line| line.contains(&format!("--part-name {first} ")))
            .expect("first");
        assert!(line.contains(&format!("file={file}")), "{}: {line}", board.id);
    }
}

#[test]
fn u_boot_and_linux_are_told_the_same_place_of_the_environment() {
    let files = generate(&ours());
    let told: Vec<_> = files.iter().filter(|file| file.path.ends_with("boot/u-boot.cfg")).collect();
    assert_eq!(told.len(), ours().iter().filter(|one| one.layout.loader == Loader::Uboot).count());
    for config in told {
        let linux = config.path.replace("u-boot.cfg", "fw_env.config");
        let linux = &files.iter().find(|file| file.path == linux).expect("is there").text;
        let value = |key: &str| {
            let key = format!("{key}=");
            config
                .text
                .lines()
                .find_map(|line| line.strip_prefix(&key))
                .unwrap_or_else(|| panic!("{key}"))
        };
        let size = value("CONFIG_ENV_SIZE");
        for offset in ["CONFIG_ENV_OFFSET", "CONFIG_ENV_OFFSET_REDUND"] {
            let row = format!("/dev/roombox/disk {} {size}\n", value(offset));
            assert!(linux.contains(&row), "{}: {row} is not in {linux}", config.path);
        }
    }
}

#[test]
fn stale_missing_and_leftover_files_are_told_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let files = generate(&ours());
    assert_eq!(write(folder.path(), &files).unwrap().len(), files.len());
    assert_eq!(changes(folder.path(), &files).unwrap(), []);
    let first = folder.path().join(&files[0].path);
    fs::write(&first, files[0].text.replacen('\n', "\nby hand\n", 1)).unwrap();
    fs::remove_file(folder.path().join(&files[1].path)).unwrap();
    fs::write(folder.path().join("boards/old.txt"), "").unwrap();
    let expected = [
        Change::Differs { path: files[0].path.clone(), line: 2 },
        Change::Missing(files[1].path.clone()),
        Change::Leftover("boards/old.txt".to_owned()),
    ];
    assert_eq!(changes(folder.path(), &files).unwrap(), expected);
    assert_eq!(write(folder.path(), &files).unwrap(), expected);
    assert_eq!(changes(folder.path(), &files).unwrap(), []);
}

#[test]
fn sizes_are_whole_and_have_a_unit() {
    for (text, bytes) in [("64 KiB", 65_536), ("1 MiB", 1_048_576), ("8 GiB", 8_589_934_592)] {
        let size = Size::try_from(text.to_owned()).unwrap();
        assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, text));
    }
    for wrong in ["", "8", "8 GB", "8GiB", "-1 MiB", "0 MiB", "1.5 GiB"] {
        assert!(Size::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
    }
}
