//! What Home Assistant is told of: a device for the box, and one for each room. Pure.
//!
//! Device based discovery, which Home Assistant has since 2024.11. Nothing of it is secret: the broker keeps
//! it, and everybody who may read there reads it.

use super::command::{OFF, ON, PRESS};
use super::state::{OFFLINE, ONLINE};
use super::topics::Topics;
use roombox_control::mqtt::{BoxScene, RoomScene};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const MAKER: &str = "Roombox";

/// Things of a device, by key, as Home Assistant calls their kind.
pub type Platforms = BTreeMap<String, String>;

/// A device with its things.
struct Device<'a> {
    topics: &'a Topics,
    /// Its own id, which the ids of its things begin with.
    id: String,
    things: Map<String, Value>,
}

impl Device<'_> {
    /// Adds a thing that is known only while the box is there.
    fn thing(&mut self, key: &str, platform: &str, name: &str, more: Value) {
        let mut thing = json!({
            "availability_topic": self.topics.status(),
            "payload_available": ONLINE,
            "payload_not_available": OFFLINE,
        });
        merge(&mut thing, more);
        self.bare(key, platform, name, thing);
    }

    fn bare(&mut self, key: &str, platform: &str, name: &str, more: Value) {
        let id = &self.id;
        let mut thing =
            json!({"platform": platform, "name": name, "unique_id": format!("{id}_{key}")});
        merge(&mut thing, more);
        self.things.insert(key.to_owned(), thing);
    }

    /// A number that is drawn as a line.
    fn number(&mut self, key: &str, name: &str, state: &str, field: &str, more: Value) {
        let mut thing = json!({
            "state_topic": state,
            "value_template": field_of(field),
            "state_class": "measurement",
        });
        merge(&mut thing, more);
        self.thing(key, "sensor", name, thing);
    }

    /// Something that is so or not.
    fn fact(&mut self, key: &str, name: &str, state: &str, more: Value) {
        let mut thing = json!({
            "state_topic": state,
            "value_template": field_of(key),
            "payload_on": ON,
            "payload_off": OFF,
        });
        merge(&mut thing, more);
        self.thing(key, "binary_sensor", name, thing);
    }

    fn button(&mut self, key: &str, name: &str, topic: String, more: Value) {
        let mut thing = json!({"command_topic": topic, "payload_press": PRESS});
        merge(&mut thing, more);
        self.thing(key, "button", name, thing);
    }

    fn finished(self, device: Value) -> Value {
        json!({
            "device": device,
            "origin": {"name": MAKER, "sw_version": env!("CARGO_PKG_VERSION")},
            "components": self.things,
        })
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn field_of(field: &str) -> String {
    format!("{{{{ value_json.{field} }}}}")
}

/// The box as a device. `control`: whether it may be ordered about.
pub fn of_box(topics: &Topics, scene: &BoxScene, control: bool) -> Value {
    let (id, state) = (topics.id().to_owned(), topics.state());
    let mut device = Device { topics, id: id.clone(), things: Map::new() };
    // The one thing that says so when the box is not there.
    device.bare(
        "connection",
        "binary_sensor",
        "Connection",
        json!({
            "state_topic": topics.status(), "payload_on": ONLINE, "payload_off": OFFLINE,
            "device_class": "connectivity", "entity_category": "diagnostic",
        }),
    );
    device.thing(
        "update",
        "update",
        "Software",
        json!({
            "state_topic": state, "value_template": field_of("version"),
            "latest_version_topic": state, "latest_version_template": field_of("latest_version"),
            "title": MAKER, "entity_category": "diagnostic",
        }),
    );
    device.fact(
        "problem",
        "Problem",
        &state,
        json!({
            "json_attributes_topic": topics.problems(),
            "device_class": "problem", "entity_category": "diagnostic",
        }),
    );
    device.number("people", "People", &state, "people", json!({"icon": "mdi:account-group"}));
    device.number("meetings", "Meetings", &state, "meetings", json!({"icon": "mdi:forum"}));
    let icon = json!({"icon": "mdi:record-rec"});
    device.number("recordings", "Recordings running", &state, "recordings", icon);
    let icon = json!({"icon": "mdi:tray-full", "entity_category": "diagnostic"});
    device.number("jobs_waiting", "Films waiting", &state, "jobs_waiting", icon);
    device.number(
        "cpu",
        "CPU",
        &state,
        "cpu_percent",
        json!({"unit_of_measurement": "%", "icon": "mdi:cpu-64-bit", "entity_category": "diagnostic"}),
    );
    device.number(
        "disk_free",
        "Disk free",
        &state,
        "disk_free_gb",
        json!({
            "unit_of_measurement": "GB", "device_class": "data_size",
            "entity_category": "diagnostic",
        }),
    );
    device.number(
        "disk_full_in",
        "Disk full in",
        &state,
        "disk_full_in_h",
        json!({
            "unit_of_measurement": "h", "device_class": "duration",
            "entity_category": "diagnostic",
        }),
    );
    if scene.temperature_c.is_some() {
        device.number(
            "temperature",
            "Temperature",
            &state,
            "temperature_c",
            json!({
                "unit_of_measurement": "°C", "device_class": "temperature",
                "entity_category": "diagnostic",
            }),
        );
    }
    if control {
        let more = json!({"device_class": "restart", "entity_category": "config"});
        device.button("restart", "Restart", topics.set_restart(), more);
    }
    device.finished(json!({
        "identifiers": [id], "name": scene.name, "manufacturer": MAKER, "model": "Meeting room box",
        "sw_version": scene.version,
    }))
}

/// A room as a device.
pub fn of_room(topics: &Topics, room: &RoomScene, control: bool) -> Value {
    let state = topics.room_state(&room.id);
    let id = format!("{}_{}", topics.id(), room.id);
    let mut device = Device { topics, id: id.clone(), things: Map::new() };
    device.fact("meeting", "Meeting", &state, json!({"device_class": "occupancy"}));
    device.number("people", "People", &state, "people", json!({"icon": "mdi:account-group"}));
    device.fact("recording", "Recording", &state, json!({"device_class": "running"}));
    if control {
        device.thing(
            "record",
            "switch",
            "Record",
            json!({
                "state_topic": state, "value_template": field_of("recording"),
                "command_topic": topics.set_room(&room.id, "record"),
                "payload_on": ON, "payload_off": OFF, "icon": "mdi:record-rec",
            }),
        );
        let icon = json!({"icon": "mdi:microphone-off"});
        device.button("mute", "Mute everybody", topics.set_room(&room.id, "mute"), icon);
    }
    device.finished(json!({
        "identifiers": [id], "name": room.name, "manufacturer": MAKER, "model": "Room",
        "via_device": topics.id(),
    }))
}

/// The things of a discovery payload. What is no such payload has none.
pub fn platforms(payload: &[u8]) -> Platforms {
    let read: Option<Value> = serde_json::from_slice(payload).ok();
    let things = read.as_ref().and_then(|read| read.get("components")?.as_object());
    let all = things.into_iter().flatten();
    all.filter_map(|(key, thing)| Some((key.clone(), thing.get("platform")?.as_str()?.to_owned())))
        .filter(|(key, platform)| super::topics::is_level(key) && super::topics::is_level(platform))
        .collect()
}

/// The same payload, with each of these as something that is gone: a thing with its kind and nothing else.
/// Home Assistant takes it away; the next payload is without it.
pub fn without(payload: &str, gone: &Platforms) -> Option<String> {
    let mut read: Value = serde_json::from_str(payload).ok()?;
    let things = read.get_mut("components")?.as_object_mut()?;
    for (key, platform) in gone {
        things.insert(key.clone(), json!({ "platform": platform }));
    }
    Some(read.to_string())
}
