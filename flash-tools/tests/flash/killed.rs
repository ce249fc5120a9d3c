//! kill -9 in the middle, of the program itself: the old table is gone, nothing half boots, and the
//! same command finishes.

use crate::command::{roomflash, run, text};
use crate::image::{Files, MIB, facts, holds, old_disk, read, tables};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn killed_at_any_moment_there_is_no_half_a_disk_and_the_next_run_finishes() {
    let kills = if std::env::var_os("ROOMBOX_FULL").is_some() { 100 } else { 20 };
    let files = Files::new(24, &facts());
    let size = 64 * MIB;
    let old = old_disk(size);
    let disk = files.at("disk.img");
    let arguments = files.write_arguments(text(&disk), &["--json"]);
    fs::write(&disk, &old).unwrap();
    let begun = Instant::now();
    assert_eq!(run(&arguments).code, 0);
    let whole = begun.elapsed();
    let (mut without_table, mut kept) = (0, 0);
    for n in 0..kills {
        fs::write(&disk, &old).unwrap();
        let mut child = roomflash().args(&arguments).stdout(Stdio::null()).spawn().unwrap();
        // Spread over the whole run; it is the moment that is chosen, nothing is waited for.
        let moment = whole.mul_f64((f64::from(n) + 0.5) / f64::from(kills));
        let deadline = Instant::now() + moment;
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = child.kill();
        child.wait().unwrap();
        let left = read(&disk);
        let (head, tail) = tables(&left);
        if head.is_some() || tail.is_some() {
            // Not yet begun, or done: never a table over something else.
            let untouched = left[MIB..size - MIB] == old[MIB..size - MIB];
            let done = head.is_some() && holds(&left, &files.raw, &files.manifest, None);
            let finishing = head.is_none() && {
                files.manifest.ranges.iter().skip(1).all(|range| {
                    let place = range.offset as usize..(range.offset + range.length) as usize;
                    left[place.clone()] == files.raw[place]
                })
            };
            assert!(untouched || done || finishing, "kill {n}: a table over half an image");
        } else {
            without_table += 1;
        }
        let again = run(&arguments);
        assert_eq!(again.code, 0, "kill {n}: {}", again.text);
        let last: serde_json::Value =
            serde_json::from_str(again.text.lines().last().unwrap()).unwrap();
        kept += u32::from(last["kept"].as_u64().unwrap() > 0);
        assert!(holds(&read(&disk), &files.raw, &files.manifest, None), "kill {n}");
    }
    println!(
        "{kills} kills: {without_table} left no table, {kept} second runs kept what was there"
    );
    assert!(without_table >= kills / 5, "the kills came too early or too late");
    assert!(kept >= 1, "nothing was ever kept");
}
