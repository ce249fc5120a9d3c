//! What a scene is as states. Pure.

use super::command::{OFF, ON};
use super::topics::Topics;
use roombox_control::mqtt::{BoxScene, RoomScene};
use serde_json::{Value, json};

/// Of the box's availability.
pub const ONLINE: &str = "online";
pub const OFFLINE: &str = "offline";

fn switch(on: bool) -> &'static str {
    if on { ON } else { OFF }
}

/// To one decimal: a home's database keeps every change.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn of_box(scene: &BoxScene) -> Value {
    let newest = scene.newer.as_ref().unwrap_or(&scene.version);
    json!({
        "version": scene.version,
        "latest_version": newest,
        "cpu_percent": scene.cpu_percent.round(),
        "disk_free_gb": rounded(scene.free_bytes as f64 / 1e9),
        "disk_full_in_h": scene.full_in_s.map(|seconds| rounded(seconds as f64 / 3600.0)),
        "temperature_c": scene.temperature_c.map(f64::round),
        "people": scene.people,
        "meetings": scene.meetings,
        "recordings": scene.recordings,
        "jobs_waiting": scene.jobs_waiting,
        "problem": switch(!scene.problems.is_empty()),
    })
}

fn problems(scene: &BoxScene) -> Value {
    let all = scene.problems.iter();
    let list: Vec<Value> = all.map(|one| json!({"code": one.code, "text": one.text})).collect();
    json!({ "count": list.len(), "problems": list })
}

/// The box's states, by topic.
pub fn box_states(topics: &Topics, scene: &BoxScene) -> [(String, String); 2] {
    [(topics.state(), of_box(scene).to_string()), (topics.problems(), problems(scene).to_string())]
}

/// A room's state, with its topic.
pub fn room_state(topics: &Topics, room: &RoomScene) -> (String, String) {
    let state = json!({
        "meeting": switch(room.meeting),
        "people": room.people,
        "recording": switch(room.recording),
    });
    (topics.room_state(&room.id), state.to_string())
}

/// The same scene with the slow numbers of another: what changes all the time and matters little is told
/// at its own pace.
pub fn steadied(now: BoxScene, told: &BoxScene) -> BoxScene {
    BoxScene {
        cpu_percent: told.cpu_percent,
        free_bytes: told.free_bytes,
        full_in_s: told.full_in_s,
        temperature_c: told.temperature_c,
        ..now
    }
}
