//! From a recording's manifest and a preset to a film: what is shown when, how a frame is put
//! together, how sound is mixed, how an MP4 is laid out. Pure: no GStreamer, file, clock or thread.

pub mod captions;
pub mod colour;
pub mod compositor;
mod font;
pub mod h264;
pub mod hls;
mod icon;
pub mod index;
pub mod layout;
pub mod live;
pub mod loudness;
pub mod merge;
pub mod mix;
pub mod mp4;
pub mod ogg;
pub mod opus;
pub mod picture;
pub mod plan;
pub mod reel;
mod scale;
pub mod sprite;
pub mod testcard;
pub mod thumbnail;
pub mod tracks;
pub mod vtt;
