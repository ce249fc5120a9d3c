//! `roombox-media`: the child process that owns GStreamer. The daemon starts one per job; a crash
//! in a codec or a driver ends that job and nothing else.

pub mod command_line;
pub mod driven;
pub mod encoders;
pub mod transcode;
