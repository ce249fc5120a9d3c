//! What clients have simulated to test themselves (livekit_rtc.proto, `SimulateScenario`); in
//! development only.

use super::{Action, Session, send, wire};
use livekit_protocol as pb;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::simulate_scenario::Scenario;
use roombox_control::conference::{Command, LeaveReason, Simulated};
use std::time::Duration;

impl Session {
    pub(super) fn simulate(&self, simulate: &pb::SimulateScenario) -> Vec<Action> {
        match simulate.scenario {
            Some(
                Scenario::DisconnectSignalOnResume(_)
                | Scenario::DisconnectSignalOnResumeNoMessages(_),
            ) => vec![Action::Drop],
            Some(Scenario::ServerLeave(_)) => {
                vec![send(Response::Leave(wire::leave(LeaveReason::Removed, false)))]
            }
            Some(Scenario::LeaveRequestFullReconnect(_)) => {
                vec![send(Response::Leave(wire::leave(LeaveReason::Shutdown, false)))]
            }
            // As if the server had died, or the room had moved to another one: the client is told nothing, and
            // where it comes back it is not known.
            Some(Scenario::NodeFailure(_) | Scenario::Migration(_)) => {
                let reason = LeaveReason::ConnectionLost;
                let leave = self.command(|participant| Command::Leave { participant, reason });
                vec![leave, Action::Drop]
            }
            Some(Scenario::SpeakerUpdate(seconds)) => {
                let seconds = u64::try_from(seconds).unwrap_or(0);
                self.pretend(Simulated::Speech(Duration::from_secs(seconds)))
            }
            Some(Scenario::SubscriberBandwidth(bps)) => {
                let carries = u64::try_from(bps).ok().filter(|bps| *bps > 0);
                self.pretend(Simulated::Bandwidth(carries))
            }
            // The client joins anew by itself. The box has no TURN server, and so no TLS to offer.
            Some(Scenario::SwitchCandidateProtocol(protocol)) => {
                let udp = protocol == pb::CandidateProtocol::Udp as i32;
                self.pretend(Simulated::TcpOnly(!udp))
            }
            None => Vec::new(),
        }
    }

    fn pretend(&self, simulated: Simulated) -> Vec<Action> {
        vec![self.command(|participant| Command::Simulate { participant, simulated })]
    }
}
