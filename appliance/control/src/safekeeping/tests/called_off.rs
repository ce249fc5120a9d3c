//! Planned backups that somebody calls off.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_called_off_on_its_way_is_cleared_away_and_not_made_up_for() {
    let house = House::new().await;
    let (nas, cloud) = (house.add("nas").await, house.add("cloud").await);
    house.ways.stuck.lock().unwrap().insert("cloud".to_owned());
    house.plan(&[&nas, &cloud], 2).await;
    let store = &house.safe.parts.store;
    let got = async |target: &String| {
        let rows = store.backup_copy_list("box_hall".to_owned()).await.unwrap();
        rows.iter().any(|row| row.target == *target && row.delivered_ms.is_some())
    };
    while !got(&nas).await || house.safe.flights().sent(&cloud, 1) != Some(3) {
        house.safe.turn().await.unwrap();
        tokio::task::yield_now().await;
    }
    let view = house.safe.call_off().await.unwrap();
    assert!(view.called_off && !view.making && view.error.is_none(), "{view:?}");
    assert!(view.places.iter().all(|place| place.waiting.is_none()), "{view:?}");
    assert_eq!(house.files(), 0, "it is not needed any more");
    assert_eq!(house.there("nas").len(), 1, "what is whole stays");
    // What the target has of it is cleared away by the targets' desk.
    let left = store.leftover_list(cloud.clone()).await.unwrap();
    assert!(left.iter().any(|left| left.name.ends_with("-1.age")), "{left:?}");
    let refused = house.safe.call_off().await.unwrap_err();
    assert_eq!(refused.code(), "nothing_to_cancel");

    house.ways.stuck.lock().unwrap().clear();
    house.settle().await;
    let mut house = house.again("box_hall").await;
    house.later(PAUSE * 2).await;
    house.settle().await;
    assert!(house.there("cloud").is_empty(), "it is not made up for, nor after a restart");
    let view = house.once_more().await;
    assert!(!view.called_off && house.there("cloud")[0].ends_with("-2.age"), "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_called_off_while_it_is_made_leaves_no_file_and_no_complaint() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let safe = house.safe.clone();
    let making = tokio::spawn(async move { safe.make_one(Duration::ZERO).await });
    while house.safe.parts.backups.view().work.is_none() {
        tokio::task::yield_now().await;
    }
    let busy = house.safe.parts.backups.cancel().unwrap_err();
    assert_eq!(busy.code(), "nothing_to_cancel", "it would be made anew at once");
    let view = house.safe.call_off().await.unwrap();
    making.await.unwrap();
    assert!(view.called_off && !house.safe.state().asked());
    let view = house.settle().await;
    assert!(view.error.is_none() && !view.making, "{view:?}");
    assert_eq!((house.files(), house.there("nas").len()), (0, 0));
    // A target that is new still gets one at once.
    let cloud = house.add("cloud").await;
    house.plan(&[&nas, &cloud], 2).await;
    house.settle().await;
    assert_eq!((house.there("nas").len(), house.there("cloud").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_made_when_it_was_called_off_is_of_no_use() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let sealed = house.safe.sealed().await.unwrap();
    house.safe.call_off().await.unwrap();
    assert!(!house.safe.keep(sealed).await.unwrap());
    house.safe.throw_away(1);
    let view = house.settle().await;
    assert!(view.called_off && view.places[0].good.is_none() && house.files() == 0, "{view:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_file_goes_while_it_is_called_off_is_no_failure() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let begun = house.safe.begin_one(Duration::ZERO);
    house.safe.call_off().await.unwrap();
    // It was read when calling off took it away.
    let gone = io::Error::from(io::ErrorKind::NotFound);
    house.safe.note_one(begun, Err(ControlError::Files(gone)));
    let view = house.settle().await;
    assert!(view.called_off && view.error.is_none() && !view.making, "{view:?}");
    assert_eq!(house.safe.trouble().await.unwrap(), Trouble::default());
    assert!(house.there("nas").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_was_called_off_does_not_come_back_with_the_one_before_it() {
    let house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    let begun = house.safe.begin_one(Duration::ZERO);
    // It has its rows, and somebody wants another one before its maker has noted it.
    assert!(house.safe.made().await.unwrap());
    house.safe.run_now().await.unwrap();
    house.safe.call_off().await.unwrap();
    house.safe.note_one(begun, Ok(true));
    assert!(!house.safe.state().asked());
    house.settle().await;
    assert_eq!((house.files(), house.there("nas").len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_could_not_be_made_is_not_tried_again_once_it_is_called_off() {
    let mut house = House::new().await;
    let nas = house.add("nas").await;
    house.plan(&[&nas], 2).await;
    house.settle().await;
    // One of its turn: nobody has asked for it.
    let begun = house.safe.begin_one(house.safe.moment().up);
    house.safe.note_one(begun, Err(BackupError::NoTarget.into()));
    let view = house.safe.view().await.unwrap();
    assert!(view.error.is_some() && !view.making, "{view:?}");
    let view = house.safe.call_off().await.unwrap();
    assert!(view.called_off && view.error.is_none() && !view.making, "{view:?}");
    house.later(PAUSE * 2).await;
    house.settle().await;
    assert_eq!(house.there("nas").len(), 1, "it is not made up for");
    let refused = house.safe.call_off().await.unwrap_err();
    assert_eq!(refused.code(), "nothing_to_cancel");
}
