//! A channel: a small file at an address of the owner's that says which version is the newest.

use super::version::Version;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The one format that is known.
const FORMAT: u32 = 1;
/// Notes are shown whole.
const LONGEST_NOTES: usize = 16_000;

/// A channel file. Fields that are not known are for newer boxes.
#[derive(Debug, Deserialize)]
struct ChannelFile {
    format: u32,
    compatible: String,
    version: String,
    url: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    notes: String,
}

/// A version that can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Offer {
    pub version: String,
    pub url: String,
    /// Bytes, if the channel says it.
    #[schema(required)]
    pub size_bytes: Option<u64>,
    /// What is new, in the maker's words; may be empty.
    pub notes: String,
}

/// Reads the channel file that came from `channel`. `None`: what it offers is not newer than
/// `version`, which runs.
///
/// # Errors
/// What is wrong with it, for the owner.
pub fn read(
    text: &str,
    channel: &str,
    compatible: &str,
    version: &str,
) -> Result<Option<Offer>, String> {
    let file: ChannelFile =
        serde_json::from_str(text).map_err(|error| format!("it is no channel file: {error}"))?;
    if file.format != FORMAT {
        return Err(format!("its format is {}, and this box knows {FORMAT}", file.format));
    }
    if file.compatible != compatible {
        return Err(format!("it is for {}, and this box is a {compatible}", file.compatible));
    }
    let Some(offered) = Version::parse(&file.version) else {
        return Err(format!("its version {:?} cannot be compared", file.version));
    };
    let plain = file.url.starts_with("http://") && channel.starts_with("http://");
    if !file.url.starts_with("https://") && !plain {
        return Err(format!("the bundle's address {:?} does not begin with https://", file.url));
    }
    if Version::parse(version).is_some_and(|version| offered <= version) {
        return Ok(None);
    }
    let notes = file.notes.chars().take(LONGEST_NOTES).collect();
    Ok(Some(Offer { version: file.version, url: file.url, size_bytes: file.size, notes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_offers_only_what_is_newer_and_fits() {
        let file = |changes: serde_json::Value| {
            let mut file = serde_json::json!({"format": 1, "compatible": "roombox-x",
                "version": "0.3", "url": "https://h/b.raucb", "size": 5, "notes": "new"});
            for (name, value) in changes.as_object().unwrap() {
                file[name] = value.clone();
            }
            file.to_string()
        };
        // Changes to a file that offers 0.3, where it came from, the version that runs; the answer.
        for (changes, from, version, said) in [
            (serde_json::json!({}), "https://h/c", "0.2", Ok(Some("0.3"))),
            (serde_json::json!({"more": 1}), "https://h/c", "0.2", Ok(Some("0.3"))),
            (serde_json::json!({}), "https://h/c", "0.3.0", Ok(None)),
            (serde_json::json!({}), "https://h/c", "0.4", Ok(None)),
            (serde_json::json!({"format": 2}), "https://h/c", "0.2", Err("format is 2")),
            (serde_json::json!({"compatible": "y"}), "https://h/c", "0.2", Err("for y")),
            (serde_json::json!({"version": "new"}), "https://h/c", "0.2", Err("compared")),
            (serde_json::json!({"url": "http://h/b"}), "https://h/c", "0.2", Err("https://")),
            (serde_json::json!({"url": "http://h/b"}), "http://h/c", "0.2", Ok(Some("0.3"))),
            (serde_json::json!({"url": "/etc/b"}), "http://h/c", "0.2", Err("https://")),
            (serde_json::json!({"url": 5}), "https://h/c", "0.2", Err("no channel file")),
        ] {
            let answer = read(&file(changes.clone()), from, "roombox-x", version);
            match said {
                Ok(said) => assert_eq!(answer.unwrap().map(|o| o.version).as_deref(), said),
                Err(said) => {
                    let refused = answer.unwrap_err();
                    assert!(refused.contains(said), "{changes}: {refused}");
                }
            }
        }
        assert!(read("<html>", "https://h/c", "x", "0.2").is_err());
    }
}
