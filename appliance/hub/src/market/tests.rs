//! Pairs of boxes that offer and boxes that are free.

use super::*;

fn id(name: &str) -> BoxId {
    BoxId::of_key(&name.repeat(56))
}

fn offers(jobs: &[(&str, u32)]) -> BoxPulse {
    let offer = |(job, number): &(&str, u32)| BoxOffer {
        job: (*job).to_owned(),
        number: *number,
        media_ms: 1,
    };
    BoxPulse { offers: jobs.iter().map(offer).collect(), ..BoxPulse::default() }
}

fn free(minute_ms: u64) -> BoxPulse {
    BoxPulse { minute_ms: Some(minute_ms), ..BoxPulse::default() }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn told(pairs: &[Pair]) -> Vec<(BoxId, String)> {
    pairs.iter().map(|pair| (pair.to.clone(), pair.offer.job.clone())).collect()
}

#[test]
fn the_quickest_free_box_is_asked_and_nobody_for_its_own_job() {
    let mut market = Market::default();
    let own = BoxPulse { minute_ms: Some(1), ..offers(&[("job_1", 1)]) };
    let boxes =
        [(id("a"), own), (id("b"), free(900)), (id("c"), free(30)), (id("d"), BoxPulse::default())];
    let pairs = market.look(at(0), &boxes);
    assert_eq!(told(&pairs), [(id("c"), "job_1".to_owned())]);
    assert_eq!(pairs[0].origin, id("a"));
    assert_eq!(market.look(at(2), &boxes), [], "it was asked already");
}

#[test]
fn who_does_not_come_is_left_out_and_somebody_else_is_asked() {
    let mut market = Market::default();
    let boxes = [(id("a"), offers(&[("job_1", 1)])), (id("b"), free(900)), (id("c"), free(30))];
    market.look(at(0), &boxes);
    assert_eq!(market.look(at(19), &boxes), []);
    assert_eq!(told(&market.look(at(20), &boxes)), [(id("b"), "job_1".to_owned())]);
    // The attempt came to nothing there: the other one is still left out.
    let again = [(id("a"), offers(&[("job_1", 2)])), (id("b"), free(900)), (id("c"), free(30))];
    assert_eq!(market.look(at(40), &again), []);
    assert_eq!(told(&market.look(at(141), &again)), [(id("c"), "job_1".to_owned())]);
}

#[test]
fn a_box_that_says_it_is_busy_speaks_for_itself_from_then_on() {
    let mut market = Market::default();
    let one = |jobs: &[(&str, u32)], worker: BoxPulse| [(id("a"), offers(jobs)), (id("b"), worker)];
    market.look(at(0), &one(&[("job_1", 1), ("job_2", 1)], free(1)));
    let busy = BoxPulse::default();
    assert_eq!(market.look(at(2), &one(&[("job_2", 1)], free(1))), [], "it may not know yet");
    assert_eq!(market.look(at(4), &one(&[("job_2", 1)], busy)), []);
    let pairs = market.look(at(6), &one(&[("job_2", 1)], free(1)));
    assert_eq!(told(&pairs), [(id("b"), "job_2".to_owned())]);
}

#[test]
fn one_box_with_many_jobs_does_not_take_every_helper() {
    let mut market = Market::default();
    let many = offers(&[("job_1", 1), ("job_2", 1), ("job_3", 1)]);
    let mut boxes = vec![(id("a"), many), (id("b"), offers(&[("job_9", 1)]))];
    boxes.extend(["c", "d"].map(|name| (id(name), free(5))));
    let jobs: Vec<_> = told(&market.look(at(0), &boxes)).into_iter().map(|(_, job)| job).collect();
    assert_eq!(jobs, ["job_1", "job_9"]);
}
