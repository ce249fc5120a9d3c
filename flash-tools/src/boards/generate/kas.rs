//! kas: which layers a board is built from. Their commits are in `yocto/kas/layers.yml` alone.

use super::super::Board;
use super::NOTICE;
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub fn yml(board: &Board) -> String {
    let mut out = format!(
        "# {NOTICE}\nheader:\n  version: 18\n  includes:\n    - yocto/kas/roombox.yml\n\nmachine: {}\n",
        board.yocto.machine
    );
    let mut repositories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for layer in &board.yocto.layers {
        let (repository, inside) = layer.split_once('/').unwrap_or((layer, ""));
        repositories.entry(repository).or_default().push(inside);
    }
    if !repositories.is_empty() {
        out.push_str("\nrepos:\n");
    }
    for (repository, layers) in repositories {
        writeln!(out, "  {repository}:").ok();
        let inside: Vec<&str> = layers.into_iter().filter(|layer| !layer.is_empty()).collect();
        if inside.is_empty() {
            out.push_str("    layers:\n      .:\n");
            continue;
        }
        out.push_str("    layers:\n");
        for layer in inside {
            writeln!(out, "      {layer}:").ok();
        }
    }
    out
}
