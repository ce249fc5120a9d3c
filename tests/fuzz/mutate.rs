//! Seeded changes to what real clients send: a target's corpus, piece by piece broken.

use crate::chance::Chance;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a target gets in a plain `cargo test`; `make fuzz` sets `ROOMBOX_FUZZ_SECONDS`.
const MOMENT: Duration = Duration::from_millis(700);
/// Longest input: a signalling message or a whole description, not more.
const LONGEST: usize = 16 * 1024;
/// Values at which lengths, counts and numbers turn over.
const EDGES: [u64; 12] =
    [0, 1, 2, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0xffff_ffff];

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/__fuzz__").join(target)
}

/// Inputs that are checked in for a target, in the order of their names.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = ["corpus", "crashes"]
        .iter()
        .filter_map(|part| fs::read_dir(folder(target).join(part)).ok())
        .flat_map(|listed| listed.filter_map(|entry| Some(entry.ok()?.path())))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("a corpus file")).collect()
}

/// Says how to come back to an input that broke something; it is kept for the corpus.
struct Blame<'a> {
    target: &'a str,
    seed: u64,
    round: u64,
    input: &'a [u8],
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (target, seed, round) = (self.target, self.seed, self.round);
            let crashes = folder(target).join("crashes");
            let path = crashes.join(format!("{seed}-{round}"));
            let kept = fs::create_dir_all(&crashes).and_then(|()| fs::write(&path, self.input));
            eprintln!("{target}: ROOMBOX_FUZZ_SEED={seed}, input {round}");
            match kept {
                Ok(()) => eprintln!("kept as {}", path.display()),
                Err(error) => eprintln!("not kept ({error}): {:02x?}", self.input),
            }
        }
    }
}

/// Gives a target its corpus, then broken pieces of it until its time is over. The seed is always
/// the same unless `ROOMBOX_FUZZ_SEED` says otherwise: a commit passes or it does not.
pub fn explore(target: &str, mut check: impl FnMut(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{target} has no corpus");
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("ROOMBOX_FUZZ_SEED").unwrap_or(1);
    let time = number("ROOMBOX_FUZZ_SECONDS").map_or(MOMENT, Duration::from_secs);
    let mut chance = Chance::new(seed);
    let begun = Instant::now();
    let mut round = 0;
    while round < corpus.len() as u64 || begun.elapsed() < time {
        let fresh = corpus.get(round as usize).cloned();
        let input = fresh.unwrap_or_else(|| mutant(&mut chance, &corpus));
        let blame = Blame { target, seed, round, input: &input };
        check(&input);
        drop(blame);
        round += 1;
    }
}

fn pick<'a>(chance: &mut Chance, corpus: &'a [Vec<u8>]) -> &'a [u8] {
    &corpus[chance.below(corpus.len() as u64) as usize]
}

/// A place in `bytes`, its end included.
fn place(chance: &mut Chance, bytes: &[u8]) -> usize {
    chance.below(bytes.len() as u64 + 1) as usize
}

/// A piece of `bytes`, mostly a short one.
fn piece(chance: &mut Chance, bytes: &[u8]) -> std::ops::Range<usize> {
    let from = place(chance, bytes);
    let longest = if chance.percent(80) { 16 } else { bytes.len() as u64 };
    let length = chance.below(longest + 1) as usize;
    from..(from + length).min(bytes.len())
}

fn mutant(chance: &mut Chance, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pick(chance, corpus).to_vec();
    for _ in 0..=chance.below(5) {
        let at = piece(chance, &bytes);
        match chance.below(8) {
            0 if !at.is_empty() => bytes[at.start] ^= 1 << chance.below(8),
            1 if !at.is_empty() => bytes[at.start] = chance.next() as u8,
            2 | 3 => {
                let edge = EDGES[chance.below(EDGES.len() as u64) as usize].to_be_bytes();
                let width = 1 << chance.below(3);
                let end = (at.start + width).min(bytes.len());
                bytes[at.start..end].copy_from_slice(&edge[8 - (end - at.start)..]);
            }
            4 => drop(bytes.drain(at)),
            5 => {
                let again = bytes[at.clone()].to_vec();
                bytes.splice(at.end..at.end, again);
            }
            6 => {
                let other = pick(chance, corpus);
                let taken = other[piece(chance, other)].to_vec();
                bytes.splice(at, taken);
            }
            _ if chance.percent(20) => bytes.truncate(at.start),
            _ => bytes.insert(at.start, chance.next() as u8),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

#[test]
fn the_same_seed_breaks_the_same_pieces() {
    let corpus = [b"one input".to_vec(), b"another".to_vec()];
    let run = |seed| {
        let mut chance = Chance::new(seed);
        (0..50).map(|_| mutant(&mut chance, &corpus)).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
