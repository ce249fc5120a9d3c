//! ACME: when orders are begun, and what stays whatever becomes of them.

use super::*;
use crate::certificates::{CertificateFacts, OwnFace};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

const NOW: UnixMs = UnixMs(1_795_000_000_000);
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

struct Gear;

impl AcmeGear for Gear {
    fn key(&self) -> Option<Vec<u8>> {
        Some(b"key of the account".to_vec())
    }

    fn check(&self, authority: &str) -> Result<(), String> {
        match authority.contains("BEGIN") {
            true => Ok(()),
            false => Err("this is no certificate".to_owned()),
        }
    }

    fn chance(&self) -> f64 {
        0.0
    }

    fn register<'a>(&'a self, server: &'a str) -> Later<'a, Result<AcmeDnsAccount, String>> {
        let text = |text: &str| text.to_owned();
        let account = AcmeDnsAccount {
            server: text(server),
            username: text("user"),
            password: text("password of acme-dns"),
            subdomain: text("sub"),
            fulldomain: text("sub.auth.example.org"),
        };
        let known = !server.contains("nobody");
        Box::pin(async move { if known { Ok(account) } else { Err(text("who are you")) } })
    }
}

fn house(folder: &TempDir) -> (Arc<Certificates>, Arc<Acme>) {
    let certificates = Certificates::load(&folder.path().join("secrets"), Arc::default());
    certificates.own_is(OwnFace { facts: CertificateFacts::default(), names: Vec::new() });
    (certificates.clone(), Acme::load(certificates, Arc::new(Gear)))
}

fn put(names: &[&str]) -> AcmePut {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let settings = AcmeSettings { names, terms_accepted: true, ..AcmeSettings::default() };
    AcmePut { settings, binding: None, dns_secret: None }
}

fn later(ms: u64) -> UnixMs {
    UnixMs(NOW.0 + ms)
}

/// Signs what a task asks for, good for so many days from `at` on.
fn signed(task: &AcmeTask, at: UnixMs, days: u64) -> String {
    signed_for(task, at, days, None)
}

/// With these names instead of those that were asked for.
fn signed_for(task: &AcmeTask, at: UnixMs, days: u64, names: Option<&[&str]>) -> String {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, key);
    let der = task.request.clone().into();
    let mut request = rcgen::CertificateSigningRequestParams::from_der(&der).unwrap();
    let day = |ms: u64| time::OffsetDateTime::from_unix_timestamp(ms as i64 / 1000).unwrap();
    (request.params.not_before, request.params.not_after) = (day(at.0), day(at.0 + days * DAY));
    if let Some(names) = names {
        let names = names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap()));
        request.params.subject_alt_names = names.collect();
    }
    request.signed_by(&issuer).unwrap().pem()
}

#[tokio::test]
async fn an_authority_that_certifies_other_names_is_not_asked_again_and_again() {
    for (names, renewed) in [
        (&["box.example.org", "www.box.example.org"][..], 60 * DAY),
        (&["www.box.example.org"], 15 * DAY),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (_, acme) = house(&folder);
        acme.put(put(&["box.example.org"])).await.unwrap();
        let task = acme.begin(NOW).await.unwrap().unwrap();
        let chain = signed_for(&task, NOW, 90, Some(names));
        acme.done(task, Ok(chain), NOW).await.unwrap();
        assert_eq!(acme.view().failure, None);
        assert!(acme.begin(later(renewed - DAY)).await.unwrap().is_none(), "{names:?}");
        assert!(acme.begin(later(renewed)).await.unwrap().is_some(), "{names:?}");
    }
}

fn failure(cause: AcmeCause) -> AcmeFailure {
    AcmeFailure { cause, text: "because".to_owned(), at: NOW }
}

#[tokio::test]
async fn what_is_ordered_is_served_and_renewed_when_a_third_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (certificates, acme) = house(&folder);
    assert!(acme.begin(NOW).await.unwrap().is_none());
    acme.put(put(&["Box.example.org"])).await.unwrap();
    let task = acme.begin(NOW).await.unwrap().unwrap();
    assert_eq!(task.settings.names, ["box.example.org"]);
    // The next one waits for this one.
    assert!(acme.begin(later(DAY)).await.unwrap().is_none());
    acme.step(AcmeStage::Proving, NOW);
    assert_eq!(acme.view().running.unwrap().stage, AcmeStage::Proving);
    let chain = signed(&task, NOW, 90);
    acme.done(task, Ok(chain), NOW).await.unwrap();
    let view = acme.view();
    assert_eq!((view.running, view.failure, view.next_at), (None, None, Some(later(60 * DAY))));
    assert_eq!(certificates.view(NOW).served.unwrap().source, CertificateSource::Acme);
    // So it is after a restart.
    let (certificates, acme) = house(&folder);
    assert!(acme.begin(later(59 * DAY)).await.unwrap().is_none());
    let task = acme.begin(later(60 * DAY)).await.unwrap().unwrap();
    let chain = signed(&task, later(60 * DAY), 90);
    acme.done(task, Ok(chain), later(60 * DAY)).await.unwrap();
    assert_eq!(certificates.view(NOW).served.unwrap().facts.not_after, later(150 * DAY));
}

#[tokio::test]
async fn a_failure_leaves_what_is_served_and_pauses_double_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (certificates, acme) = house(&folder);
    acme.put(put(&["box.example.org"])).await.unwrap();
    let task = acme.begin(NOW).await.unwrap().unwrap();
    let chain = signed(&task, NOW, 6);
    acme.done(task, Ok(chain), NOW).await.unwrap();
    let before = certificates.view(NOW).served;
    let at = |minutes: u64| later(4 * DAY + minutes * MINUTE);
    let task = acme.begin(at(0)).await.unwrap().unwrap();
    acme.done(task, Err(failure(AcmeCause::Unreachable)), at(0)).await.unwrap();
    assert_eq!(acme.view().failure.unwrap().cause, AcmeCause::Unreachable);
    assert_eq!(acme.view().next_at, Some(at(5)));
    let (certificates, acme) = house(&folder);
    assert!(acme.begin(at(4)).await.unwrap().is_none());
    // This one dies with the box: that it was begun is known.
    assert!(acme.begin(at(5)).await.unwrap().is_some());
    let (_, acme) = house(&folder);
    assert_eq!(acme.view().next_at, Some(at(15)));
    assert!(acme.begin(at(14)).await.unwrap().is_none());
    assert_eq!(certificates.view(NOW).served, before);
    // Who asks does not wait.
    acme.order_now().await.unwrap();
    let task = acme.begin(at(14)).await.unwrap().unwrap();
    let chain = signed(&task, at(14), 6);
    acme.done(task, Ok(chain), at(14)).await.unwrap();
    assert_eq!(acme.view().failure, None);
}

#[tokio::test]
async fn the_key_of_the_account_lasts_from_before_its_first_use() {
    let folder = tempfile::tempdir().unwrap();
    let (_, acme) = house(&folder);
    acme.put(put(&["box.example.org"])).await.unwrap();
    let task = acme.begin(NOW).await.unwrap().unwrap();
    assert_eq!((task.key.as_slice(), task.account), (&b"key of the account"[..], None));
    let (_, acme) = house(&folder);
    assert_eq!(acme.known().kept.key, b"key of the account");
    acme.account_is("https://acme/1".to_owned(), b"another".to_vec()).await.unwrap();
    let (_, acme) = house(&folder);
    let task = acme.begin(later(DAY)).await.unwrap().unwrap();
    assert_eq!(
        (task.key.as_slice(), task.account.as_deref()),
        (&b"another"[..], Some("https://acme/1"))
    );
    // A server that forgot it gets a new one, and so does another server.
    acme.done(task, Err(failure(AcmeCause::Account)), later(DAY)).await.unwrap();
    assert_eq!(acme.known().kept.account, None);
    acme.account_is("https://acme/2".to_owned(), b"third".to_vec()).await.unwrap();
    let mut elsewhere = put(&["box.example.org"]);
    elsewhere.settings.directory = "https://ca.example.org/acme".to_owned();
    acme.put(elsewhere).await.unwrap();
    assert_eq!(acme.known().kept.account, None);
}

#[tokio::test]
async fn who_chose_something_else_meanwhile_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (certificates, acme) = house(&folder);
    acme.put(put(&["box.example.org"])).await.unwrap();
    let task = acme.begin(NOW).await.unwrap().unwrap();
    certificates.revert(NOW).await.unwrap();
    let chain = signed(&task, NOW, 90);
    acme.done(task, Ok(chain), NOW).await.unwrap();
    assert_eq!(certificates.view(NOW).served, None);
    assert!(!acme.view().wanted);
    assert!(acme.begin(later(DAY)).await.unwrap().is_none());
    // Other names want another order, also while one runs.
    acme.put(put(&["box.example.org"])).await.unwrap();
    let task = acme.begin(later(DAY)).await.unwrap().unwrap();
    acme.put(put(&["other.example.org"])).await.unwrap();
    let chain = signed(&task, later(DAY), 90);
    acme.done(task, Ok(chain), later(DAY)).await.unwrap();
    assert_eq!(certificates.view(NOW).served, None);
    let task = acme.begin(later(DAY)).await.unwrap().unwrap();
    assert_eq!(task.settings.names, ["other.example.org"]);
}

#[tokio::test]
async fn a_chain_that_cannot_be_served_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (certificates, acme) = house(&folder);
    acme.put(put(&["box.example.org"])).await.unwrap();
    let task = acme.begin(NOW).await.unwrap().unwrap();
    acme.done(task, Ok("no certificate".to_owned()), NOW).await.unwrap();
    assert_eq!(acme.view().failure.unwrap().cause, AcmeCause::Unusable);
    assert_eq!(certificates.view(NOW).served, None);
}

#[tokio::test]
async fn settings_that_will_not_do_are_refused_by_their_field() {
    let folder = tempfile::tempdir().unwrap();
    let (certificates, acme) = house(&folder);
    type Change = fn(&mut AcmePut);
    let cases: [(Change, &str, &str); 10] = [
        (
            |put| put.settings.directory = "http://ca/".to_owned(),
            "acme_directory",
            "settings.directory",
        ),
        (
            |put| put.settings.directory = "https://".to_owned(),
            "acme_directory",
            "settings.directory",
        ),
        (|put| put.settings.authority = "nonsense".to_owned(), "acme_trust", "settings.authority"),
        (|put| put.settings.contact = "ada".to_owned(), "acme_contact", "settings.contact"),
        (|put| put.settings.names = vec![], "certificate_names", "names"),
        (|put| put.settings.names = vec!["a b".to_owned()], "certificate_name", "names"),
        (
            |put| put.settings.names = vec!["*.example.org".to_owned()],
            "acme_star",
            "settings.names",
        ),
        (|put| put.settings.terms_accepted = false, "acme_terms", "settings.terms_accepted"),
        (
            |put| put.binding = Some(AcmeBound { id: String::new(), key: "AAAA".to_owned() }),
            "acme_binding",
            "binding",
        ),
        (
            |put| put.binding = Some(AcmeBound { id: "x".to_owned(), key: "?".to_owned() }),
            "acme_binding",
            "binding",
        ),
    ];
    for (change, code, field) in cases {
        let mut put = put(&["box.example.org"]);
        change(&mut put);
        let refused = acme.put(put).await.unwrap_err();
        assert_eq!((refused.code(), refused.field()), (code, Some(field)));
    }
    assert_eq!(acme.order_now().await.unwrap_err().code(), "acme_none");
    assert_eq!(certificates.wanted(), CertificateSource::Own);
}

fn by_dns(server: &str) -> AcmeProof {
    let [server, zone, key_name] = [server, "Example.org.", "box-key"].map(str::to_owned);
    AcmeProof::Rfc2136 { server, zone, key_name, algorithm: AcmeTsig::HmacSha256, wait_s: 5 }
}

#[tokio::test]
async fn a_secret_stays_with_the_server_that_it_was_typed_for() {
    let folder = tempfile::tempdir().unwrap();
    let (_, acme) = house(&folder);
    let with = |server: &str, secret: Option<&str>| {
        let mut put = put(&["box.example.org", "*.example.org"]);
        put.settings.proof = by_dns(server);
        put.dns_secret = secret.map(str::to_owned);
        put
    };
    let code = async |put| acme.put(put).await.unwrap_err().code();
    assert_eq!(code(with("ns.example.org", None)).await, "acme_dns_secret_again");
    assert_eq!(code(with("ns.example.org", Some("?"))).await, "acme_dns_secret");
    assert_eq!(code(with("a b", Some("c2VjcmV0"))).await, "acme_dns_server");
    let view = acme.put(with("ns.example.org", Some("c2VjcmV0"))).await.unwrap();
    assert!(view.has_dns_secret && !format!("{view:?}").contains("c2VjcmV0"));
    acme.put(with("ns.example.org", None)).await.unwrap();
    assert_eq!(acme.begin(NOW).await.unwrap().unwrap().dns_secret, b"secret");
    assert_eq!(code(with("elsewhere.example.org", None)).await, "acme_dns_secret_again");
    let mut outside = with("ns.example.org", None);
    outside.settings.names = vec!["box.example.com".to_owned()];
    assert_eq!(code(outside).await, "acme_outside_zone");
    let mut address = with("ns.example.org", None);
    address.settings.names = vec!["192.0.2.7".to_owned()];
    assert_eq!(code(address).await, "acme_address_by_dns");
    // By HTTP none is needed, and it is forgotten.
    assert!(!acme.put(put(&["box.example.org"])).await.unwrap().has_dns_secret);
}

#[tokio::test]
async fn with_acme_dns_nothing_is_ordered_until_the_owner_says_that_their_zone_points_there() {
    let folder = tempfile::tempdir().unwrap();
    let (_, acme) = house(&folder);
    let with = |server: &str| {
        let mut put = put(&["box.example.org"]);
        put.settings.proof = AcmeProof::AcmeDns { server: server.to_owned() };
        put
    };
    let refused = acme.put(with("https://nobody.example.org")).await.unwrap_err();
    assert_eq!(refused.code(), "acme_dns_refused");
    assert_eq!(acme.put(with("auth")).await.unwrap_err().code(), "acme_dns_address");
    let view = acme.put(with("https://auth.example.org/")).await.unwrap();
    assert_eq!(view.points_to.as_deref(), Some("sub.auth.example.org"));
    assert!(view.waits_for_owner && view.next_at.is_none());
    assert!(!format!("{view:?}").contains("password of acme-dns"));
    // Saved once more, it still waits; and so it does over a restart.
    assert!(acme.put(with("https://auth.example.org")).await.unwrap().waits_for_owner);
    let (_, acme) = house(&folder);
    assert!(acme.begin(later(DAY)).await.unwrap().is_none());
    assert!(!acme.order_now().await.unwrap().waits_for_owner);
    let task = acme.begin(later(DAY)).await.unwrap().unwrap();
    assert_eq!(task.registered.unwrap().subdomain, "sub");
}

#[tokio::test]
async fn proofs_are_shown_until_they_are_hidden_and_never_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_, acme) = house(&folder);
    acme.show("a", Some("a.thumb"));
    assert_eq!(acme.shown("a").as_deref(), Some("a.thumb"));
    assert_eq!(acme.shown("b"), None);
    acme.show("a", None);
    assert_eq!(acme.shown("a"), None);
    for n in 0..MOST_SHOWN + 5 {
        acme.show(&n.to_string(), Some("x"));
    }
    assert_eq!(acme.known().shown.len(), MOST_SHOWN);
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_missed_until_they_are_typed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, acme) = house(&folder);
    assert!(!acme.view().lost, "nothing was ever set up");
    acme.put(put(&["box.example.org"])).await.unwrap();
    std::fs::write(folder.path().join("secrets/acme.json"), b"{\"settings\": tor").unwrap();
    // Also at every later start: the file is put aside by the first.
    for _ in 0..2 {
        let (_, acme) = house(&folder);
        let view = acme.view();
        assert!(view.lost && view.wanted && acme.begin(NOW).await.unwrap().is_none());
    }
    assert!(folder.path().join("secrets/acme.json.broken").exists());
    let (_, acme) = house(&folder);
    assert!(!acme.put(put(&["box.example.org"])).await.unwrap().lost);
}
