#!/usr/bin/env python3
"""Holds discovery payloads against Home Assistant's own schemas, and its templates against states.

Runs with Home Assistant on its path. Reads `{"configs": {topic: payload}, "states": {topic: text}}` and
prints what is wrong, one a line.
"""

import importlib
import json
import re
import sys

import jinja2
import voluptuous as vol
from homeassistant.components.mqtt import mixins

PLATFORMS = ("binary_sensor", "button", "sensor", "switch", "update")
# Home Assistant 2026.11, components/mqtt/schemas.py: DEVICE_DISCOVERY_SCHEMA and SHARED_OPTIONS. The
# version whose schemas are here knows them of single things alone.
TOP = {"device", "origin", "components"}
TOPICS = ("state_topic", "command_topic", "availability_topic", "json_attributes_topic", "latest_version_topic")
LEVEL = re.compile(r"[a-zA-Z0-9_-]+")


def schema(platform: str):
    module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
    return module.PLATFORM_SCHEMA_MODERN, module.DISCOVERY_SCHEMA


def complaints(told: dict):
    states = told["states"]
    seen = set()
    for topic, config in told["configs"].items():
        levels = topic.split("/")
        if levels[1] != "device" or levels[-1] != "config" or not all(map(LEVEL.fullmatch, levels)):
            yield f"{topic}: no discovery topic of a device"
        if set(config) != TOP:
            yield f"{topic}: {sorted(set(config) ^ TOP)}"
        try:
            mixins.MQTT_ENTITY_DEVICE_INFO_SCHEMA(config["device"])
            mixins.MQTT_ORIGIN_INFO_SCHEMA(config["origin"])
        except vol.Invalid as error:
            yield f"{topic}: {error}"
        for key, thing in config["components"].items():
            at = f"{topic} {key}"
            if not LEVEL.fullmatch(key) or thing.get("platform") not in PLATFORMS:
                yield f"{at}: {thing.get('platform')}"
                continue
            if thing.get("unique_id") in seen or not thing.get("unique_id"):
                yield f"{at}: the id {thing.get('unique_id')} is not its own"
            seen.add(thing["unique_id"])
            # As Home Assistant does: each thing gets what is its device's, and its kind says what it is.
            whole = {name: value for name, value in thing.items() if name != "platform"}
            whole |= {"device": config["device"], "origin": config["origin"]}
            strict, lenient = schema(thing["platform"])
            for one in (strict, lenient):
                try:
                    one(dict(whole))
                except vol.Invalid as error:
                    yield f"{at}: {error}"
            yield from silent(at, thing, states)


def silent(at: str, thing: dict, states: dict):
    """Topics that say nothing, and templates that find nothing."""
    for name in TOPICS:
        if name in thing and any(sign in thing[name] for sign in ".+# "):
            yield f"{at}: {thing[name]} is no topic for everybody"
        if name in thing and name != "command_topic" and thing[name] not in states:
            yield f"{at}: nothing is said at {thing[name]}"
    pairs = (("value_template", "state_topic"), ("latest_version_template", "latest_version_topic"))
    for template, topic in pairs:
        if template not in thing or thing.get(topic) not in states:
            continue
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        try:
            value = environment.from_string(thing[template]).render(value_json=json.loads(states[thing[topic]]))
        except jinja2.UndefinedError as error:
            yield f"{at}: {error}"
            continue
        known = {thing.get("payload_on"), thing.get("payload_off")} - {None}
        if known and value not in known:
            yield f"{at}: {value} is none of {known}"


if __name__ == "__main__":
    for complaint in complaints(json.load(sys.stdin)):
        print(complaint)
