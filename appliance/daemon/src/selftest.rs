//! What this machine is and can, for its owner to send to us: boards are believed when one of them
//! has said so itself. It names models and figures, and no serial number, address, name or key.

use crate::{health, trials};
use anyhow::Context;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Writes that are timed, each of one page.
const SYNCS: usize = 64;
const PAGE: usize = 4096;
/// More of one file of `/sys` is none of its figures.
const LONGEST: u64 = 64 * 1024;

/// Where to look.
pub struct SelfTest {
    /// Files are written under this name with `.json` and `.txt`.
    pub out: PathBuf,
    /// The running daemon's `--health`.
    pub health: Option<PathBuf>,
    /// `roombox-media`.
    pub worker: PathBuf,
    /// The disk that is measured.
    pub disk: PathBuf,
}

impl SelfTest {
    /// Looks at everything and writes both files: their paths.
    ///
    /// # Errors
    /// They cannot be written.
    pub async fn run(&self) -> anyhow::Result<[PathBuf; 2]> {
        let encoders = trials::all(&self.worker).await.map(|found| json!(found));
        let healthy = self.health.as_deref().map(|socket| match health::fetch(socket) {
            Ok(report) => report,
            Err(error) => json!({ "error": format!("{error:#}") }),
        });
        let report = json!({
            "report": 1,
            "roombox": env!("CARGO_PKG_VERSION"),
            "machine": machine(),
            "video": below("/sys/class/video4linux", &["name"]),
            "sound": text("/proc/asound/cards").map(|cards| lines(&cards)),
            "displays": below("/sys/class/drm", &["status", "enabled"]),
            "usb": below("/sys/bus/usb/devices", &["idVendor", "idProduct", "product", "speed"]),
            "network": without_addresses(
                below("/sys/class/net", &["type", "operstate", "speed", "duplex", "mtu"]),
            ),
            "disks": below("/sys/block", &["size", "removable", "queue/rotational", "device/model"]),
            "temperatures": below("/sys/class/thermal", &["type", "temp", "cur_state"]),
            "sensors": below("/sys/class/hwmon", &["name", "temp1_input", "fan1_input"]),
            "watchdogs": below("/sys/class/watchdog", &["identity", "timeout"]),
            "sync_cost": sync_cost(&self.disk).unwrap_or_else(|error| json!({ "error": error })),
            "encoders": encoders.unwrap_or_else(|error| json!({ "error": error })),
            "health": healthy,
        });
        let named = |ending: &str| {
            let mut name = self.out.file_name().unwrap_or_default().to_owned();
            name.push(ending);
            self.out.with_file_name(name)
        };
        let files = [named(".json"), named(".txt")];
        let mut readable = String::new();
        readably(&report, 0, &mut readable);
        for (file, content) in files.iter().zip([format!("{report:#}\n"), readable]) {
            fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(files)
    }
}

fn machine() -> Value {
    let system = rustix::system::uname();
    let field = |file: &str, name: &str| {
        let text = text(file)?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(
            line[name.len()..]
                .trim_start_matches([' ', '\t', ':', '='])
                .trim_matches('"')
                .to_owned(),
        )
    };
    let board = text("/usr/share/roombox/board.json");
    json!({
        "board": board.and_then(|board| serde_json::from_str::<Value>(&board).ok()),
        "vendor": text("/sys/class/dmi/id/sys_vendor"),
        "product": text("/sys/class/dmi/id/product_name"),
        "model": text("/proc/device-tree/model"),
        "architecture": system.machine().to_string_lossy(),
        "kernel": system.release().to_string_lossy(),
        "system": field("/etc/os-release", "PRETTY_NAME"),
        "image": field("/etc/os-release", "VERSION_ID"),
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field("/proc/meminfo", "MemTotal"),
    })
}

/// Content of a small file, without what C puts at the end.
fn text(path: impl AsRef<Path>) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Entries of a folder of `/sys`, each with those of these files that it has.
fn below(folder: &str, files: &[&str]) -> Value {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let found = entries.into_iter().filter_map(|entry| {
        let facts: Map<String, Value> = files
            .iter()
            .filter_map(|file| Some(((*file).to_owned(), text(entry.path().join(file))?.into())))
            .collect();
        let name = entry.file_name().to_string_lossy().into_owned();
        (!facts.is_empty()).then_some((name, Value::Object(facts)))
    });
    Value::Object(found.collect())
}

/// Adapters on USB are named by their address (systemd.net-naming-scheme(7): `enx`, `wlx` and twelve
/// digits): they are numbered instead.
fn without_addresses(links: Value) -> Value {
    let Value::Object(links) = links else { return links };
    let named = links.into_iter().enumerate().map(|(at, (name, facts))| {
        let address = name.strip_prefix("enx").or_else(|| name.strip_prefix("wlx"));
        let hidden = address.filter(|rest| rest.len() == 12);
        (hidden.map_or(name.clone(), |_| format!("{}-{at}", &name[..3])), facts)
    });
    Value::Object(named.collect())
}

/// What making a page durable costs here, milliseconds.
fn sync_cost(folder: &Path) -> Result<Value, String> {
    let path = folder.join("roombox-selftest.tmp");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(&path).map_err(failed)?;
    let mut costs = Vec::with_capacity(SYNCS);
    let measured: std::io::Result<()> = (0..SYNCS).try_for_each(|_| {
        let begun = Instant::now();
        file.write_all(&[0x5a; PAGE])?;
        file.sync_data()?;
        costs.push(begun.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    });
    let removed = fs::remove_file(&path);
    measured.and(removed).map_err(failed)?;
    costs.sort_by(f64::total_cmp);
    let at = |share: usize| costs.get(share * (SYNCS - 1) / 100).copied().unwrap_or_default();
    Ok(json!({ "writes": SYNCS, "p50_ms": at(50), "p99_ms": at(99), "max_ms": at(100) }))
}

/// JSON for people: one fact a line.
fn readably(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(facts) => {
            for (name, fact) in facts {
                fact_line(&format!("{indent}{name}:"), fact, depth, out);
            }
        }
        Value::Array(all) => {
            for one in all {
                fact_line(&format!("{indent}-"), one, depth, out);
            }
        }
        _ => {}
    }
}

fn fact_line(begins: &str, fact: &Value, depth: usize, out: &mut String) {
    out.push_str(begins);
    match fact {
        Value::Null => out.push_str(" –\n"),
        Value::String(text) => out.push_str(&format!(" {text}\n")),
        Value::Object(_) | Value::Array(_) => {
            out.push('\n');
            readably(fact, depth + 1, out);
        }
        other => out.push_str(&format!(" {other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_reports_itself_and_nothing_stays_on_the_disk_that_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        let test = SelfTest {
            out: folder.path().join("hall"),
            health: Some(folder.path().join("nobody")),
            worker: folder.path().join("no-worker"),
            disk: folder.path().to_owned(),
        };
        let [json, text] = test.run().await.unwrap();
        let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        assert!(report["machine"]["cores"].as_u64().unwrap() >= 1, "{report}");
        assert!(report["sync_cost"]["max_ms"].as_f64().unwrap() > 0.0, "{report}");
        assert!(report["network"]["lo"]["mtu"].is_string(), "{report}");
        assert!(report["encoders"]["error"].as_str().unwrap().contains("no-worker"), "{report}");
        assert!(report["health"]["error"].as_str().unwrap().contains("no daemon"), "{report}");
        let text = fs::read_to_string(text).unwrap();
        assert!(text.contains("\n  kernel: ") && !text.contains('{'), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        // What a board is judged by, whether this machine has any of it or not.
        for about in ["video", "sound", "displays", "usb", "disks", "temperatures", "sensors"] {
            let told = text.lines().any(|line| line.starts_with(&format!("{about}:")));
            assert!(told && report.get(about).is_some(), "{about}: {text}");
        }
    }

    #[test]
    fn a_network_adapter_is_not_named_by_its_address() {
        let links = json!({ "enx001122aabbcc": 1, "eth0": 2, "wlx0011223344ff": 3, "enxtap0": 4 });
        let named = json!({ "enx-0": 1, "eth0": 2, "wlx-3": 3, "enxtap0": 4 });
        assert_eq!(without_addresses(links), named);
    }
}
