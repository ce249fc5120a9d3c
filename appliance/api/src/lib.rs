//! The only HTTP server: doors for LiveKit clients and for the panel. Doors translate and
//! authenticate; what may happen is decided in `roombox-control`.

pub mod livekit;
pub mod token;
