//! The box's own keys and certificates, in the folder `secrets` of its data: the ed25519 key that it
//! is known by, a certificate authority for nobody but itself, and the certificate of its server.
//!
//! Public authorities certify neither `.local` names nor private addresses. The box's own authority
//! can do no more than that either: its certificate is constrained to such names (RFC 5280
//! §4.2.1.10), so that people can trust it without trusting the box with the rest of the internet.

use anyhow::{Context, anyhow, bail};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData,
    SanType, SerialNumber,
};
use roombox_control::certificates::RenewedKeys;
use roombox_control::clock::UnixMs;
use roombox_control::files::{put_aside, replace};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use time::{Duration, OffsetDateTime};
use ulid::Ulid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// Browsers refuse server certificates that are good for longer.
const SERVER_GOOD_FOR: Duration = Duration::days(397);
/// A server certificate is made anew so long before it ends.
const SERVER_RENEWED: Duration = Duration::days(60);
const AUTHORITY_GOOD_FOR: Duration = Duration::days(3653);
/// Clocks of clients may be behind ours.
const BACKDATED: Duration = Duration::days(1);
/// No box starts before this: an earlier clock has lost its battery (2026-01-01).
const EARLIEST: i64 = 1_767_225_600;

/// Names below which the authority may certify, beside the box's own.
const LOCAL_DOMAINS: [&str; 5] = ["local", "localhost", "lan", "home.arpa", "internal"];
/// Addresses that mean something in a local network only (RFC 1918, 3927, 4193, 4291, 6598).
const LOCAL_NETWORKS: [(IpAddr, u8); 9] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// Under which names a server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub dns: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
}

/// A key and what was certified about it, as PEM.
pub struct Certified {
    pub certificate: String,
    pub key: String,
}

/// The time, or the earliest that it can be.
pub fn now() -> OffsetDateTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    OffsetDateTime::from_unix_timestamp(seconds.max(EARLIEST)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The folder with everything secret.
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// # Errors
    /// The folder cannot be made, or is a file.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("secrets");
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot make {}", folder.display()))
            }
            _ if !folder.is_dir() => bail!(
                "{} is a file; it must be a folder: move it away, and the box makes new keys",
                folder.display()
            ),
            _ => Ok(Self { folder }),
        }
    }

    /// The id that follows from the box's key, which is made at the first call: 128 bits of its
    /// SHA-256, written as ids are.
    ///
    /// # Errors
    /// A key cannot be made or kept.
    pub fn box_id(&self) -> anyhow::Result<String> {
        let key = self.key("box.key", &rcgen::PKCS_ED25519)?;
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.public_key_raw());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_ref()[..16]);
        Ok(format!("box_{}", Ulid::from_bytes(id)))
    }

    /// The secret half of the box's key, which is made at the first call.
    ///
    /// # Errors
    /// A key cannot be made or kept.
    pub fn box_seed(&self) -> anyhow::Result<[u8; 32]> {
        let key = self.key("box.key", &rcgen::PKCS_ED25519)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.serialized_der()).ok();
        let seed = pair.and_then(|pair| pair.seed().ok()?.as_be_bytes().ok());
        let seed = seed.context("the box's key cannot be used")?;
        Ok(seed.as_ref().try_into()?)
    }

    /// The authority of the box; made at the first call, and anew when it nears its end.
    ///
    /// # Errors
    /// It cannot be made or kept.
    pub fn authority(
        &self,
        id: &str,
        host: &str,
        now: OffsetDateTime,
    ) -> anyhow::Result<Authority> {
        let key = self.key("ca.key", &rcgen::PKCS_ECDSA_P256_SHA256)?;
        if let Some(pem) = self.read("ca.crt")? {
            match Authority::from_parts(&pem, key) {
                Ok(kept) if kept.good_until - SERVER_GOOD_FOR > now => return Ok(kept),
                Ok(_) => tracing::warn!(
                    "the box's certificate authority ends soon: a new one is \
                    made, and devices that trust the old one must be told"
                ),
                Err(error) => self.aside("ca.crt", &error)?,
            }
            put_aside(&self.folder.join("ca.key")).map_or_else(drop, drop);
            let key = self.key("ca.key", &rcgen::PKCS_ECDSA_P256_SHA256)?;
            return self.new_authority(key, id, host, now);
        }
        self.new_authority(key, id, host, now)
    }

    fn new_authority(
        &self,
        key: KeyPair,
        id: &str,
        host: &str,
        now: OffsetDateTime,
    ) -> anyhow::Result<Authority> {
        let pem = authority_parameters(id, host, now)?.self_signed(&key)?.pem();
        self.write("ca.crt", &pem)?;
        tracing::info!("the box has made a certificate authority of its own");
        Authority::from_parts(&pem, key)
    }

    /// The server's certificate for these names: the one that is kept if it will do, else a new one.
    ///
    /// # Errors
    /// It cannot be made or kept.
    pub fn server(
        &self,
        authority: &Authority,
        names: &Names,
        now: OffsetDateTime,
    ) -> anyhow::Result<Certified> {
        // The key stays: programs may have pinned it.
        let key = self.key("server.key", &rcgen::PKCS_ECDSA_P256_SHA256)?;
        if let Some(certificate) = self.read("server.crt")?
            && authority.still_good(&certificate, &key, names, now)
        {
            return Ok(Certified { certificate, key: key.serialize_pem() });
        }
        let certificate = authority.issue(&key, names, now)?;
        self.write("server.crt", &certificate)?;
        tracing::info!(names = names.dns.len(), addresses = ?names.addresses,
            "the server has a new certificate");
        Ok(Certified { certificate, key: key.serialize_pem() })
    }

    /// A kept key, or a new one where there is none that can be read.
    fn key(
        &self,
        name: &str,
        algorithm: &'static rcgen::SignatureAlgorithm,
    ) -> anyhow::Result<KeyPair> {
        if let Some(pem) = self.read(name)? {
            match KeyPair::from_pkcs8_pem_and_sign_algo(&pem, algorithm) {
                Ok(key) => return Ok(key),
                Err(error) => self.aside(name, &error.into())?,
            }
        }
        let key = KeyPair::generate_for(algorithm).context("cannot make a key")?;
        self.write(name, &key.serialize_pem())?;
        Ok(key)
    }

    /// What is kept under this name; what the disk does not give any more is put aside like what is damaged.
    ///
    /// # Errors
    /// This user may not read it: whoever set that can mend it, and nothing is lost.
    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let (us, shown) = (rustix::process::geteuid().as_raw(), path.display());
                Err(error).with_context(|| {
                    format!(
                        "cannot read {shown}: give it to user {us} (chown), or move it away and the box \
                         makes another, which its devices and fleet must be told of"
                    )
                })
            }
            Err(error) => {
                self.aside(name, &error.into())?;
                Ok(None)
            }
        }
    }

    /// Moves what cannot be used out of the way, so that another is made, and has somebody be told.
    fn aside(&self, name: &str, why: &anyhow::Error) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let kept = put_aside(&path).with_context(|| {
            let shown = path.display();
            format!("{shown} cannot be read ({why:#}) nor moved: move it away, and the box makes another")
        })?;
        tracing::error!(why = format!("{why:#}"), name, kept = %kept.display(),
            "a key or certificate of the box cannot be read: another one is made");
        // The server's certificate is made anew whenever an address changes.
        if name != "server.crt"
            && let Err(error) = RenewedKeys::note(&self.folder, name, UnixMs::now())
        {
            tracing::error!(%error, name, "nobody can be told of it after this start");
        }
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        replace(&path, text.as_bytes(), 0o600)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Certifies the box's own names, and cannot certify others.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// For people's devices.
    pub pem: String,
    der: Vec<u8>,
    good_until: OffsetDateTime,
}

impl Authority {
    fn from_parts(pem: &str, key: KeyPair) -> anyhow::Result<Self> {
        let der = der_of(pem)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der)?;
        anyhow::ensure!(
            parsed.public_key().raw == key.subject_public_key_info(),
            "key and certificate do not belong together"
        );
        let good_until = parsed.validity().not_after.to_datetime();
        let issuer = Issuer::from_ca_cert_pem(pem, key)?;
        Ok(Self { issuer, pem: pem.to_owned(), der, good_until })
    }

    /// SHA-256 of the certificate, as devices show it.
    pub fn fingerprint(&self) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// Those of the names that it may certify.
    pub fn may_certify(&self, names: &Names) -> Names {
        let permitted = self.permitted_names();
        let below = |name: &String| {
            permitted.iter().any(|domain| name == domain || name.ends_with(&format!(".{domain}")))
        };
        let local = |address: &IpAddr| {
            LOCAL_NETWORKS.iter().any(|(network, bits)| within(*address, *network, *bits))
        };
        Names {
            dns: names.dns.iter().filter(|name| below(name)).cloned().collect(),
            addresses: names.addresses.iter().copied().filter(local).collect(),
        }
    }

    fn permitted_names(&self) -> Vec<String> {
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&self.der) else {
            return Vec::new();
        };
        let Ok(Some(constraints)) = parsed.name_constraints() else { return Vec::new() };
        let subtrees = constraints.value.permitted_subtrees.iter().flatten();
        subtrees
            .filter_map(|subtree| match &subtree.base {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect()
    }

    fn issue(&self, key: &KeyPair, names: &Names, now: OffsetDateTime) -> anyhow::Result<String> {
        let mut parameters = CertificateParams::default();
        parameters.not_before = now - BACKDATED;
        parameters.not_after = parameters.not_before + SERVER_GOOD_FOR;
        parameters.serial_number = Some(serial()?);
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        let common = names.dns.first().map_or("roombox.local", String::as_str);
        parameters.distinguished_name.push(DnType::CommonName, common);
        for name in &names.dns {
            parameters.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        let addresses = names.addresses.iter().map(|address| SanType::IpAddress(*address));
        parameters.subject_alt_names.extend(addresses);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let made = parameters.signed_by(key, &self.issuer).context("cannot certify the server")?;
        Ok(made.pem())
    }

    /// Whether a server certificate is ours, for this key and exactly these names, and good for some
    /// time to come.
    fn still_good(&self, pem: &str, key: &KeyPair, names: &Names, now: OffsetDateTime) -> bool {
        let Ok(der) = der_of(pem) else { return false };
        let Ok((_, found)) = x509_parser::parse_x509_certificate(&der) else { return false };
        let Ok((_, us)) = x509_parser::parse_x509_certificate(&self.der) else { return false };
        let validity = found.validity();
        names_of(&found) == *names
            && found.public_key().raw == key.subject_public_key_info()
            && found.verify_signature(Some(us.public_key())).is_ok()
            && validity.not_before.to_datetime() <= now
            && validity.not_after.to_datetime() - SERVER_RENEWED > now
    }
}

fn authority_parameters(
    id: &str,
    host: &str,
    now: OffsetDateTime,
) -> anyhow::Result<CertificateParams> {
    let mut parameters = CertificateParams::default();
    parameters.not_before = now - BACKDATED;
    parameters.not_after = now + AUTHORITY_GOOD_FOR;
    parameters.serial_number = Some(serial()?);
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "Roombox");
    parameters.distinguished_name.push(DnType::CommonName, format!("Roombox {id}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Not for mail or programs, whose names the constraints do not bind.
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut domains: BTreeSet<&str> = LOCAL_DOMAINS.into();
    domains.insert(host);
    let names = domains.into_iter().map(|name| GeneralSubtree::DnsName(name.to_owned()));
    let networks = LOCAL_NETWORKS.into_iter().map(|(network, bits)| {
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(network, bits))
    });
    parameters.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.chain(networks).collect(),
        excluded_subtrees: Vec::new(),
    });
    Ok(parameters)
}

/// Two certificates of one authority must not have one number, even if they have one key.
fn serial() -> anyhow::Result<SerialNumber> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system gives no randomness"))?;
    // Positive and of full length (RFC 5280 §4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn der_of(pem: &str) -> anyhow::Result<Vec<u8>> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes())?;
    anyhow::ensure!(block.label == "CERTIFICATE", "this is no certificate but {}", block.label);
    Ok(block.contents)
}

fn names_of(certificate: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    let Ok(Some(found)) = certificate.subject_alternative_name() else { return names };
    for name in &found.value.general_names {
        match name {
            GeneralName::DNSName(name) => {
                names.dns.insert((*name).to_owned());
            }
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                if let Ok(address) = v4.or(<[u8; 16]>::try_from(*bytes).map(IpAddr::from)) {
                    names.addresses.insert(address);
                }
            }
            _ => {}
        }
    }
    names
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |a: u128, b: u128, width: u8| (a ^ b).checked_shr((width - bits).into()) == Some(0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => same(a.to_bits().into(), n.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => same(a.to_bits(), n.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
