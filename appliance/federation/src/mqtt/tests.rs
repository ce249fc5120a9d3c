//! What is published, what orders mean, and what a broker that was away is told.

use super::command::{self, NoOrder};
use super::discovery::platforms;
use super::link::payloads;
use super::mirror::Mirror;
use super::pace::Pace;
use super::state::steadied;
use super::topics::{Known, Topics};
use roombox_control::mqtt::{BoxScene, Order, Problem, RoomScene, Scene};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What people may call a room.
const HOSTILE: &str = "</script>\"'+#/$SYS.{{ states('x') }}\u{202e}é\\";

fn topics() -> Topics {
    Topics::new("box_1", "homeassistant").unwrap()
}

fn room(id: &str) -> RoomScene {
    RoomScene { id: id.to_owned(), name: HOSTILE.to_owned(), ..RoomScene::default() }
}

fn scene(rooms: &[&str]) -> Scene {
    let of_box = BoxScene {
        name: HOSTILE.to_owned(),
        version: "1.0".to_owned(),
        problems: vec![Problem { code: "target_failing", text: HOSTILE.to_owned() }],
        ..BoxScene::default()
    };
    Scene { of_box, rooms: rooms.iter().map(|id| room(id)).collect() }
}

/// Everything that a mirror sends, as a broker would keep it.
fn drain(mirror: &mut Mirror) -> Vec<(String, String)> {
    std::iter::from_fn(|| mirror.next()).collect()
}

fn read(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap()
}

#[test]
fn names_stand_in_payloads_and_never_in_topics_or_ids() {
    let all = payloads(&topics(), &scene(&["rm_1"]), true);
    for (topic, payload) in &all {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || "_-/".contains(sign);
        assert!(topic.chars().all(plain), "{topic}");
        let payload = read(payload);
        let Some(things) = payload.get("components").and_then(Value::as_object) else { continue };
        assert_eq!(payload["device"]["name"], HOSTILE);
        for (key, thing) in things {
            let (id, template) = (&thing["unique_id"], &thing["value_template"]);
            assert!(id.as_str().unwrap().starts_with("box_1_"), "{key}: {id}");
            assert!(!template.to_string().contains("states"), "{key}: {template}");
        }
    }
    assert_eq!(Topics::new("box#", "homeassistant"), None);
    assert_eq!(Topics::new("box_1", "home/+"), None);
    // A room whose id cannot be a level is left out.
    assert_eq!(payloads(&topics(), &scene(&["a/b", "#"]), true).len(), 3);
}

#[test]
fn without_the_owners_word_nothing_can_be_ordered() {
    let commands = |control| {
        let all = payloads(&topics(), &scene(&["rm_1"]), control);
        let found: Vec<String> = all
            .values()
            .flat_map(|payload| {
                let payload = read(payload);
                let things = payload["components"].as_object().cloned().unwrap_or_default();
                let topics =
                    things.values().filter_map(|thing| thing.get("command_topic").cloned());
                topics.map(|topic| topic.as_str().unwrap().to_owned()).collect::<Vec<_>>()
            })
            .collect();
        found
    };
    assert!(commands(false).is_empty());
    let mut allowed = commands(true);
    allowed.sort();
    let below = |rest: &str| format!("roombox/box_1/set/{rest}");
    let expected = ["restart", "rooms/rm_1/mute", "rooms/rm_1/record"].map(below);
    assert_eq!(allowed, expected);
}

#[test]
fn an_order_is_its_topic_with_one_of_few_words_and_never_a_kept_one() {
    let topics = topics();
    let read = |topic: &str, payload: &[u8]| {
        command::read(&topics, &format!("roombox/box_1/set/{topic}"), payload, false)
    };
    let room = || "rm_1".to_owned();
    let orders: [(&str, &[u8], Order); 4] = [
        ("rooms/rm_1/record", b"ON", Order::Record { room: room(), on: true }),
        ("rooms/rm_1/record", b"OFF", Order::Record { room: room(), on: false }),
        ("rooms/rm_1/mute", b"PRESS", Order::Mute { room: room() }),
        ("restart", b"PRESS", Order::Restart),
    ];
    for (topic, payload, order) in orders {
        assert_eq!(read(topic, payload).as_ref(), Ok(&order));
        let whole = command::topic(&topics, &order);
        assert_eq!(command::read(&topics, &whole, payload, true), Err(NoOrder::Retained));
    }
    let bad: [(&str, &[u8], NoOrder); 8] = [
        ("rooms/rm_1/record", b"on", NoOrder::Payload),
        ("rooms/rm_1/record", b"", NoOrder::Payload),
        ("rooms/rm_1/record", &[0xff, 0xfe], NoOrder::Payload),
        ("rooms/rm_1/record", &[b'O'; 100_000], NoOrder::Payload),
        ("restart", b"ON", NoOrder::Payload),
        ("rooms/rm_1/delete", b"PRESS", NoOrder::Topic),
        ("rooms/a/b/record", b"ON", NoOrder::Topic),
        ("rooms//record", b"ON", NoOrder::Topic),
    ];
    for (topic, payload, why) in bad {
        assert_eq!(read(topic, payload), Err(why), "{topic}");
    }
    let other = command::read(&topics, "roombox/box_2/set/restart", b"PRESS", false);
    assert_eq!(other, Err(NoOrder::Topic));
}

#[test]
fn topics_are_known_again() {
    let topics = topics();
    let room = || "rm_1".to_owned();
    for (topic, known) in [
        (topics.status(), Known::Status),
        (topics.probe(), Known::Probe),
        (topics.home(), Known::Home),
        (topics.config(None), Known::Config { room: None }),
        (topics.config(Some("rm_1")), Known::Config { room: Some(room()) }),
        (topics.room_state("rm_1"), Known::RoomState { room: room() }),
        (topics.set_restart(), Known::Set),
        ("homeassistant/device/box_1/a/b/config".to_owned(), Known::Other),
        ("homeassistant/device/box_2/config".to_owned(), Known::Other),
        ("roombox/box_1/rooms/a/b/state".to_owned(), Known::Other),
    ] {
        assert_eq!(topics.know(&topic), known, "{topic}");
    }
}

#[test]
fn what_is_not_so_any_more_is_never_sent_and_what_is_so_once() {
    let mut mirror = Mirror::default();
    let mut now = scene(&["rm_1"]);
    for people in 0..1000 {
        now.rooms[0].people = people;
        mirror.want(payloads(&topics(), &now, false));
    }
    let sent = drain(&mut mirror);
    assert_eq!(sent.len(), 5, "two of discovery, two of the box, one of the room");
    let state = sent.iter().find(|(topic, _)| *topic == topics().room_state("rm_1")).unwrap();
    assert_eq!(read(&state.1)["people"], 999);
    mirror.want(payloads(&topics(), &now, false));
    assert!(!mirror.waits() && drain(&mut mirror).is_empty());
    // Home Assistant came back, or the broker: all of it, as it is now.
    mirror.again();
    assert_eq!(drain(&mut mirror).len(), 5);
    mirror.lost();
    assert!(mirror.waits());
    assert_eq!(drain(&mut mirror).len(), 5);
}

#[test]
fn a_room_that_is_deleted_is_taken_away_from_the_broker_and_a_renamed_one_is_not() {
    let mut mirror = Mirror::default();
    mirror.want(payloads(&topics(), &scene(&["rm_1", "rm_2"]), false));
    drain(&mut mirror);
    let mut renamed = scene(&["rm_1"]);
    renamed.rooms[0].name = "Library".to_owned();
    mirror.want(payloads(&topics(), &renamed, false));
    let sent: BTreeMap<_, _> = drain(&mut mirror).into_iter().collect();
    let empty = [topics().config(Some("rm_2")), topics().room_state("rm_2")];
    assert!(empty.iter().all(|topic| sent[topic].is_empty()), "{sent:?}");
    assert_eq!(read(&sent[&topics().config(Some("rm_1"))])["device"]["name"], "Library");
    assert_eq!(sent.len(), 3);
}

#[test]
fn what_a_device_has_no_more_is_said_to_be_gone_before_it_is_left_out() {
    let (mut mirror, topic) = (Mirror::default(), topics().config(Some("rm_1")));
    mirror.want(payloads(&topics(), &scene(&["rm_1"]), true));
    drain(&mut mirror);
    mirror.want(payloads(&topics(), &scene(&["rm_1"]), false));
    let sent = drain(&mut mirror);
    let of_room: Vec<Value> =
        sent.iter().filter(|(at, _)| *at == topic).map(|(_, payload)| read(payload)).collect();
    assert_eq!(of_room.len(), 2);
    for (key, platform) in [("record", "switch"), ("mute", "button")] {
        let gone = serde_json::json!({ "platform": platform });
        assert_eq!(of_room[0]["components"][key], gone);
        assert!(of_room[1]["components"].get(key).is_none());
    }
    assert_eq!(of_room[0]["components"]["people"], of_room[1]["components"]["people"]);
}

#[test]
fn what_the_broker_kept_from_another_time_is_taken_away() {
    let mut mirror = Mirror::default();
    let before = payloads(&topics(), &scene(&["rm_1", "rm_gone"]), true);
    mirror.want(payloads(&topics(), &scene(&["rm_1"]), false));
    drain(&mut mirror);
    for (topic, payload) in &before {
        mirror.heard(&topics(), topic, payload.as_bytes());
    }
    let sent = drain(&mut mirror);
    let at = |topic: String| -> Vec<&str> {
        sent.iter().filter(|(one, _)| *one == topic).map(|(_, payload)| payload.as_str()).collect()
    };
    assert_eq!(at(topics().config(Some("rm_gone"))), [""]);
    assert_eq!(at(topics().room_state("rm_gone")), [""]);
    // The switches are gone: said, and then left out. The box's own button, too.
    for topic in [topics().config(Some("rm_1")), topics().config(None)] {
        let both = at(topic);
        assert_eq!(both.len(), 2);
        assert!(platforms(both[0].as_bytes()).len() > platforms(both[1].as_bytes()).len());
    }
    assert_eq!(sent.len(), 6);
    // Nonsense that somebody else wrote there, and other people's topics.
    mirror.heard(&topics(), &topics().config(None), b"[1, {");
    mirror.heard(
        &topics(),
        &topics().config(None),
        br##"{"components": {"#": {"platform": "x"}}}"##,
    );
    mirror.heard(&topics(), "homeassistant/device/box_2/config", b"{}");
    assert!(drain(&mut mirror).is_empty());
}

#[test]
fn a_broker_that_keeps_endlessly_much_costs_bounded_memory() {
    let mut mirror = Mirror::default();
    for n in 0..100_000 {
        mirror.heard(&topics(), &topics().config(Some(&format!("rm_{n}"))), b"{}");
    }
    assert_eq!(drain(&mut mirror).len(), 1000);
}

#[test]
fn slow_numbers_wait_for_their_turn_and_what_happened_does_not() {
    let told = BoxScene { cpu_percent: 5.0, free_bytes: 10, ..BoxScene::default() };
    let now = BoxScene { cpu_percent: 50.0, free_bytes: 9, recordings: 1, ..BoxScene::default() };
    let steady = steadied(now, &told);
    assert_eq!((steady.cpu_percent, steady.free_bytes, steady.recordings), (5.0, 10, 1));
}

#[test]
fn pauses_double_up_to_a_minute_and_two_boxes_do_not_come_at_once() {
    let mut pace = Pace::default();
    let longest: Vec<u64> = (0..10).map(|_| pace.pause(false, 1.0).as_secs()).collect();
    assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    assert_eq!(pace.pause(false, 0.0), Duration::from_secs(30));
    pace.well();
    assert_eq!(pace.pause(false, 0.0), Duration::from_millis(500));
    assert!(Pace::default().pause(true, 0.0) >= Duration::from_secs(15), "who was refused waits");
}
