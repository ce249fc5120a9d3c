//! What a template says of a room.

use super::*;
use crate::rooms::{GuestEntry, VideoCodec};
use crate::targets::{Contents, Place, TargetTally};

fn target(id: &str, rooms: &[&str]) -> Target {
    Target {
        id: id.to_owned(),
        name: format!("Target {id}"),
        place: Place::Folder { path: "/mnt".to_owned(), mounted: true },
        has_secrets: false,
        contents: Contents::Films,
        rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
        hours: None,
        megabits: None,
        enabled: true,
        since: UnixMs(1),
        tally: TargetTally::default(),
        moving: None,
    }
}

fn wants(ids: &[&str]) -> Vec<NamedTarget> {
    let named = |id: &&str| NamedTarget { id: (*id).to_owned(), name: String::new(), gone: false };
    ids.iter().map(named).collect()
}

#[test]
fn a_room_is_put_on_the_lists_of_its_targets_and_off_others_but_never_off_the_last_place() {
    let list = |rooms: &[&str]| rooms.iter().map(|room| (*room).to_owned()).collect::<Vec<_>>();
    let becomes = |rooms: &[&str], ids: &[&str]| rooms_of(&target("a", rooms), "rm_1", &wants(ids));
    assert_eq!(becomes(&[], &["a"]), Change::None, "it takes every room as it is");
    assert_eq!(becomes(&["rm_2"], &["a"]), Change::Add(list(&["rm_2", "rm_1"])));
    assert_eq!(becomes(&["rm_1"], &["a"]), Change::Has);
    assert_eq!(becomes(&["rm_2"], &["b"]), Change::None);
    assert_eq!(becomes(&["rm_2", "rm_1"], &[]), Change::Remove(list(&["rm_2"])));
    assert_eq!(becomes(&["rm_1"], &[]), Change::LastRoom, "an empty list would mean every room");
}

#[test]
fn a_patch_of_a_template_changes_what_it_names_and_keeps_the_names_of_targets_that_are_gone() {
    let patch = |text: &str| serde_json::from_str::<RoomSettingsPatch>(text).unwrap();
    let there = [target("a", &[]), target("b", &[])];
    let all = r#"{"lobby":true,"record_always":true,"targets":["b","a","b"],
        "rules":{"guests":"with_pin","video_codecs":["h264"]}}"#;
    let settings = patched(RoomSettings::default(), patch(all), &there).unwrap();
    assert!(settings.lobby && settings.record_always);
    assert_eq!(settings.rules.guests, GuestEntry::WithPin);
    assert_eq!(settings.rules.video_codecs, [VideoCodec::H264]);
    let names = |settings: &RoomSettings| {
        let targets = settings.targets.as_ref().map(|all| all.iter().map(|t| t.name.clone()));
        targets.map(|names| names.collect::<Vec<_>>())
    };
    assert_eq!(names(&settings).unwrap(), ["Target b", "Target a"]);
    assert_eq!(patched(settings.clone(), patch("{}"), &there).unwrap(), settings);
    let kept = patched(settings.clone(), patch(r#"{"targets":["b"]}"#), &there[..1]).unwrap();
    assert_eq!(names(&kept).unwrap(), ["Target b"], "it was removed, and is known by its name");
    let silent = patched(settings.clone(), patch(r#"{"targets":null}"#), &there).unwrap();
    assert_eq!(silent.targets, None);
    let strange = patched(settings, patch(r#"{"targets":["c"]}"#), &there).unwrap_err();
    assert_eq!(strange.code(), "not_found");
    let wrong = patch(r#"{"rules":{"keep_days":40000}}"#);
    let wrong = patched(RoomSettings::default(), wrong, &there).unwrap_err();
    assert_eq!((wrong.code(), wrong.field()), ("out_of_range", Some("keep_days")));
}

#[test]
fn a_template_says_which_of_its_targets_were_removed_and_calls_the_others_as_they_are_called() {
    let settings = RoomSettings { targets: Some(wants(&["a", "b"])), ..RoomSettings::default() };
    let row = RoomTemplateRow {
        id: "rt_1".to_owned(),
        name: "Lecture".to_owned(),
        settings,
        is_default: true,
        created_ms: 1,
    };
    let shown = template(row, &[target("a", &[])]).settings.targets.unwrap();
    assert_eq!((shown[0].name.as_str(), shown[0].gone, shown[1].gone), ("Target a", false, true));
}

#[test]
fn what_differs_is_named_each_by_itself() {
    let before = RoomSettings::default();
    assert!(differences(&before, &before).is_empty());
    let rules = RoomRules {
        guests: GuestEntry::Nobody,
        max_people: 1,
        guests_share: false,
        guests_camera: false,
        guests_chat: false,
        guests_muted: true,
        keep_days: 1,
        layout: Some(roombox_jobs::spec::LayoutName::Grid),
        video_codecs: vec![VideoCodec::Vp8],
    };
    let targets = Some(wants(&["a"]));
    let after = RoomSettings { lobby: true, record_always: true, rules, targets };
    let names: Vec<_> = differences(&before, &after).into_iter().map(RoomSetting::name).collect();
    assert_eq!(names.len(), 12);
    let written = serde_json::to_value(differences(&before, &after)).unwrap();
    assert_eq!(written, serde_json::json!(names), "the audit log calls them as the API does");
}
