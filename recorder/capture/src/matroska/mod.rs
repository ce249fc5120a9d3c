//! Matroska (RFC 9559) as far as track files need it: one track, clusters of known size, one
//! segment of unknown size until it is sealed. And files that several tracks are joined in.

mod clusters;
mod ebml;
mod head;
mod joined;
mod kept;
mod reader;
mod repair;
#[cfg(test)]
mod torn;
mod writer;

pub use clusters::{Cluster, Clusters};
pub use joined::JoinedWriter;
pub(crate) use kept::Kept;
pub use reader::{Frame, PartInfo, PartReader};
pub use repair::{Repaired, repair_part};
pub use writer::{LONGEST_CLUSTER_US, PartFormat, PartWriter};
