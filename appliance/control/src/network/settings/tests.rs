//! Settings of interfaces: a table of what will not do, and properties of what will.

use super::*;
use proptest::prelude::*;

fn fixed() -> InterfaceSettings {
    InterfaceSettings {
        ipv4: Ipv4Settings {
            way: Ipv4Way::Static,
            address: " 192.168.1.5 ".to_owned(),
            prefix: 24,
            gateway: "192.168.1.1".to_owned(),
        },
        ipv6: Ipv6Settings {
            way: Ipv6Way::Static,
            address: "2001:db8::5".to_owned(),
            prefix: 64,
            gateway: "fe80::1".to_owned(),
        },
        dns: vec!["192.168.1.1".to_owned(), "2001:db8::53".to_owned(), "192.168.1.1".to_owned()],
        search: vec!["Office.Example.org.".to_owned(), String::new()],
    }
}

#[test]
fn good_settings_are_tidied() {
    let plan = fixed().checked(&[]).unwrap();
    assert_eq!(plan.addresses(), ["192.168.1.5/24", "2001:db8::5/64"]);
    assert_eq!(plan.dns.len(), 2);
    assert_eq!(plan.search, ["office.example.org"]);
    let usual: InterfaceSettings =
        serde_json::from_str(r#"{"ipv4": {"way": "dhcp"}, "ipv6": {"way": "auto"}}"#).unwrap();
    let plan = usual.checked(&[]).unwrap();
    assert_eq!((plan.v4, plan.v6), (PlanV4::Dhcp, PlanV6::Auto));
    // A cable between two has neither a network's own address nor one for all (RFC 3021).
    let mut two = fixed();
    (two.ipv4.address, two.ipv4.prefix) = ("192.168.1.0".to_owned(), 31);
    assert!(two.checked(&[]).is_ok());
}

#[test]
fn what_cannot_work_is_refused_with_its_field() {
    type Change = fn(&mut InterfaceSettings);
    let wrong: [(&str, Change); 35] = [
        ("ipv4.address", |s| s.ipv4.address.clear()),
        ("ipv4.address", |s| s.ipv4.address = "192.168.1".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "192.168.1.5/24".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "127.0.0.2".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "224.0.0.7".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "0.0.0.0".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "255.255.255.255".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "169.254.7.7".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "192.168.1.0".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "192.168.1.255".to_owned()),
        ("ipv4.address", |s| s.ipv4.address = "10.0.0.9".to_owned()),
        ("ipv4.prefix", |s| s.ipv4.prefix = 0),
        ("ipv4.prefix", |s| s.ipv4.prefix = 33),
        ("ipv4.gateway", |s| s.ipv4.gateway = "192.168.2.1".to_owned()),
        ("ipv4.gateway", |s| s.ipv4.gateway = "192.168.1.5".to_owned()),
        ("ipv4.gateway", |s| s.ipv4.gateway = "192.168.1.255".to_owned()),
        ("ipv4.gateway", |s| s.ipv4.gateway = "router".to_owned()),
        ("ipv6.address", |s| s.ipv6.address = "192.168.1.5".to_owned()),
        ("ipv6.address", |s| s.ipv6.address = "::1".to_owned()),
        ("ipv6.address", |s| s.ipv6.address = "ff02::1".to_owned()),
        ("ipv6.address", |s| s.ipv6.address = "fe80::5".to_owned()),
        ("ipv6.address", |s| s.ipv6.address = "::ffff:192.168.1.5".to_owned()),
        ("ipv6.prefix", |s| s.ipv6.prefix = 0),
        ("ipv6.prefix", |s| s.ipv6.prefix = 129),
        ("ipv6.gateway", |s| s.ipv6.gateway = "2001:db8:1::1".to_owned()),
        ("ipv6.gateway", |s| s.ipv6.gateway = "2001:db8::5".to_owned()),
        ("ipv6.way", |s| (s.ipv4.way, s.ipv6.way) = (Ipv4Way::Off, Ipv6Way::Off)),
        ("dns", |s| s.dns = vec!["dns.example.org".to_owned()]),
        ("dns", |s| s.dns = vec!["127.0.0.53".to_owned()]),
        ("dns", |s| s.dns = vec!["::1".to_owned()]),
        ("dns", |s| s.dns = (1..8).map(|n| format!("10.0.0.{n}")).collect()),
        ("dns", |s| s.ipv6.way = Ipv6Way::Off),
        ("search", |s| s.search = vec!["two words".to_owned()]),
        ("search", |s| s.search = vec!["-a.example".to_owned()]),
        ("search", |s| s.search = (1..8).map(|n| format!("n{n}.lan")).collect()),
    ];
    let taken = [("10.0.0.9".parse().unwrap(), "eth1")];
    for (at, (field, change)) in wrong.into_iter().enumerate() {
        let mut settings = fixed();
        change(&mut settings);
        if settings.ipv4.address == "10.0.0.9" {
            settings.ipv4.gateway = "10.0.0.1".to_owned();
        }
        let refused = settings.checked(&taken).unwrap_err();
        assert_eq!(refused.field(), Some(field), "{at}: {refused}");
    }
}

#[test]
fn a_vlan_has_a_name_that_the_kernel_takes_and_an_id_that_there_is() {
    assert_eq!(vlan_name("eth0", 7, &["eth0"]).unwrap(), "eth0.7");
    let long = vlan_name("enx001122334455", 4094, &[]).unwrap();
    assert_eq!(long, "vlan4094");
    for id in [0, 4095, u16::MAX] {
        assert_eq!(vlan_name("eth0", id, &[]).unwrap_err().field(), Some("id"), "{id}");
    }
    assert_eq!(vlan_name("eth0", 7, &["eth0.7"]).unwrap_err().field(), Some("id"));
}

proptest! {
    /// Whatever is accepted can be configured: the address is a host's, and the gateway is another one in the
    /// same network.
    #[test]
    fn an_accepted_gateway_is_another_host_of_the_network(
        address: u32, gateway: u32, prefix in 0_u8..40, near: bool,
    ) {
        let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        // Half of them are near, else hardly any would be accepted.
        let gateway = if near { (address & !host) | (gateway & host) } else { gateway };
        let (address, gateway) = (Ipv4Addr::from(address), Ipv4Addr::from(gateway));
        let ipv4 = Ipv4Settings {
            way: Ipv4Way::Static,
            address: address.to_string(),
            prefix,
            gateway: gateway.to_string(),
        };
        if let Ok(PlanV4::Fixed(fixed)) = ipv4.checked() {
            let (a, g) = (u32::from(fixed.address), u32::from(fixed.gateway.unwrap()));
            prop_assert!((1..=32).contains(&prefix));
            prop_assert_eq!(a & !host, g & !host);
            prop_assert_ne!(a, g);
            if prefix < 31 {
                prop_assert!(a & host != 0 && a & host != host && g & host != 0 && g & host != host);
            }
            prop_assert!(!address.is_loopback() && !address.is_multicast());
        }
    }

    #[test]
    fn nothing_that_is_typed_breaks_the_check(text in "\\PC{0,40}", prefix: u8) {
        let mut settings = fixed();
        settings.ipv4.address.clone_from(&text);
        settings.ipv4.prefix = prefix;
        settings.ipv6.gateway.clone_from(&text);
        settings.dns = vec![text.clone()];
        settings.search = vec![text];
        drop(settings.checked(&[]));
    }
}
