//! RAUC's dictionaries: names of `convert_slot_status_to_dict` in its `src/service.c` and of
//! `r_manifest_to_dict` in `src/manifest.c`.

use roombox_control::updates::updater::{Bundle, SlotReport, UpdaterError};
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

pub type Dict = HashMap<String, OwnedVariant>;

fn text(value: &Variant<'_>) -> Option<String> {
    match value {
        Variant::Str(text) => Some(text.as_str().to_owned()),
        Variant::Variant(inner) => text(inner),
        _ => None,
    }
}

/// A side that can be started from; slots that belong to another have no name of their own for the
/// boot loader.
pub fn slot(id: &str, told: &Dict) -> Option<SlotReport> {
    let of = |name: &str| text(told.get(name)?);
    let name = of("bootname").filter(|name| !name.is_empty())?;
    let installed = ["sha256", "bundle.version", "installed.timestamp"];
    Some(SlotReport {
        id: id.to_owned(),
        name,
        booted: of("state").as_deref() == Some("booted"),
        good: of("boot-status").as_deref() == Some("good"),
        installed: installed.iter().any(|name| told.contains_key(*name)),
        version: of("bundle.version").filter(|version| !version.is_empty()),
        installed_at: of("installed.timestamp"),
    })
}

/// What `InspectBundle` answers.
///
/// # Errors
/// It says nothing about an update.
pub fn bundle(told: &Dict) -> Result<Bundle, UpdaterError> {
    let update = told.get("update").and_then(|update| dict(update));
    let update =
        update.ok_or_else(|| UpdaterError::Gone("it says nothing of bundles".to_owned()))?;
    let of = |name: &str| update.get(name).cloned().unwrap_or_default();
    Ok(Bundle {
        compatible: of("compatible"),
        version: of("version"),
        manifest_hash: told.get("manifest-hash").and_then(|hash| text(hash)),
    })
}

/// The texts of a dictionary, which comes as a variant in a variant.
fn dict(value: &Variant<'_>) -> Option<HashMap<String, String>> {
    match value {
        Variant::Variant(inner) => dict(inner),
        Variant::Dict(dict) => {
            let pairs = dict.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
            Some(pairs.collect())
        }
        _ => None,
    }
}
