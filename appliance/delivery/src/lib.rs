//! Clients of the box: what it fetches from, sends to and carries to others.
//!
//! It knows addresses and bytes, never what they mean: who calls it reads them.

mod acme;
mod address;
mod bound;
mod dns;
mod fetch;
mod knock;
mod line;
mod mail;
mod neighbour;
mod pinned;
mod post;
mod proxy;
mod query;
mod reach;
mod syslog;
pub mod targets;
mod zone;

pub use acme::{
    AcmeAccount, AcmeBinding, AcmeDnsAccount, AcmeDnsError, AcmeError, AcmeHost, AcmePlan,
    AcmeStep, Later, Proof, ProofKind, acme_dns_put, acme_dns_register, acme_key, acme_order,
};
pub use bound::{Neighbours, allow_neighbours};
pub use dns::{
    Asked, DnsChange, DnsError, DnsServer, MessageError, TsigAlgorithm, TsigKey, dns_ask,
    dns_change, fuzz_dns_answer,
};
pub use fetch::{FetchError, FetchLimits, fetch};
pub use hyper::Method;
pub use knock::{KnockError, knock};
pub use line::{Line, Security, SecurityError, line};
pub use mail::{MailLetter, MailSecurity, MailServer, SendMailError, mail_authority, send_mail};
pub use neighbour::{Neighbour, NeighbourError};
pub use post::{Letter, PostError, Sender};
pub use proxy::{
    Excepted, Proxy, ProxyPlan, ProxyPlanError, ProxyTried, ProxyTrouble, ProxyTryError, go_by,
    try_proxy,
};
pub use query::{Query, QueryAnswer, QueryError, query};
pub use reach::{OWN_CERTIFICATE, ReachError, may_reach};
pub use syslog::{SyslogSendError, SyslogWire};
pub use zone::Zone;
