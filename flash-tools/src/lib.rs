//! Tools around the image of a box: what a board is ([`boards`]), and every file that follows from it.
//!
//! `board-configs/<board>/board.toml` is the only place where a fact about a board is written down.
//! The `boardgen` program turns it into `yocto/generated/`, which is checked in: nobody edits it.

pub mod boards;
