//! The power goes before every step of a restore, and of its way back.

use super::*;

fn note() -> RestoreNote {
    RestoreNote {
        at: UnixMs(1_000),
        box_name: "Hall".to_owned(),
        made_at: UnixMs(500),
        restored_as: RestoreAs::TakeOver,
        undone: false,
    }
}

/// A box's data folder in which a restore is planned.
fn planned() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for name in ["roombox.db", "roombox.db-wal", MARK] {
        fs::write(data.join(name), "old").unwrap();
    }
    for (name, what) in [(SECRETS, "old"), ("recordings", "film"), (NATS, "store")] {
        fs::create_dir(data.join(name)).unwrap();
        fs::write(data.join(name).join("box.key"), what).unwrap();
    }
    let staged = stage(data).unwrap();
    fs::write(staged.join(DATABASE), "new").unwrap();
    fs::create_dir(staged.join(SECRETS)).unwrap();
    fs::write(staged.join(SECRETS).join("box.key"), "new").unwrap();
    plan(data, note()).unwrap();
    folder
}

fn text(path: PathBuf) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn is_new(data: &Path) {
    assert_eq!(text(data.join(DATABASE)).as_deref(), Some("new"));
    assert_eq!(text(data.join("secrets/box.key")).as_deref(), Some("new"));
    let kept = data.join(KEPT);
    assert_eq!(text(kept.join(DATABASE)).as_deref(), Some("old"));
    assert_eq!(text(kept.join("roombox.db-wal")).as_deref(), Some("old"));
    assert_eq!(text(kept.join("secrets/box.key")).as_deref(), Some("old"));
    for name in ["roombox.db-wal", MARK, RESTORE, NATS] {
        assert!(!data.join(name).exists(), "{name}");
    }
    assert_eq!(text(data.join("recordings/box.key")).as_deref(), Some("film"));
}

fn is_old(data: &Path) {
    assert_eq!(text(data.join(DATABASE)).as_deref(), Some("old"));
    assert_eq!(text(data.join("roombox.db-wal")).as_deref(), Some("old"));
    assert_eq!(text(data.join("secrets/box.key")).as_deref(), Some("old"));
    // So that the hub hears of another epoch.
    assert!(!data.join(MARK).exists());
    assert_eq!(text(data.join(KEPT).join(DATABASE)).as_deref(), Some("new"));
}

/// Carries the plan out, with the power going before step `at` of each start: how many starts it took.
fn with_cuts(data: &Path, at: usize) -> usize {
    for start in 1..100 {
        let mut left: usize = at;
        let outcome = carry_out(data, &mut |_| {
            left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is gone"))?;
            Ok(())
        });
        match outcome {
            Ok(_) => return start,
            Err(error) => assert_eq!(error.to_string(), "the power is gone"),
        }
    }
    panic!("it never ends");
}

#[test]
fn a_restore_is_whole_whenever_the_power_goes() {
    let mut all = 0;
    let calm = planned();
    carry_out(calm.path(), &mut |_| {
        all += 1;
        Ok(())
    })
    .unwrap();
    is_new(calm.path());
    assert!(all >= 12, "{all} steps");
    for at in 1..all {
        let folder = planned();
        let mut left: usize = at;
        let cut = carry_out(folder.path(), &mut |_| {
            left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is gone"))?;
            Ok(())
        });
        assert!(cut.is_err(), "step {at}");
        carry_out(folder.path(), &mut |_| Ok(())).unwrap();
        is_new(folder.path());
    }
}

#[test]
fn a_restore_that_is_cut_at_every_start_still_ends() {
    // A start that makes three steps at least gets somewhere.
    for at in 3..7 {
        let folder = planned();
        assert!(with_cuts(folder.path(), at) > 1);
        is_new(folder.path());
    }
}

#[test]
fn a_restore_is_taken_back_whenever_the_power_goes_and_again() {
    for at in 0..20 {
        let folder = planned();
        let data = folder.path();
        carry_out(data, &mut |_| Ok(())).unwrap();
        assert_eq!(kept(data).map(|(note, _)| note), Some(note()));
        plan_back(data, UnixMs(2_000)).unwrap();
        let mut left: usize = at;
        let mut cut = |_: &str| {
            left = usize::checked_sub(left, 1).ok_or_else(|| io::Error::other("cut"))?;
            Ok(())
        };
        drop(carry_out(data, &mut cut));
        carry_out(data, &mut |_| Ok(())).unwrap();
        is_old(data);
        assert!(kept(data).unwrap().0.undone);
        plan_back(data, UnixMs(3_000)).unwrap();
        carry_out(data, &mut |_| Ok(())).unwrap();
        assert_eq!(text(data.join(DATABASE)).as_deref(), Some("new"));
    }
}

#[test]
fn what_was_staged_without_a_plan_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DATABASE), "old").unwrap();
    fs::write(stage(folder.path()).unwrap().join(DATABASE), "half").unwrap();
    assert_eq!(carry_out(folder.path(), &mut |_| Ok(())).unwrap(), None);
    assert_eq!(text(folder.path().join(DATABASE)).as_deref(), Some("old"));
    assert!(!folder.path().join(RESTORE).exists());
}

#[test]
fn nothing_is_staged_over_a_plan() {
    let folder = planned();
    assert!(matches!(stage(folder.path()), Err(BackupError::Restarting)));
    unstage(folder.path());
    assert!(waits(folder.path()));
    assert!(matches!(forget(folder.path()), Err(BackupError::NothingBefore)));
}

#[test]
fn a_way_back_whose_files_are_gone_leaves_the_box_as_it_is() {
    let folder = planned();
    let data = folder.path();
    at_start(data).unwrap();
    plan_back(data, UnixMs(2_000)).unwrap();
    fs::remove_dir_all(data.join(KEPT)).unwrap();
    assert_eq!(at_start(data).unwrap(), None);
    assert_eq!(text(data.join(DATABASE)).as_deref(), Some("new"));
    assert_eq!(text(data.join("secrets/box.key")).as_deref(), Some("new"));
    assert!(!data.join(RESTORE).exists());
}

/// What takes room on the disk.
const WRITES: [&str; 3] = ["folder", "advance", "about"];

/// A full disk, from the `at`th write on.
fn full_from(mut at: usize) -> impl FnMut(&str) -> io::Result<()> {
    move |step| {
        if WRITES.contains(&step) {
            at = at.checked_sub(1).ok_or(ErrorKind::StorageFull)?;
        }
        Ok(())
    }
}

fn as_before(data: &Path) {
    assert_eq!(text(data.join(DATABASE)).as_deref(), Some("old"));
    assert_eq!(text(data.join("roombox.db-wal")).as_deref(), Some("old"));
    assert_eq!(text(data.join("secrets/box.key")).as_deref(), Some("old"));
    assert_eq!(text(data.join(MARK)).as_deref(), Some("old"), "it is no other epoch");
    assert_eq!(text(data.join("nats/box.key")).as_deref(), Some("store"));
    assert!(!data.join(RESTORE).exists() && !data.join(KEPT).exists());
}

#[test]
fn a_full_disk_gives_a_restore_up_and_the_box_starts_as_it_was() {
    let mut given_up = 0;
    for at in 0..9 {
        let folder = planned();
        match settle(folder.path(), &mut full_from(at)).unwrap().unwrap() {
            Restored::GivenUp(why) => {
                assert_eq!(why.note, note());
                assert!(!why.why.is_empty());
                as_before(folder.path());
                given_up += 1;
            }
            Restored::Done(_) => is_new(folder.path()),
        }
        assert_eq!(settle(folder.path(), &mut |_| Ok(())).unwrap(), None, "once is enough");
    }
    assert_eq!(given_up, 4, "folder, two phases, what is said of what was before");
}

#[test]
fn giving_up_is_whole_whenever_the_power_goes() {
    let mut cuts = 0;
    for at in 0..4 {
        for cut in 0..40 {
            let folder = planned();
            let (mut full, mut left) = (full_from(at), cut);
            let mut steps = |step: &str| {
                full(step)?;
                left = usize::checked_sub(left, 1).ok_or_else(|| io::Error::other("cut"))?;
                Ok(())
            };
            let ended = settle(folder.path(), &mut steps);
            if ended.is_err() {
                cuts += 1;
                // The disk has no room for a single word any more.
                settle(folder.path(), &mut full_from(0)).unwrap();
            }
            as_before(folder.path());
        }
    }
    assert!(cuts > 40, "{cuts}");
}

#[test]
fn a_way_back_that_a_full_disk_gives_up_can_be_tried_again() {
    for at in 0..5 {
        let folder = planned();
        let data = folder.path();
        carry_out(data, &mut |_| Ok(())).unwrap();
        plan_back(data, UnixMs(2_000)).unwrap();
        assert!(
            matches!(settle(data, &mut full_from(at)).unwrap(), Some(Restored::GivenUp(_))),
            "{at}"
        );
        is_new_but_nats(data);
        plan_back(data, UnixMs(3_000)).unwrap();
        at_start(data).unwrap();
        is_old(data);
    }
}

#[test]
fn what_cannot_be_cleared_in_its_place_is_moved_out_of_it() {
    let folder = planned();
    let data = folder.path();
    // A folder cannot be cleared where a file is.
    fs::remove_dir_all(data.join(NATS)).unwrap();
    for name in [NATS, SPARES] {
        fs::write(data.join(name), "in the way").unwrap();
    }
    assert_eq!(at_start(data).unwrap(), Some(Restored::Done(note())));
    is_new(data);
    assert!(!data.join(SPARES).exists());
}

fn is_new_but_nats(data: &Path) {
    assert_eq!(text(data.join(DATABASE)).as_deref(), Some("new"));
    assert_eq!(text(data.join("secrets/box.key")).as_deref(), Some("new"));
    assert_eq!(text(data.join(KEPT).join(DATABASE)).as_deref(), Some("old"));
    assert!(!data.join("roombox.db-wal").exists() && !data.join(RESTORE).exists());
}
