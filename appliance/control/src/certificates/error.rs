//! What will not do as a certificate, and what helps. The texts go to the owner.

/// Why a certificate is not served. Whatever was served before still is.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(
        "there is no certificate in this: its text begins with -----BEGIN CERTIFICATE-----. Of a \
         .pfx or .p12 file, openssl pkcs12 -in FILE -nodes makes one; of a binary .cer or .der \
         file, openssl x509 -inform der -in FILE does"
    )]
    NoCertificate,
    #[error("a certificate, or its key, is torn: copy the whole text again, from BEGIN to END")]
    Torn,
    #[error("these are {found} certificates: a chain has {most} at most. Send this server's alone")]
    TooMany { found: usize, most: usize },
    #[error(
        "the key is encrypted with a password, which nobody types when the box starts: openssl \
         pkey -in FILE -out plain.pem decrypts it. Send that file, and delete it afterwards"
    )]
    Encrypted,
    #[error("the key is missing: send it too, or make a request on this box and have that signed")]
    NoKey,
    #[error("these are several keys: send the one that belongs to the certificate")]
    TwoKeys,
    #[error("the key cannot be used: it must be RSA, or EC on P-256 or P-384")]
    Key,
    #[error(
        "the key belongs to none of these certificates: send the one with which this certificate \
         was requested"
    )]
    WrongKey,
    #[error(
        "this certificate was not issued to the request that waits on this box, and no key came \
         with it: send its key, or the certificate that answers the request"
    )]
    NotRequested,
    #[error(
        "{kind} is too weak or unknown to browsers: use RSA of 2048 bits or more, P-256 or P-384"
    )]
    Weak { kind: String },
    #[error(
        "this is the certificate of an authority, and not one for a server: send the one that the \
         authority issued for this box"
    )]
    Authority,
    #[error("this certificate is not for servers: ask for one with the purpose serverAuth")]
    Purpose,
    #[error(
        "no name stands in this certificate (subjectAltName), and browsers look nowhere else: ask \
         for one that has the box's name there"
    )]
    NoNames,
    #[error("this certificate ended on {0}: ask for a new one")]
    Ended(String),
    #[error("this certificate begins only on {0}: send it again then, or set the box's clock")]
    NotYet(String),
    #[error("the authority's certificate {name} ended on {at}: ask for a chain that is still good")]
    ChainEnded { name: String, at: String },
    #[error(
        "the certificates that came along did not issue this one: the one of {issuer} is missing. \
         Ask your authority for the whole chain"
    )]
    Chain { issuer: String },
    #[error(
        "{0:?} is no name that a certificate can have: write box.example.org, without https://"
    )]
    Name(String),
    #[error("a request has 1 to {most} names")]
    Names { most: usize },
    #[error("no request waits on this box")]
    NoRequest,
    #[error("the box serves its own certificate already")]
    OwnAlready,
    #[error("the server's directory is an address that begins with https://")]
    Directory,
    #[error("the server cannot be trusted so: {0}")]
    AcmeTrust(String),
    #[error("the contact is a mail address, or nothing")]
    Contact,
    #[error(
        "{0} has a star, which is proved by DNS alone: choose another proof, or name it in full"
    )]
    Star(String),
    #[error(
        "{0} is an address, which is proved by HTTP alone: choose another proof, or leave it out"
    )]
    AddressByDns(String),
    #[error("the server issues certificates to those alone who accept its terms")]
    Terms,
    #[error("the account elsewhere needs its id and its key, base64, as the authority gives them")]
    Binding,
    #[error(
        "the server of names is a name or an address, and its port behind a colon if it is not 53"
    )]
    DnsServer,
    #[error("{0:?} is no name of a zone or a key: example.org, box-key")]
    DnsName(String),
    #[error("{name} does not lie in the zone {zone}: its proof cannot be put there")]
    OutsideZone { name: String, zone: String },
    #[error("the key's secret is base64, as tsig-keygen writes it")]
    DnsSecret,
    #[error("server or key changed: type the key's secret, so that it is used nowhere unmeant")]
    DnsSecretAgain,
    #[error("the box waits at most {most} s until others see a proof")]
    DnsWait { most: u16 },
    #[error("the server of acme-dns has an address that begins with https:// or http://")]
    AcmeDnsServer,
    #[error("the server of acme-dns does not know the box: {0}")]
    AcmeDns(String),
    #[error("certificates by ACME were never set up")]
    NoAcme,
}

impl CertificateError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "certificate_none",
            Self::Torn => "certificate_torn",
            Self::TooMany { .. } => "certificate_too_many",
            Self::Encrypted => "certificate_key_encrypted",
            Self::NoKey => "certificate_no_key",
            Self::TwoKeys => "certificate_two_keys",
            Self::Key => "certificate_key",
            Self::WrongKey => "certificate_wrong_key",
            Self::NotRequested => "certificate_not_requested",
            Self::Weak { .. } => "certificate_weak",
            Self::Authority => "certificate_authority",
            Self::Purpose => "certificate_purpose",
            Self::NoNames => "certificate_no_names",
            Self::Ended(_) => "certificate_ended",
            Self::NotYet(_) => "certificate_not_yet",
            Self::ChainEnded { .. } => "certificate_chain_ended",
            Self::Chain { .. } => "certificate_chain",
            Self::Name(_) => "certificate_name",
            Self::Names { .. } => "certificate_names",
            Self::NoRequest => "certificate_no_request",
            Self::OwnAlready => "certificate_own_already",
            Self::Directory => "acme_directory",
            Self::AcmeTrust(_) => "acme_trust",
            Self::Contact => "acme_contact",
            Self::Star(_) => "acme_star",
            Self::AddressByDns(_) => "acme_address_by_dns",
            Self::Terms => "acme_terms",
            Self::Binding => "acme_binding",
            Self::DnsServer => "acme_dns_server",
            Self::DnsName(_) => "acme_dns_name",
            Self::OutsideZone { .. } => "acme_outside_zone",
            Self::DnsSecret => "acme_dns_secret",
            Self::DnsSecretAgain => "acme_dns_secret_again",
            Self::DnsWait { .. } => "acme_dns_wait",
            Self::AcmeDnsServer => "acme_dns_address",
            Self::AcmeDns(_) => "acme_dns_refused",
            Self::NoAcme => "acme_none",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Encrypted | Self::NoKey | Self::TwoKeys | Self::Key | Self::WrongKey => {
                Some("key")
            }
            Self::Name(_) | Self::Names { .. } => Some("names"),
            Self::NoRequest | Self::OwnAlready | Self::NoAcme => None,
            Self::Directory => Some("settings.directory"),
            Self::AcmeTrust(_) => Some("settings.authority"),
            Self::Contact => Some("settings.contact"),
            Self::Star(_) | Self::AddressByDns(_) => Some("settings.names"),
            Self::Terms => Some("settings.terms_accepted"),
            Self::Binding => Some("binding"),
            Self::DnsSecret | Self::DnsSecretAgain => Some("dns_secret"),
            Self::DnsServer
            | Self::DnsName(_)
            | Self::OutsideZone { .. }
            | Self::DnsWait { .. }
            | Self::AcmeDnsServer
            | Self::AcmeDns(_) => Some("settings.proof"),
            _ => Some("chain"),
        }
    }

    /// Whether the box is not in the state for it, and nothing is wrong with what was sent.
    pub fn is_of_state(&self) -> bool {
        matches!(self, Self::NoRequest | Self::OwnAlready | Self::NoAcme)
    }
}
