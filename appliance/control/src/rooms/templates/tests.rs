//! What was looked at is what is changed.

use super::*;
use crate::conference::Later;
use crate::conference::quiet::Quiet;
use crate::keys::LivekitKeys;
use crate::lobby::Lobby;
use crate::recordings::tests::Harness;
use crate::rooms::RulesPatch;
use crate::targets::{Carrier, Load, Place, Receipt, Rest, Secrets, Sent, Told};
use std::pin::pin;
use std::time::Duration;

/// Nothing is copied here.
struct Nowhere;

impl Carrier for Nowhere {
    fn carry(&self, _: Load, _: Told) -> Later<'_, Result<Receipt, String>> {
        unreachable!()
    }

    fn clear(&self, _: Rest) -> Later<'_, Result<(), String>> {
        unreachable!()
    }

    fn withdraw(&self, _: Sent) -> Later<'_, Result<bool, String>> {
        unreachable!()
    }

    fn test(&self, _: Place, _: Secrets) -> Later<'_, Result<Option<String>, String>> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_room_that_is_changed_after_it_was_looked_at_is_not_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::new().await;
    let (recordings, store) = (harness.recordings.clone(), harness.store.clone());
    let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
    let lobby = Arc::new(Lobby::load(store.clone(), keys).await.unwrap());
    let (events, plane) = (Arc::<Events>::default(), Arc::<Quiet>::default());
    let rooms = Arc::new(Rooms::new(store.clone(), plane, recordings, lobby, events.clone()));
    let (root, data) = (folder.path().to_owned(), folder.path().to_owned());
    let targets =
        Targets::load(store.clone(), events.clone(), Arc::new(Nowhere), root, data).await.unwrap();
    let templates = RoomTemplates::new(store.clone(), rooms.clone(), targets, events);
    let id = rooms.create("Hall").await.unwrap().id;
    let settings = RoomSettingsPatch { lobby: Some(true), ..RoomSettingsPatch::default() };
    let new = NewRoomTemplate { name: "Exam".to_owned(), default: false, room: None, settings };
    let template = templates.create(new, false).await.unwrap().id;
    let looked = templates.preview(&template, std::slice::from_ref(&id)).await.unwrap().remove(0);
    // Somebody else has just begun to change the room.
    let turn = rooms.turn().await;
    let mut applied = pin!(templates.apply(&template, &id, Some(&looked.of)));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), applied.as_mut()).await.is_err(),
        "it waits for its turn"
    );
    let row = store.room_get(id.clone()).await.unwrap().unwrap();
    let rules = row.rules.patched(RulesPatch { max_people: Some(7), ..RulesPatch::default() });
    store.room_set_rules(id.clone(), rules.unwrap()).await.unwrap();
    drop(turn);
    assert!(matches!(applied.await, Err(ControlError::TemplateMoved)));
    let room = rooms.get(&id).await.unwrap();
    assert_eq!((room.lobby, room.rules.max_people), (false, 7), "it is as somebody else left it");
    // Looked at anew, it is changed.
    let looked = templates.preview(&template, std::slice::from_ref(&id)).await.unwrap().remove(0);
    templates.apply(&template, &id, Some(&looked.of)).await.unwrap();
    assert!(rooms.get(&id).await.unwrap().lobby);
}
