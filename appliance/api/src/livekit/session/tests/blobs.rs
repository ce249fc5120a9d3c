//! Blobs that clients leave for each other.

use super::*;
use pb::data_blob_key::Key;
use pb::request_response::Reason;
use roombox_control::conference::{Blob, BlobRefusal};

fn key(name: &str) -> pb::DataBlobKey {
    pb::DataBlobKey { key: Some(Key::Generic(name.to_owned())) }
}

fn store(name: &str, bytes: usize) -> Request {
    let blob = Some(pb::DataBlob { key: Some(key(name)), contents: vec![7; bytes] });
    Request::StoreDataBlobRequest(pb::StoreDataBlobRequest { request_id: 3, blob })
}

fn get(key: Option<pb::DataBlobKey>) -> Request {
    let participant_identity = "ada".to_owned();
    Request::GetDataBlobRequest(pb::GetDataBlobRequest { request_id: 4, participant_identity, key })
}

fn refusal(actions: &[Action]) -> (u32, Reason) {
    match responses(actions)[..] {
        [Response::RequestResponse(answer)] => (answer.request_id, answer.reason()),
        _ => panic!("not refused: {actions:?}"),
    }
}

#[test]
fn a_blob_that_was_left_is_fetched_by_the_same_key() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let stored = session.request(store("k", 10), 0, String::new);
    let [Command::StoreBlob { request: 3, blob, .. }] = commands(&stored)[..] else {
        panic!("storing became {stored:?}");
    };
    let wanted = session.request(get(Some(key("k"))), 0, String::new);
    let [Command::FetchBlob { request: 4, owner, key: of, .. }] = commands(&wanted)[..] else {
        panic!("fetching became {wanted:?}");
    };
    assert_eq!((owner.as_str(), of), ("ada", &blob.key));
    let told = session.event(Event::BlobStored { request: 3, key: blob.key.clone() }, String::new);
    match responses(&told)[..] {
        [Response::StoreDataBlobResponse(answer)] => {
            assert_eq!((answer.request_id, &answer.key), (3, &Some(key("k"))));
        }
        _ => panic!("told {told:?}"),
    }
    let blob = Blob { key: of.clone(), contents: vec![7; 10].into() };
    let told = session.event(Event::BlobFetched { request: 4, blob }, String::new);
    match responses(&told)[..] {
        [Response::GetDataBlobResponse(answer)] => {
            let blob = pb::DataBlob { key: Some(key("k")), contents: vec![7; 10] };
            assert_eq!((answer.request_id, &answer.blob), (4, &Some(blob)));
        }
        _ => panic!("told {told:?}"),
    }
}

#[test]
fn blobs_that_will_not_do_are_refused_by_the_number_of_the_request() {
    let mut session = session(Wanted::default());
    joined(&mut session);
    let nothing = pb::StoreDataBlobRequest { request_id: 3, blob: None };
    for (request, expected) in [
        (store("", 1), (3, Reason::InvalidRequest)),
        (store("k", 0), (3, Reason::InvalidRequest)),
        (store("k", 60_000), (3, Reason::LimitExceeded)),
        (Request::StoreDataBlobRequest(nothing), (3, Reason::InvalidRequest)),
        (get(None), (4, Reason::InvalidRequest)),
        (get(Some(key(&"x".repeat(300)))), (4, Reason::InvalidRequest)),
    ] {
        let actions = session.request(request, 0, String::new);
        assert_eq!(refusal(&actions), expected);
        assert!(commands(&actions).is_empty());
    }
    for (why, reason) in [
        (BlobRefusal::NotAllowed, Reason::NotAllowed),
        (BlobRefusal::TooMuch, Reason::LimitExceeded),
        (BlobRefusal::RoomFull, Reason::LimitExceeded),
        (BlobRefusal::NoParticipant, Reason::NotFound),
        (BlobRefusal::Unknown, Reason::NotFound),
    ] {
        let actions = session.event(Event::BlobRefused { request: 9, why }, String::new);
        assert_eq!(refusal(&actions), (9, reason));
    }
}
