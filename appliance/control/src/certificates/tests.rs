//! Certificates: what will do, what will not, and what is kept of both.

use super::*;
use crate::clock::UnixMs;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const NOW: UnixMs = UnixMs(1_795_000_000_000);

fn day(n: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(NOW.0 as i64 / 1000).unwrap()
        + time::Duration::days(n)
}

/// An authority, one between, and what they issue.
struct Pki {
    root: (CertificateParams, KeyPair, String),
    between: (CertificateParams, KeyPair, String),
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (parameters.not_before, parameters.not_after) = (day(-400), day(3000));
    (parameters, KeyPair::generate().unwrap())
}

fn server(names: &[&str], from: i64, to: i64) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    (parameters.not_before, parameters.not_after) = (day(from), day(to));
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters
}

impl Pki {
    fn new() -> Self {
        let (root, root_key) = authority("Test Root");
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let (between, key) = authority("Test Intermediate");
        let issuer = Issuer::from_params(&root, &root_key);
        let pem = between.signed_by(&key, &issuer).unwrap().pem();
        Self { root: (root, root_key, root_pem), between: (between, key, pem) }
    }

    /// Certificate and key.
    fn issue(&self, parameters: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.between.0, &self.between.1);
        (parameters.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    }

    fn good(&self) -> (String, String) {
        self.issue(&server(&["box.example.org"], -10, 80))
    }
}

fn upload(chain: &str, key: Option<&str>) -> CertificateUpload {
    CertificateUpload { chain: chain.to_owned(), key: key.map(str::to_owned) }
}

fn service() -> (TempDir, Arc<Certificates>) {
    let folder = tempfile::tempdir().unwrap();
    let certificates = again(&folder);
    (folder, certificates)
}

fn again(folder: &TempDir) -> Arc<Certificates> {
    let certificates = Certificates::load(&folder.path().join("secrets"), Arc::default());
    certificates.own_is(OwnFace {
        facts: CertificateFacts::default(),
        names: ["roombox.local", "box.example.org", "192.0.2.7"].map(str::to_owned).into(),
    });
    certificates
}

fn refused(certificates: &Certificates, chain: &str, key: Option<&str>) -> &'static str {
    certificates.preview(&upload(chain, key), NOW).unwrap_err().code()
}

#[tokio::test]
async fn a_chain_in_any_order_is_served_in_the_right_one() {
    let (pki, (_folder, certificates)) = (Pki::new(), service());
    let (leaf, key) = pki.good();
    let (root, between) = (&pki.root.2, &pki.between.2);
    use CertificateNote as N;
    for (sent, notes) in [
        (format!("{leaf}{between}"), vec![]),
        (format!("{root}{between}{leaf}"), vec![N::Reordered, N::RootLeftOut]),
        (format!("{leaf}{between}{leaf}"), vec![]),
        (format!("{leaf}{between}{}", pki.good().0), vec![N::Unrelated]),
        (leaf.clone(), vec![N::Alone]),
    ] {
        let preview = certificates.preview(&upload(&sent, Some(&key)), NOW).unwrap();
        assert_eq!(preview.notes, notes);
        assert_eq!(preview.uncovered, ["roombox.local", "192.0.2.7"]);
        assert_eq!(preview.facts.issuer, "Test Intermediate");
        let chain: &[&str] = if notes == [N::Alone] { &[] } else { &["Test Intermediate"] };
        assert_eq!(preview.facts.chain, chain);
    }
    // The key may stand with the chain, as openssl pkcs12 writes it.
    let all = upload(&format!("Bag Attributes\n{key}\n{between}{leaf}"), None);
    let view = certificates.install(&all, CertificateSource::Uploaded, NOW).await.unwrap();
    assert_eq!(view.served.unwrap().state, CertificateState::Good);
    let served = certificates.watch().borrow().clone().unwrap();
    assert_eq!(served.chain.len(), 2);
    assert_eq!(fingerprint(&served.chain[0]), served.facts.fingerprint);
}

#[tokio::test]
async fn what_will_not_do_is_refused_by_its_name_and_changes_nothing() {
    let (pki, (folder, certificates)) = (Pki::new(), service());
    let (leaf, key) = pki.good();
    certificates
        .install(&upload(&leaf, Some(&key)), CertificateSource::Uploaded, NOW)
        .await
        .unwrap();
    let before = certificates.view(NOW);
    let other = Pki::new();
    let issue = |parameters: &CertificateParams| pki.issue(parameters);
    let ended = issue(&server(&["box.example.org"], -100, -1));
    let early = issue(&server(&["box.example.org"], 1, 80));
    let nameless = issue(&server(&[], -10, 80));
    let mut for_mail = server(&["box.example.org"], -10, 80);
    for_mail.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    let for_mail = issue(&for_mail);
    let ca_key = pki.root.1.serialize_pem();
    let ed_key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let ed = server(&["box.example.org"], -10, 80).self_signed(&ed_key).unwrap().pem();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    let long = leaf.repeat(17);
    let torn = leaf.replacen("MII", "M#I", 1);
    let cut = &leaf[..leaf.len() - 40];
    let (two, ed_pem) = (format!("{key}{ca_key}"), ed_key.serialize_pem());
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    let foreign = format!("{leaf}{}", other.root.2);
    for (chain, key, code) in [
        ("", Some(&*key), "certificate_none"),
        ("\u{0}\u{1}0\u{82}\u{3}binary", Some(&key), "certificate_none"),
        (&torn, Some(&key), "certificate_torn"),
        (cut, Some(&key), "certificate_torn"),
        (&long, Some(&key), "certificate_too_many"),
        (&leaf, None, "certificate_no_key"),
        (&leaf, Some(encrypted), "certificate_key_encrypted"),
        (&leaf, Some(&two), "certificate_two_keys"),
        (&leaf, Some(no_key), "certificate_key"),
        (&leaf, Some(&ca_key), "certificate_wrong_key"),
        (&pki.root.2, Some(&ca_key), "certificate_authority"),
        (&ed, Some(&ed_pem), "certificate_weak"),
        (&nameless.0, Some(&nameless.1), "certificate_no_names"),
        (&for_mail.0, Some(&for_mail.1), "certificate_purpose"),
        (&ended.0, Some(&ended.1), "certificate_ended"),
        (&early.0, Some(&early.1), "certificate_not_yet"),
        (&foreign, Some(&key), "certificate_chain"),
    ] {
        assert_eq!(refused(&certificates, chain, key), code);
        let sent = upload(chain, key);
        let install = certificates.install(&sent, CertificateSource::Uploaded, NOW).await;
        assert_eq!(install.unwrap_err().code(), code);
        assert_eq!(certificates.view(NOW), before, "{code}");
    }
    assert_eq!(again(&folder).view(NOW), before);
}

#[tokio::test]
async fn a_chain_through_an_ended_authority_is_refused() {
    let (mut pki, (_folder, certificates)) = (Pki::new(), service());
    pki.between.0.not_after = day(-1);
    let issuer = Issuer::from_params(&pki.root.0, &pki.root.1);
    let between = pki.between.0.signed_by(&pki.between.1, &issuer).unwrap().pem();
    let (leaf, key) = pki.good();
    let code = refused(&certificates, &format!("{leaf}{between}"), Some(&key));
    assert_eq!(code, "certificate_chain_ended");
}

#[tokio::test]
async fn a_request_waits_over_a_restart_and_only_its_own_answer_takes_its_key() {
    let (pki, (folder, certificates)) = (Pki::new(), service());
    let names = ["box.example.org", "*.Rooms.example.org.", "192.0.2.7", "box.example.org"];
    let new = NewCertificateRequest { names: names.map(str::to_owned).into() };
    let view = certificates.request(&new, NOW).await.unwrap();
    assert_eq!((view.served, view.wanted), (None, CertificateSource::Own));
    let asked = view.request.unwrap();
    assert_eq!(asked.names, ["box.example.org", "*.rooms.example.org", "192.0.2.7"]);

    let certificates = again(&folder);
    assert_eq!(certificates.view(NOW).request.as_ref(), Some(&asked));
    assert_eq!(refused(&certificates, &pki.good().0, None), "certificate_not_requested");
    let mut signed = rcgen::CertificateSigningRequestParams::from_pem(&asked.request).unwrap();
    let issuer = Issuer::from_params(&pki.between.0, &pki.between.1);
    (signed.params.not_before, signed.params.not_after) = (day(-1), day(90));
    let answer = signed.signed_by(&issuer).unwrap().pem();
    let preview = certificates.preview(&upload(&answer, None), NOW).unwrap();
    assert!(preview.requested && preview.uncovered == ["roombox.local"]);
    let waiting = std::fs::read(folder.path().join("secrets/request.json")).unwrap();
    let view = certificates
        .install(&upload(&answer, None), CertificateSource::Uploaded, NOW)
        .await
        .unwrap();
    assert!(view.request.is_none() && view.served.is_some());
    // The power goes before the request is forgotten.
    std::fs::write(folder.path().join("secrets/request.json"), waiting).unwrap();
    assert_eq!(again(&folder).view(NOW).request, None);
}

#[tokio::test]
async fn names_of_requests_are_names() {
    let (_folder, certificates) = service();
    for bad in
        ["", "https://box.example.org", "box example", "-box", "box..org", "*.*.org", "böx.org"]
    {
        let new = NewCertificateRequest { names: vec![bad.to_owned()] };
        let refusal = certificates.request(&new, NOW).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.field()), ("certificate_name", Some("names")), "{bad}");
    }
    for names in [vec![], (0..51).map(|n| format!("a{n}.org")).collect()] {
        let refusal =
            certificates.request(&NewCertificateRequest { names }, NOW).await.unwrap_err();
        assert_eq!(refusal.code(), "certificate_names");
    }
    let long = format!("{}.org", vec!["a".repeat(60); 3].join("."));
    let new = NewCertificateRequest { names: vec![long] };
    assert!(certificates.request(&new, NOW).await.is_ok());
    certificates.discard_request().await.unwrap();
    let gone = certificates.discard_request().await.unwrap_err();
    assert_eq!(gone.code(), "certificate_no_request");
}

#[tokio::test]
async fn an_end_that_nears_is_said_once_and_going_back_forgets_the_key() {
    let (pki, (folder, certificates)) = (Pki::new(), service());
    let mut told = certificates.events.listen(None).2;
    let (leaf, key) = pki.issue(&server(&["box.example.org"], -10, 80));
    let sent = upload(&leaf, Some(&key));
    certificates.install(&sent, CertificateSource::Uploaded, NOW).await.unwrap();
    let at = |days: u64| UnixMs(NOW.0 + days * DAY_MS);
    let stands = |days| certificates.view(at(days)).served.unwrap().state;
    assert_eq!(stands(65), CertificateState::Good);
    assert_eq!(stands(67), CertificateState::Ending);
    assert_eq!(stands(81), CertificateState::Ended);
    let mut count = || std::iter::from_fn(|| told.try_recv().ok()).count();
    certificates.look(at(65));
    count();
    for (days, events) in [(65, 0), (67, 1), (67, 0), (81, 1), (82, 0)] {
        certificates.look(at(days));
        assert_eq!(count(), events, "day {days}");
    }
    let file = folder.path().join("secrets/served.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let view = certificates.revert(NOW).await.unwrap();
    assert_eq!((view.served, view.wanted), (None, CertificateSource::Own));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("PRIVATE"));
    assert_eq!(certificates.revert(NOW).await.unwrap_err().code(), "certificate_own_already");
}

#[test]
fn short_certificates_are_said_to_end_in_their_last_third() {
    let facts = |days: u64| CertificateFacts {
        not_before: NOW,
        not_after: UnixMs(NOW.0 + days * DAY_MS),
        ..CertificateFacts::default()
    };
    let at = |days: u64| UnixMs(NOW.0 + days * DAY_MS);
    assert_eq!(state(&facts(6), at(3)), CertificateState::Good);
    assert_eq!(state(&facts(6), at(4)), CertificateState::Ending);
    assert_eq!(state(&facts(47), at(32)), CertificateState::Good);
    assert_eq!(state(&facts(47), at(33)), CertificateState::Ending);
}

#[tokio::test]
async fn browsers_are_held_to_https_only_where_devices_trust_the_certificate_and_while_it_lasts() {
    let (pki, (_folder, certificates)) = (Pki::new(), service());
    assert_eq!(certificates.https_only_s("box.example.org", NOW), None);
    let local = ["roombox.local", "localhost", "192.0.2.1"];
    let names = [&["box.example.org"][..], &local].concat();
    let (leaf, key) = pki.issue(&server(&names, -10, 5));
    let sent = upload(&leaf, Some(&key));
    certificates.install(&sent, CertificateSource::Uploaded, NOW).await.unwrap();
    assert_eq!(certificates.https_only_s("box.example.org", NOW), Some(5 * 24 * 3600));
    // There the box's own one may have to do again.
    for name in local {
        assert_eq!(certificates.https_only_s(name, NOW), None, "{name}");
    }
    let later = UnixMs(NOW.0 + 6 * DAY_MS);
    assert_eq!(certificates.https_only_s("box.example.org", later), None);
    let own = KeyPair::generate().unwrap();
    let alone = server(&["box.example.org"], -10, 80).self_signed(&own).unwrap().pem();
    let sent = upload(&alone, Some(&own.serialize_pem()));
    certificates.install(&sent, CertificateSource::Uploaded, NOW).await.unwrap();
    assert_eq!(certificates.https_only_s("box.example.org", NOW), None);
}

#[tokio::test]
async fn what_was_kept_and_cannot_be_read_is_put_aside() {
    let (pki, (folder, certificates)) = (Pki::new(), service());
    let (leaf, key) = pki.good();
    let sent = upload(&leaf, Some(&key));
    certificates.install(&sent, CertificateSource::Uploaded, NOW).await.unwrap();
    // A served one that ended meanwhile is kept, and shown.
    let later = UnixMs(NOW.0 + 100 * DAY_MS);
    assert_eq!(again(&folder).view(later).served.unwrap().state, CertificateState::Ended);
    let file = folder.path().join("secrets/served.json");
    std::fs::write(&file, b"{\"wanted\":").unwrap();
    assert_eq!(again(&folder).view(NOW).served, None);
    assert!(folder.path().join("secrets/served.json.broken").exists());
}

#[test]
fn a_key_is_in_no_debug_text() {
    let (pki, _) = (Pki::new(), ());
    let (leaf, key) = pki.good();
    let body = &key.lines().nth(1).unwrap()[..20];
    assert!(!format!("{:?}", upload(&leaf, Some(&key))).contains(body));
}
