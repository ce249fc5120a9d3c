//! Rooms, tracks, layers and forwarding decisions. No clock, no socket, no thread, no file:
//! time is an argument and datagrams are values.

pub mod ids;
pub mod tap;
pub mod track;
