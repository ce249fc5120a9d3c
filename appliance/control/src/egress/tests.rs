//! Orders of programs and live outputs of people: what one decides the other must not undo.

use super::*;
use crate::conference::quiet::Quiet;
use crate::events::Events;
use crate::keys::LivekitKeys;
use crate::lobby::Lobby;
use crate::recordings::output;
use crate::recordings::tests::Harness;
use roombox_capture::manifest::EndReason;

#[tokio::test]
async fn an_output_that_somebody_adds_while_the_last_order_stops_keeps_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::new().await;
    let (recordings, store) = (harness.recordings.clone(), harness.store.clone());
    harness.runs("rec_1").await;
    let keys = Arc::new(LivekitKeys::load(store.clone(), false).await.unwrap());
    let lobby = Arc::new(Lobby::load(store.clone(), keys).await.unwrap());
    let (events, plane) = (Arc::<Events>::default(), Arc::<Quiet>::default());
    let rooms =
        Arc::new(Rooms::new(store.clone(), plane, recordings.clone(), lobby, events.clone()));
    let outputs =
        Outputs::new(store.clone(), recordings.clone(), events, folder.path().join("live"), 4);
    let (egress, _news) = Egress::new(store.clone(), rooms, recordings, outputs.clone());
    assert!(store.egress_insert(row(false), None, Vec::new()).await.unwrap());
    // Whoever adds an output has the turn; the order is stopped meanwhile.
    let turn = outputs.turn().await;
    let stopping = tokio::spawn({
        let egress = egress.clone();
        async move { egress.stop("EG_1".to_owned()).await }
    });
    // The store answers in order: time enough to decide too early.
    for _ in 0..100 {
        store.recording_get("rec_1".to_owned()).await.unwrap();
    }
    assert!(store.output_insert(output(None)).await.unwrap());
    drop(turn);
    stopping.await.unwrap().unwrap();
    assert_eq!(harness.stops(), [], "somebody sends it");
}

#[tokio::test]
async fn the_last_order_ends_the_recording_in_no_persons_name() {
    let harness = Harness::new().await;
    harness.room("rm_1", "r").await;
    harness.runs("rec_1").await;
    harness.recordings.end("rec_1").await.unwrap();
    harness.recordings.stop("rm_1").await.unwrap();
    let why: Vec<EndReason> = harness.stops().into_iter().map(|(_, why)| why).collect();
    assert_eq!(why, [EndReason::OrderEnded, EndReason::Stopped]);
}
