//! For every fault at every place: a verified disk, or no table on it.

use crate::image::{MIB, holds, old_disk, tables};
use crate::memory::{Fault, Memory};
use crate::whole::{Image, toml};
use proptest::prelude::*;
use std::sync::OnceLock;

const DISK: usize = 20 * MIB;

fn image() -> &'static (Image, Vec<u8>) {
    static IMAGE: OnceLock<(Image, Vec<u8>)> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let image = Image::new();
        let fat = image.fat_with(&toml());
        (image, fat)
    })
}

/// Writes onto a disk with this fault; panics if what is left is neither whole nor without a table.
fn survives(fault: Fault) {
    let (image, fat) = image();
    let old = old_disk(DISK);
    let mut dev = Memory::new(old.clone(), fault);
    let done = image.write(&mut dev, &toml());
    // What the disk holds, as the next computer sees it.
    let seen: Vec<u8> = match fault {
        Fault::Wraps { capacity } => {
            (0..DISK).map(|at| dev.bytes[at % capacity as usize]).collect()
        }
        _ => dev.bytes.clone(),
    };
    let whole = holds(&seen, &image.raw, &image.manifest, Some(fat));
    let (head, tail) = tables(&seen);
    match &done {
        Ok(outcome) => assert!(whole && outcome.verified, "{fault:?}: said to be done, and is not"),
        Err(error) => {
            let untouched = seen[MIB..DISK - MIB] == old[MIB..DISK - MIB];
            let gone = matches!(fault, Fault::Gone { .. });
            // Unplugged before it could be removed, a table stands only over what is whole; one end's
            // stands alone while nothing was written yet, or while the other end's is to come.
            let old_one = tail.as_ref().is_some_and(|table| table.labelled("old").is_some());
            let half = head.is_none() && gone && !old_one;
            assert!(
                (head.is_none() && tail.is_none()) || whole || untouched || half,
                "{fault:?}: {error}, and there is a table over something else"
            );
            assert!(error.to_string().len() > 40, "{error}");
        }
    }
}

#[test]
fn every_step_meets_every_fault() {
    let (image, _) = image();
    let boot = image.manifest.boot_partition().unwrap();
    let mut places = vec![0, 511, 512, 600, 4096, 16384, MIB as u64 - 1, MIB as u64];
    places.extend([boot.offset + 600, boot.offset + 40_000, boot.offset + boot.size - 1]);
    places.extend(image.manifest.ranges.iter().flat_map(|r| [r.offset, r.offset + r.length - 1]));
    places
        .extend([DISK - MIB, DISK - 20_000, DISK - 4096, DISK - 512, DISK - 1].map(|at| at as u64));
    places.sort_unstable();
    places.dedup();
    for at in places {
        for fault in [
            Fault::WriteFlip { at, times: 1 },
            Fault::WriteFlip { at, times: u32::MAX },
            Fault::ReadFlip { at, times: 1 },
            Fault::ReadFlip { at, times: u32::MAX },
            Fault::WriteError { at },
            Fault::ReadError { at },
            Fault::Ignores { at },
        ] {
            survives(fault);
        }
    }
    for bytes in [512, 4096, 5000, 65536] {
        survives(Fault::Short { bytes });
    }
    for mib in [2, 3, 5, 8, 10, 13, 15, 17, 19] {
        survives(Fault::Wraps { capacity: mib * MIB as u64 });
    }
}

#[test]
fn unplugged_at_any_moment_there_is_a_whole_disk_or_no_table() {
    let (image, _) = image();
    let mut dev = Memory::new(old_disk(DISK), Fault::None);
    image.write(&mut dev, &toml()).unwrap();
    let all = dev.operations;
    // The first and last are the interesting ones; between them one in a few.
    let step = if std::env::var_os("ROOMBOX_FULL").is_some() { 1 } else { 7 };
    for at in (0..all).filter(|at| *at < 12 || *at + 40 > all || at % step == 0) {
        survives(Fault::Gone { at });
    }
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let at = 0..DISK as u64;
    prop_oneof![
        (at.clone(), 1..4u32).prop_map(|(at, times)| Fault::WriteFlip { at, times }),
        (at.clone(), 1..4u32).prop_map(|(at, times)| Fault::ReadFlip { at, times }),
        at.clone().prop_map(|at| Fault::WriteError { at }),
        at.clone().prop_map(|at| Fault::ReadError { at }),
        at.clone().prop_map(|at| Fault::Ignores { at }),
        (1..2 * MIB).prop_map(|bytes| Fault::Short { bytes }),
        (2 * 256..DISK as u64 / 4096).prop_map(|blocks| Fault::Wraps { capacity: blocks * 4096 }),
        (0..200u64).prop_map(|at| Fault::Gone { at }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("ROOMBOX_FULL").is_some() { 1000 } else { 60 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_fault_anywhere_leaves_a_whole_disk_or_no_table(fault in any_fault()) {
        survives(fault);
    }
}
