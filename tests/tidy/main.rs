//! House rules as tests: who may import whom, what is the only home of what, how files look.
//!
//! The table is the one of `docs/ARCHITECTURE.md`. Every ban says why.

#![allow(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crate, and the crates of ours that it may import.
const EDGES: &[(&str, &[&str])] = &[
    ("roombox-sfu", &[]),
    ("roombox-jobs", &[]),
    ("roombox-net", &["roombox-sfu"]),
    ("roombox-capture", &["roombox-sfu"]),
    ("roombox-transcode", &["roombox-capture", "roombox-jobs"]),
    ("roombox-worker", &["roombox-transcode", "roombox-capture", "roombox-jobs"]),
    ("roombox-provision", &["roombox-jobs"]),
    ("roombox-calendar", &[]),
    (
        "roombox-control",
        &[
            "roombox-calendar",
            "roombox-sfu",
            "roombox-capture",
            "roombox-jobs",
            "roombox-provision",
        ],
    ),
    ("roombox-api", &["roombox-control"]),
    ("roombox-delivery", &[]),
    ("roombox-federation", &["roombox-control"]),
    ("roombox-hub", &["roombox-control", "roombox-federation"]),
    ("roombox-flash", &["roombox-provision"]),
    (
        "roomboxd",
        &[
            "roombox-api",
            "roombox-control",
            "roombox-capture",
            "roombox-delivery",
            "roombox-federation",
            "roombox-hub",
            "roombox-net",
            "roombox-provision",
            "roombox-sfu",
        ],
    ),
];

/// Dependency, and the only crates that may name it.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("str0m", &["roombox-sfu", "roombox-tests"], "its API moves fast: one module to upgrade"),
    ("age", &["roombox-control"], "one lock for backups, apart from TLS"),
    ("tar", &["roombox-control"], "archives of strangers: one reader, one fuzz target"),
    ("rusqlite", &["roombox-control"], "one truth, one writer"),
    ("gstreamer", &["roombox-worker"], "a codec must not take the serving process down"),
    ("gstreamer-app", &["roombox-worker"], "a codec must not take the serving process down"),
    ("livekit-protocol", &["roombox-api", "roombox-tests"], "a door's words stay at the door"),
    ("zbus", &["roomboxd"], "only the caretaker speaks with the system"),
    (
        "calcard",
        &["roombox-calendar"],
        "feeds are other people's bytes: one reader, one fuzz target",
    ),
    (
        "async-nats",
        &["roombox-federation", "roombox-hub", "roombox-tests"],
        "the box must meet and record without NATS",
    ),
    ("nkeys", &["roombox-federation"], "NATS's keys are NATS's"),
    (
        "rumqttc-v4-next",
        &["roombox-federation"],
        "a fork with one keeper: one module to leave it by",
    ),
    ("axum", &["roombox-api", "roomboxd"], "there is one HTTP server"),
];

/// Text that may stand only below certain folders.
const WORDS: &[(&str, &[&str], &str)] = &[
    ("use str0m", &["media/sfu/src/peer", "tests/"], "str0m lives in sfu/peer"),
    ("rusqlite::", &["appliance/control/src/store"], "SQL lives in control/store"),
    ("gstreamer::", &["media/worker/"], "GStreamer lives in media/worker"),
    ("\"fleet.", &["appliance/federation/"], "subjects are federation::subjects'"),
    ("rumqttc::", &["appliance/federation/src/mqtt/rumqtt.rs"], "MQTT is behind a trait"),
    ("$JS.", &["appliance/federation/"], "subjects are federation::subjects'"),
];

const PURE: &[&str] = &["appliance/calendar", "media/sfu", "recorder/jobs", "recorder/transcode"];

/// A file that is longer wants to be two.
const LONGEST_FILE: usize = 540;

const SAY_NOTHING: &[&str] = &["util", "utils", "common", "helper", "helpers", "types", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files that git knows or would know, with these endings.
fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "git ls-files failed");
    String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .filter_map(|path| Some((path.to_owned(), fs::read_to_string(root().join(path)).ok()?)))
        .collect()
}

fn packages() -> Vec<Value> {
    let listed = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo tells its metadata");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let metadata: Value = serde_json::from_slice(&listed.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Name of each crate, and what it depends on outside its tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    packages()
        .iter()
        .map(|package| {
            let name = package["name"].as_str().unwrap().to_owned();
            let normal = package["dependencies"].as_array().unwrap().iter();
            let normal = normal.filter(|dependency| dependency["kind"].is_null());
            (name, normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect())
        })
        .collect()
}

#[test]
fn crates_import_only_downwards_as_the_table_says() {
    let ours = dependencies();
    for (name, all) in &ours {
        if name == "roombox-tests" {
            continue;
        }
        let (_, allowed) = EDGES
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name} is not in the table: a new crate needs an ADR"));
        for imported in all.iter().filter(|dependency| ours.contains_key(*dependency)) {
            assert!(allowed.contains(&imported.as_str()), "{name} may not import {imported}");
        }
    }
}

#[test]
fn every_library_stays_in_its_only_home() {
    for (name, all) in dependencies() {
        for (library, homes, why) in HOMES {
            let has = all.iter().any(|dependency| dependency == library);
            assert!(!has || homes.contains(&name.as_str()), "{name} names {library}: {why}");
        }
    }
}

#[test]
fn words_stand_where_they_belong() {
    // This file names them all.
    for (path, text) in
        sources(&[".rs"]).into_iter().filter(|(path, _)| path != "tests/tidy/main.rs")
    {
        for (word, homes, why) in WORDS {
            let at_home = homes.iter().any(|home| path.starts_with(home));
            assert!(at_home || !text.contains(word), "{path} says {word:?}: {why}");
        }
    }
}

/// Of LiveKit's scenarios: what the list names as its proof is there.
#[test]
fn every_scenario_names_tests_that_exist() {
    let list = fs::read_to_string(root().join("docs/compat/livekit-scenarios.md")).unwrap();
    let code = sources(&[".rs", ".py"]);
    let named = list.split('`').skip(1).step_by(2);
    let names = |name: &&str| {
        name.contains('_')
            && name.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
    };
    for name in named.filter(names) {
        let (rust, python) = (format!("fn {name}("), format!("def {name}("));
        let there = code.iter().any(|(_, text)| text.contains(&rust) || text.contains(&python));
        assert!(there, "there is no test {name}");
    }
}

#[test]
fn pure_crates_ban_clocks_and_sockets() {
    for folder in PURE {
        let path = root().join(folder).join("clippy.toml");
        let text = fs::read_to_string(&path).unwrap_or_default();
        for ban in ["std::time::SystemTime::now", "std::thread::spawn", "std::net::UdpSocket"] {
            assert!(text.contains(ban), "{} does not ban {ban}", path.display());
        }
    }
}

#[test]
fn files_are_short_and_their_names_say_something() {
    for (path, text) in sources(&[".rs", ".ts", ".tsx", ".py", ".mjs"]) {
        let generated = path.contains("generated") || path.ends_with(".d.ts");
        let lines = text.lines().count();
        assert!(generated || lines <= LONGEST_FILE, "{path} has {lines} lines: it wants to be two");
        let words = path.split(['/', '.']);
        for word in words {
            assert!(!SAY_NOTHING.contains(&word), "{path}: the name {word:?} says nothing");
        }
    }
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    for (path, text) in sources(&[".rs"]) {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        // Fuzz targets begin with an attribute that must come first.
        let told = first.starts_with("//!") || text.contains("\n//! ");
        assert!(told, "{path} has no module doc");
    }
}

#[test]
fn no_locked_crate_wants_a_newer_compiler_than_the_image_has() {
    const IMAGE: (u32, u32) = (1, 94);
    let listed = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        // Crates for other systems are not in the image, and a build does not fetch them.
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo tells its metadata");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let metadata: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let mut seen = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let Some(wanted) = package["rust_version"].as_str() else { continue };
        let mut numbers = wanted.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let wanted_pair = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        assert!(wanted_pair <= IMAGE, "{} wants Rust {wanted}", package["name"]);
        seen += 1;
    }
    assert!(seen > 50, "the lock file was hardly read");
}

#[test]
fn the_written_permissions_are_those_that_the_doors_ask() {
    let kept = fs::read_to_string(root().join("docs/permissions.md")).unwrap_or_default();
    assert!(
        kept == roombox_api::panel::permissions(),
        "docs/permissions.md is old: run `make openapi` and look at the difference"
    );
}

#[test]
fn the_api_document_is_the_one_that_the_code_makes() {
    let kept = fs::read_to_string(root().join("docs/api/openapi.json")).unwrap_or_default();
    let made = roombox_api::panel::openapi().to_pretty_json().unwrap();
    assert!(
        kept.trim() == made.trim(),
        "docs/api/openapi.json is old: run `make openapi` and look at the difference"
    );
}

/// Paths that the doors serve and the API's document does not have, and why.
const UNDOCUMENTED: &[(&str, &str)] = &[
    ("/healthz", "asked by load balancers: a word, and no part of the API"),
    ("/", "the panel for people, a word for LiveKit's clients"),
    ("/panel", "pages"),
    ("/panel/", "pages"),
    ("/panel/{*path}", "pages"),
    ("/meet/{*path}", "pages"),
    ("/assets/{*path}", "what the pages load"),
    ("/rtc", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/rtc/v1", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/rtc/validate", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/rtc/v1/validate", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/twirp/livekit.RoomService/{method}", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/twirp/livekit.Egress/{method}", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/twirp/{service}/{method}", "LiveKit's protocol: docs/compat/livekit.md"),
    ("/whip", "RFC 9725: docs/compat/whip.md"),
    ("/whep", "draft-ietf-wish-whep: docs/compat/whip.md"),
    ("/whip/{session}", "RFC 9725: docs/compat/whip.md"),
    ("/whep/{session}", "draft-ietf-wish-whep: docs/compat/whip.md"),
    ("/trust", "pages of the plain door"),
    ("/trust/{system}", "pages of the plain door"),
    ("/trust.js", "what the pages of the plain door load"),
    ("/trust.css", "what the pages of the plain door load"),
    ("/.well-known/{*path}", "nothing is there, by the plain door"),
    ("/.well-known/acme-challenge/{token}", "RFC 8555 §8.3"),
    ("/ca.crt", "the authority's certificate, by both doors"),
];

/// What stands in `.route(…)` of a source, up to its tests.
fn served(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    // The guard's own method of that name is none of a router.
    let calls = code.match_indices(".route(").filter(|(at, _)| !code[..*at].ends_with("self"));
    calls
        .map(|(at, call)| {
            let rest = code[at + call.len()..].trim_start();
            match rest.strip_prefix('"') {
                Some(path) => path.split('"').next().unwrap().to_owned(),
                None => format!("a path that is no text: {}", rest.lines().next().unwrap()),
            }
        })
        .collect()
}

#[test]
fn every_route_that_is_served_is_in_the_api_document_or_says_why_it_is_not() {
    let document = fs::read_to_string(root().join("docs/api/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let documented = |path: &str| document["paths"].get(path.replace("{*", "{")).is_some();
    let mut found = Vec::new();
    let mut folders = vec![root().join("appliance/api/src"), root().join("appliance/daemon/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && path.file_name().is_some_and(|name| name != "tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                found.extend(served(&text).into_iter().map(|route| (route, path.clone())));
            }
        }
    }
    for (route, file) in &found {
        let says_why = UNDOCUMENTED.iter().any(|(path, _)| path == route);
        assert!(
            documented(route) != says_why,
            "{route} of {}: describe it with utoipa, or say here why not",
            file.display()
        );
    }
    for (path, _) in UNDOCUMENTED {
        assert!(found.iter().any(|(route, _)| route == path), "nobody serves {path}");
    }
    for path in ["/metrics", "/s/{token}", "/.well-known/security.txt", "/api/v1/rooms"] {
        assert!(documented(path), "{path}");
    }
}
