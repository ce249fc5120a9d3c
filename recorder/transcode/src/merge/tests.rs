//! Whatever films are merged: nothing is longer or shorter than its films, and no sound drifts away.

use super::*;
use proptest::prelude::*;

const RATE: u32 = 48_000;

fn samples(durations: &[u32]) -> Vec<Sample> {
    durations.iter().map(|d| Sample { bytes: *d, duration: *d, keyframe: false }).collect()
}

proptest! {
    #[test]
    fn pictures_last_as_long_together_as_alone(
        films in prop::collection::vec(
            (prop::sample::select(vec![30_000u32, 90_000, 25_000, 60_000]),
             prop::collection::vec(1u32..9000, 1..120)),
            1..6),
    ) {
        let all: Vec<(u32, Vec<Sample>)> =
            films.iter().map(|(scale, durations)| (*scale, samples(durations))).collect();
        let row: Vec<Pictures<'_>> = all
            .iter()
            .map(|(timescale, samples)| Pictures { timescale: *timescale, samples })
            .collect();
        let spliced = pictures(&row);
        let count: usize = films.iter().map(|(_, durations)| durations.len()).sum();
        prop_assert_eq!(spliced.samples.len(), count);
        let sum: u64 = spliced.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        prop_assert_eq!(sum, *spliced.seams.last().unwrap());
        let alone: f64 = all
            .iter()
            .map(|(scale, s)| s.iter().map(|s| f64::from(s.duration)).sum::<f64>() / f64::from(*scale))
            .sum();
        let together = sum as f64 / f64::from(spliced.timescale);
        // Less than a unit of the clock for each film.
        let most = films.len() as f64 / f64::from(spliced.timescale);
        prop_assert!((alone - together).abs() <= most, "{} {}", alone, together);
        if films.iter().all(|(scale, _)| *scale == films[0].0) {
            prop_assert_eq!(spliced.timescale, films[0].0);
            let durations = films.iter().flat_map(|(_, durations)| durations.clone());
            let kept: Vec<u32> = spliced.samples.iter().map(|sample| sample.duration).collect();
            prop_assert_eq!(kept, durations.collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_sound_is_further_from_its_pictures_than_half_a_frame_however_many_films(
        films in prop::collection::vec(
            (300_000u64..90_000_000, prop::option::weighted(0.85, 0u32..2100), -40i64..3),
            1..25),
    ) {
        let mut seams = vec![0];
        let mut sounds = Vec::new();
        for (duration_us, lead, more) in &films {
            seams.push(seams.last().unwrap() + duration_us);
            sounds.push(lead.map(|lead| {
                // As long as its film, or ending before it, or a little after it.
                let whole = (duration_us * u64::from(RATE) / 1_000_000 + u64::from(lead)) as i64;
                let frames = (whole + 1023) / 1024 + more;
                Sound { frames: frames.max(3) as usize, lead }
            }));
        }
        let spliced = sound(&sounds, &seams, RATE);
        for (n, skew) in spliced.skews.iter().enumerate() {
            prop_assert!(skew.abs() <= 512, "film {n} is {skew} samples off");
        }
        let count: usize = spliced.frames.iter().map(|frames| frames.count()).sum();
        let most = (seams.last().unwrap() * u64::from(RATE)).div_ceil(1_000_000)
            + u64::from(spliced.lead);
        prop_assert!(count as u64 * 1024 <= most + 1023);
        // Each film's frames stay in order, and no frame is there twice.
        let mut film_before = None;
        for frames in &spliced.frames {
            if let Frames::Of { film, from, count } = frames {
                prop_assert!(film_before < Some(*film));
                prop_assert!(from + count <= sounds[*film].unwrap().frames);
                // What a seam costs: the encoder's lead, and two frames of the end.
                prop_assert!(*from <= 2);
                film_before = Some(*film);
            }
        }
    }
}

#[test]
fn films_of_ours_lose_no_more_than_a_frame_at_a_seam() {
    // Ten seconds, as our encoder makes them: 1600 samples before the first moment.
    let film = Sound { frames: (480_000 + 1600usize).div_ceil(1024), lead: 1600 };
    let seams = [0, 10_000_000, 20_000_000, 30_000_000];
    let spliced = sound(&[Some(film); 3], &seams, RATE);
    let of = |film, from, count| Frames::Of { film, from, count };
    assert_eq!(spliced.frames, [of(0, 0, 470), of(1, 1, 469), of(2, 1, 469)]);
    assert_eq!(spliced.lead, 1600);
    let total = 1_407 * 1024 + i64::from(spliced.last);
    assert_eq!(total, 3 * 480_000 + 1600);
}

#[test]
fn a_film_without_sound_is_silent_and_the_next_is_in_step() {
    let film = Sound { frames: 472, lead: 1600 };
    let spliced =
        sound(&[Some(film), None, Some(film)], &[0, 10_000_000, 15_000_000, 25_000_000], RATE);
    let silent = |frames: &&Frames| matches!(frames, Frames::Silent { .. });
    let silent: usize = spliced.frames.iter().filter(silent).map(|frames| frames.count()).sum();
    assert!((230..236).contains(&silent), "{silent} frames for five seconds");
    assert!(spliced.skews[2].abs() <= 512);
    assert_eq!(sound(&[None, None], &[0, 1, 2], RATE).frames, []);
}
