//! Raw capture: one Matroska file a track and layer, a timeline, recovery and the disk guard.

pub mod manifest;
pub mod timeline;
