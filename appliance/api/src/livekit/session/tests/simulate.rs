//! What clients have simulated, in development and not elsewhere.

use super::*;
use pb::simulate_scenario::Scenario;
use roombox_control::conference::Simulated;

fn simulated(dev: bool, scenario: Scenario) -> Vec<Action> {
    let mut session = session(Wanted::default());
    session.dev = dev;
    joined(&mut session);
    let scenario = Some(scenario);
    session.request(Request::Simulate(pb::SimulateScenario { scenario }), 0, String::new)
}

#[test]
fn scenarios_become_what_the_room_can_pretend() {
    let seconds = Duration::from_secs;
    let (tcp, tls) = (pb::CandidateProtocol::Tcp as i32, pb::CandidateProtocol::Tls as i32);
    for (scenario, expected) in [
        (Scenario::SpeakerUpdate(3), Simulated::Speech(seconds(3))),
        (Scenario::SpeakerUpdate(-3), Simulated::Speech(seconds(0))),
        (Scenario::SubscriberBandwidth(300_000), Simulated::Bandwidth(Some(300_000))),
        (Scenario::SubscriberBandwidth(0), Simulated::Bandwidth(None)),
        (Scenario::SubscriberBandwidth(-1), Simulated::Bandwidth(None)),
        (Scenario::SwitchCandidateProtocol(tcp), Simulated::TcpOnly(true)),
        (Scenario::SwitchCandidateProtocol(tls), Simulated::TcpOnly(true)),
        (Scenario::SwitchCandidateProtocol(0), Simulated::TcpOnly(false)),
    ] {
        let actions = simulated(true, scenario);
        match commands(&actions)[..] {
            [Command::Simulate { simulated, .. }] => assert_eq!(*simulated, expected),
            _ => panic!("{scenario:?} became {actions:?}"),
        }
        assert!(simulated(false, scenario).is_empty(), "only in development");
    }
}

#[test]
fn who_migrates_is_forgotten_without_a_word() {
    let actions = simulated(true, Scenario::Migration(true));
    assert!(matches!(commands(&actions)[..], [Command::Leave { .. }]));
    assert!(matches!(actions[..], [_, Action::Drop]));
    assert!(simulated(false, Scenario::Migration(true)).is_empty(), "only in development");
}
