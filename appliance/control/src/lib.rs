//! The rules of the box: one small service per noun, permissions, events and the store.

pub mod conference;
