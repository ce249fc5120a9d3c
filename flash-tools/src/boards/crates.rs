//! `roombox-crates.inc`: every crate of `Cargo.lock` as bitbake fetches it.
//!
//! The names and flags are those of `cargo-update-recipe-crates.bbclass` (openembedded-core), which
//! would want a build environment to write the same.

use super::BoardError;
use super::generate::{GeneratedFile, NOTICE};
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The only registry there is: a crate from elsewhere could not be fetched by its checksum.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// The file that follows from a `Cargo.lock`.
///
/// # Errors
/// It cannot be read, or names a crate that no registry has.
pub fn crates(lock: &Path) -> Result<GeneratedFile, BoardError> {
    let rule = |broken| BoardError::Rule { path: lock.to_owned(), broken };
    let text = fs::read_to_string(lock)
        .map_err(|source| BoardError::Read { path: lock.to_owned(), source })?;
    let locked: Lock = toml::from_str(&text)
        .map_err(|source| BoardError::Parse { path: lock.to_owned(), source: Box::new(source) })?;
    let mut uris = format!("# {NOTICE}\n\nSRC_URI += \" \\\n");
    let mut sums = String::new();
    for Package { name, version, source, checksum } in locked.package {
        // Ours have no source.
        let Some(source) = source else { continue };
        let Some(checksum) = checksum.filter(|_| source == REGISTRY) else {
            return Err(rule(format!("{name} {version} comes from {source}, not from crates.io")));
        };
        writeln!(uris, "    crate://crates.io/{name}/{version} \\").ok();
        writeln!(sums, "SRC_URI[{name}-{version}.sha256sum] = \"{checksum}\"").ok();
    }
    let text = format!("{uris}\"\n\n{sums}");
    Ok(GeneratedFile { path: "roombox-crates.inc".to_owned(), text })
}
