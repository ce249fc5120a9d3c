//! Which permission each route asks for: the one list of all routes, and the written table made of it.
//!
//! What an action is and who may is [`roombox_control::permissions`]'. A route that is not here is refused to
//! everybody, and a test misses its row.

use super::describe::operations;
use roombox_control::permissions::{Action, PERMISSIONS, ROLES};
use std::fmt::Write as _;
use utoipa::openapi::OpenApi;

/// Who gets past the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Everybody.
    Open,
    /// Boxes of the fleet, each with the token of its loan.
    Borrowers,
    /// People who are in a meeting, each with the token with which they joined.
    InMeeting,
    /// Who may this, and who has an invitation.
    Guests(Action),
    /// Who may this.
    Who(Action),
}

use Permit::{Borrowers, Guests, InMeeting, Open, Who};

/// All routes, by what they ask for.
const ROUTES: &[(Permit, &[(&str, &str)])] = &[
    (
        Open,
        &[
            ("get", "/api/v1/box"),
            ("get", "/api/v1/claim"),
            ("post", "/api/v1/claim"),
            // Who restores a box without an owner has its code.
            ("put", "/api/v1/claim/backup"),
            ("post", "/api/v1/claim/restore"),
            ("post", "/api/v1/session"),
            ("delete", "/api/v1/session"),
            // Who signs in by the house's provider goes there and comes back before they are somebody here.
            ("get", "/api/v1/oidc"),
            ("get", "/api/v1/oidc/start"),
            ("get", "/api/v1/oidc/callback"),
            // Who has an invitation has its secret.
            ("post", "/api/v1/invitation"),
            ("post", "/api/v1/invitation/acceptance"),
            // Who moderates by a personal link has the token that it gave them.
            ("post", "/api/v1/rooms/{id}/moderation"),
            // A box that joins has a code, and signs with its key.
            ("post", "/api/v1/fleet/boxes"),
            // A box that claims a job has the hub's order for it, and signs with its key.
            ("post", "/api/v1/fleet/loans"),
            // Who has a share link needs nothing else, but its password.
            ("get", "/s/{token}"),
            ("get", "/s/{token}/about"),
            ("post", "/s/{token}/session"),
            ("get", "/s/{token}/film.mp4"),
            ("get", "/s/{token}/poster.jpg"),
            ("get", "/live/{token}/{file}"),
            // Who has the address of a meeting's file got it in the meeting.
            ("get", "/f/{secret}"),
            ("get", "/.well-known/security.txt"),
        ],
    ),
    (
        Borrowers,
        &[
            ("put", "/api/v1/fleet/loan"),
            ("delete", "/api/v1/fleet/loan"),
            ("get", "/api/v1/fleet/loan/files/{*name}"),
            ("get", "/api/v1/fleet/loan/made/{*name}"),
            ("put", "/api/v1/fleet/loan/made/{*name}"),
            ("post", "/api/v1/fleet/loan/receipt"),
        ],
    ),
    (
        InMeeting,
        &[
            ("get", "/api/v1/meeting"),
            ("post", "/api/v1/meeting/polls"),
            ("patch", "/api/v1/meeting/polls/{id}"),
            ("delete", "/api/v1/meeting/polls/{id}"),
            ("put", "/api/v1/meeting/polls/{id}/vote"),
            ("put", "/api/v1/meeting/timer"),
            ("delete", "/api/v1/meeting/timer"),
            ("post", "/api/v1/meeting/files"),
            ("delete", "/api/v1/meeting/files/{secret}"),
        ],
    ),
    (
        Guests(Action::Join),
        &[("get", "/api/v1/rooms/{id}/door"), ("post", "/api/v1/rooms/{id}/join-token")],
    ),
    (
        Who(Action::See),
        &[
            ("get", "/api/v1/session"),
            ("get", "/api/v1/events"),
            ("get", "/api/v1/status"),
            ("get", "/metrics"),
            ("get", "/api/v1/storage"),
            ("get", "/api/v1/rooms"),
            ("get", "/api/v1/rooms/{id}"),
            ("get", "/api/v1/rooms/{id}/participants"),
            ("get", "/api/v1/schedule"),
            ("get", "/api/v1/schedule/feeds"),
            ("get", "/api/v1/jobs"),
        ],
    ),
    (
        Who(Action::Watch),
        &[
            ("get", "/api/v1/recordings"),
            ("get", "/api/v1/recordings/days"),
            ("get", "/api/v1/recordings/rooms"),
            ("get", "/api/v1/recordings/{id}"),
            ("get", "/api/v1/recordings/{id}/timeline"),
            ("get", "/api/v1/recordings/{id}/files/{*name}"),
            ("get", "/api/v1/recordings/{id}/copies"),
            ("get", "/api/v1/deletions"),
        ],
    ),
    (
        Who(Action::KeepAccount),
        &[
            ("put", "/api/v1/account/password"),
            ("post", "/api/v1/account/second-factor"),
            ("put", "/api/v1/account/second-factor"),
            ("delete", "/api/v1/account/second-factor"),
            ("post", "/api/v1/account/identity"),
            ("delete", "/api/v1/account/identity"),
            ("get", "/api/v1/account/sessions"),
            ("delete", "/api/v1/account/sessions"),
            ("delete", "/api/v1/account/sessions/{id}"),
            ("get", "/api/v1/api-tokens"),
            ("post", "/api/v1/api-tokens"),
            ("delete", "/api/v1/api-tokens/{id}"),
        ],
    ),
    (
        Who(Action::RunRooms),
        &[
            ("post", "/api/v1/rooms"),
            ("patch", "/api/v1/rooms/{id}"),
            ("delete", "/api/v1/rooms/{id}"),
            ("post", "/api/v1/rooms/{id}/invite"),
            ("get", "/api/v1/rooms/{id}/pin"),
            ("put", "/api/v1/rooms/{id}/pin"),
            ("get", "/api/v1/rooms/{id}/links"),
            ("post", "/api/v1/rooms/{id}/links"),
            ("delete", "/api/v1/rooms/{id}/links/{link}"),
            ("post", "/api/v1/rooms/{id}/template"),
            ("get", "/api/v1/room-templates"),
            ("post", "/api/v1/room-templates"),
            ("patch", "/api/v1/room-templates/{id}"),
            ("delete", "/api/v1/room-templates/{id}"),
            ("post", "/api/v1/room-templates/{id}/previews"),
            ("get", "/api/v1/rooms/{id}/whip-keys"),
            ("post", "/api/v1/rooms/{id}/whip-keys"),
            ("delete", "/api/v1/rooms/{id}/whip-keys/{key}"),
        ],
    ),
    (
        Who(Action::Moderate),
        &[
            ("patch", "/api/v1/rooms/{id}/participants/{participant}"),
            ("delete", "/api/v1/rooms/{id}/participants/{participant}"),
            ("delete", "/api/v1/rooms/{id}/meeting"),
        ],
    ),
    (
        Who(Action::Record),
        &[
            ("post", "/api/v1/rooms/{id}/recording"),
            ("patch", "/api/v1/rooms/{id}/recording"),
            ("delete", "/api/v1/rooms/{id}/recording"),
            ("post", "/api/v1/rooms/{id}/recording/extension"),
            ("get", "/api/v1/rooms/{id}/outputs"),
            ("post", "/api/v1/rooms/{id}/outputs"),
            ("delete", "/api/v1/rooms/{id}/outputs/{output}"),
        ],
    ),
    (
        Who(Action::Plan),
        &[("post", "/api/v1/schedule/events"), ("delete", "/api/v1/schedule/events/{id}")],
    ),
    (
        Who(Action::EditLibrary),
        &[
            ("patch", "/api/v1/recordings/{id}"),
            ("delete", "/api/v1/recordings/{id}"),
            ("post", "/api/v1/recordings/{id}/jobs"),
            ("get", "/api/v1/recordings/merges"),
            ("post", "/api/v1/recordings/merges"),
            ("get", "/api/v1/recordings/{id}/shares"),
            ("post", "/api/v1/recordings/{id}/shares"),
            ("delete", "/api/v1/shares/{id}"),
            // Where a recording may be copied to.
            ("get", "/api/v1/targets"),
            ("post", "/api/v1/recordings/{id}/copies"),
            ("post", "/api/v1/recordings/{id}/copies/retries"),
        ],
    ),
    (
        Who(Action::RunQueue),
        &[
            ("patch", "/api/v1/jobs/{id}"),
            ("delete", "/api/v1/jobs/{id}"),
            ("post", "/api/v1/jobs/{id}/attempts"),
        ],
    ),
    (
        Who(Action::Configure),
        &[
            ("patch", "/api/v1/box"),
            ("get", "/api/v1/settings"),
            ("patch", "/api/v1/settings"),
            ("get", "/api/v1/provisioning"),
            ("post", "/api/v1/provisioning"),
            ("delete", "/api/v1/provisioning"),
            ("get", "/api/v1/health"),
            ("post", "/api/v1/health/{id}/acknowledgement"),
            ("get", "/api/v1/support"),
            ("get", "/api/v1/support/bundle"),
            ("get", "/api/v1/encoders"),
            ("post", "/api/v1/encoders/{element}/trials"),
            ("post", "/api/v1/targets"),
            ("patch", "/api/v1/targets/{id}"),
            ("delete", "/api/v1/targets/{id}"),
            ("post", "/api/v1/targets/{id}/tests"),
            ("post", "/api/v1/targets/{id}/retries"),
            ("post", "/api/v1/schedule/feeds"),
            ("delete", "/api/v1/schedule/feeds/{id}"),
            ("post", "/api/v1/schedule/feeds/{id}/fetch"),
            ("get", "/api/v1/integrations/webhooks"),
            ("post", "/api/v1/integrations/webhooks"),
            ("patch", "/api/v1/integrations/webhooks/{id}"),
            ("delete", "/api/v1/integrations/webhooks/{id}"),
            ("post", "/api/v1/integrations/webhooks/{id}/tests"),
            ("get", "/api/v1/integrations/webhooks/{id}/deliveries"),
            ("post", "/api/v1/integrations/webhooks/{id}/deliveries/{event}/attempts"),
            ("get", "/api/v1/integrations/mqtt"),
            ("put", "/api/v1/integrations/mqtt"),
            ("post", "/api/v1/integrations/mqtt/tests"),
            ("get", "/api/v1/integrations/mail"),
            ("put", "/api/v1/integrations/mail"),
            ("post", "/api/v1/integrations/mail/tests"),
            ("get", "/api/v1/integrations/syslog"),
            ("put", "/api/v1/integrations/syslog"),
            ("get", "/api/v1/certificates"),
            ("get", "/api/v1/certificates/acme"),
            ("get", "/api/v1/network"),
            ("get", "/api/v1/network/trial"),
            ("get", "/api/v1/network/wifi/{name}"),
            ("get", "/api/v1/time"),
            ("get", "/api/v1/setup"),
            ("patch", "/api/v1/setup"),
        ],
    ),
    (
        Who(Action::Update),
        &[
            ("get", "/api/v1/updates"),
            ("get", "/api/v1/updates/history"),
            ("put", "/api/v1/updates/bundle"),
            ("post", "/api/v1/updates/check"),
            ("post", "/api/v1/updates/installation"),
            ("patch", "/api/v1/updates/installation"),
            ("delete", "/api/v1/updates/installation"),
            ("post", "/api/v1/updates/restart"),
        ],
    ),
    (Who(Action::SeeAudit), &[("get", "/api/v1/audit"), ("get", "/api/v1/audit/export")]),
    (
        Who(Action::SeeFleet),
        &[
            ("get", "/api/v1/fleet"),
            ("get", "/api/v1/fleet/events"),
            ("get", "/api/v1/fleet/recordings"),
            ("get", "/api/v1/fleet/boxes/{id}/outages"),
            ("get", "/api/v1/fleet/twin"),
            ("get", "/api/v1/fleet/wishes"),
            ("get", "/api/v1/fleet/waves"),
        ],
    ),
    (
        Who(Action::RunFleet),
        &[
            ("delete", "/api/v1/fleet"),
            ("post", "/api/v1/fleet/hub"),
            ("patch", "/api/v1/fleet/hub"),
            ("post", "/api/v1/fleet/membership"),
            ("patch", "/api/v1/fleet/membership"),
            ("post", "/api/v1/fleet/invites"),
            ("delete", "/api/v1/fleet/boxes/{id}"),
            ("patch", "/api/v1/fleet/twin/refusals"),
            ("post", "/api/v1/fleet/twin/decisions"),
            ("post", "/api/v1/fleet/waves"),
            ("patch", "/api/v1/fleet/waves/{id}"),
            ("post", "/api/v1/fleet/groups"),
            ("put", "/api/v1/fleet/groups/{id}"),
            ("delete", "/api/v1/fleet/groups/{id}"),
            ("patch", "/api/v1/fleet/boxes/{id}/wishes"),
            ("post", "/api/v1/fleet/boxes/{id}/wishes/decisions"),
            ("post", "/api/v1/fleet/boxes/{id}/wishes/revision"),
        ],
    ),
    (
        Who(Action::RunPeople),
        &[
            ("get", "/api/v1/people"),
            ("patch", "/api/v1/people/{id}"),
            ("delete", "/api/v1/people/{id}"),
            ("delete", "/api/v1/people/{id}/second-factor"),
            ("get", "/api/v1/people/{id}/sessions"),
            ("delete", "/api/v1/people/{id}/sessions/{session}"),
            ("get", "/api/v1/invites"),
            ("post", "/api/v1/invites"),
            ("delete", "/api/v1/invites/{id}"),
            ("get", "/api/v1/integrations/oidc"),
            ("put", "/api/v1/integrations/oidc"),
            ("post", "/api/v1/integrations/oidc/tests"),
            ("delete", "/api/v1/integrations/oidc/removed/{id}"),
        ],
    ),
    (
        Who(Action::RunKeys),
        &[
            ("get", "/api/v1/livekit-keys"),
            ("post", "/api/v1/livekit-keys"),
            ("delete", "/api/v1/livekit-keys/{key}"),
        ],
    ),
    (
        Who(Action::RunCertificates),
        &[
            ("post", "/api/v1/certificates/previews"),
            ("put", "/api/v1/certificates/served"),
            ("delete", "/api/v1/certificates/served"),
            ("post", "/api/v1/certificates/request"),
            ("delete", "/api/v1/certificates/request"),
            ("put", "/api/v1/certificates/acme"),
            ("post", "/api/v1/certificates/acme/orders"),
        ],
    ),
    (
        Who(Action::ReplaceSettings),
        &[
            ("get", "/api/v1/settings/text"),
            ("put", "/api/v1/settings/text"),
            ("post", "/api/v1/settings/text/previews"),
        ],
    ),
    (
        Who(Action::BackUp),
        &[
            ("get", "/api/v1/backups"),
            ("post", "/api/v1/backups"),
            ("get", "/api/v1/backups/made"),
            ("delete", "/api/v1/backups/made"),
            ("put", "/api/v1/backups/uploaded"),
            ("delete", "/api/v1/backups/uploaded"),
            ("get", "/api/v1/backups/plan"),
            ("put", "/api/v1/backups/plan"),
            ("delete", "/api/v1/backups/plan"),
            ("post", "/api/v1/backups/plan/runs"),
            ("delete", "/api/v1/backups/plan/runs"),
            ("delete", "/api/v1/backups/work"),
            ("post", "/api/v1/backups/drill"),
            ("post", "/api/v1/backups/restore"),
            ("post", "/api/v1/backups/restored/undo"),
            ("delete", "/api/v1/backups/restored"),
        ],
    ),
    (
        Who(Action::RunNetwork),
        &[
            ("put", "/api/v1/network/interfaces/{name}"),
            ("post", "/api/v1/network/vlans"),
            ("delete", "/api/v1/network/vlans/{name}"),
            ("post", "/api/v1/network/trial/confirm"),
            ("delete", "/api/v1/network/trial"),
            ("post", "/api/v1/network/proxy/tests"),
            ("post", "/api/v1/network/wifi/{name}/scans"),
            ("put", "/api/v1/network/wifi/{name}"),
            ("delete", "/api/v1/network/wifi/{name}"),
            ("put", "/api/v1/time"),
        ],
    ),
    (Who(Action::Reset), &[("post", "/api/v1/box/reset")]),
];

/// What a route asks for; `None`: nobody wrote it down.
pub(super) fn of(method: &str, path: &str) -> Option<Permit> {
    let found = ROUTES.iter().find(|(_, routes)| routes.contains(&(method, path)));
    found.map(|(permit, _)| *permit)
}

/// Methods in small letters, paths and names of all routes that the guard stands before.
pub(super) fn routes_of(document: &OpenApi) -> Vec<(&'static str, String, String)> {
    let mut paths = document.paths.paths.clone();
    let routes = paths.iter_mut().flat_map(|(path, item)| {
        operations(item)
            .map(|(method, operation)| {
                (method, path.clone(), operation.operation_id.clone().unwrap_or_default())
            })
            .collect::<Vec<_>>()
    });
    routes.collect()
}

/// The table as people and tests read it.
pub(super) fn matrix() -> String {
    let mut text = String::from(
        "# Who may what\n\n\
         <!-- Made by `roomboxd --permissions`; `make openapi` writes it. -->\n\n\
         Every route of the box's own API, of its event socket and of its files, and who may use it. A role may \
         everything that those to its right may. Why it is so: [ADR 22](adr/0022-people-and-roles.md).\n\n\
         A token may what its role says, and never more than its person; one that may less than its person, or ends, \
         leaves the account alone (password, second factor, sessions, tokens).\n\n\
         | may | owner | operator | moderator | viewer |\n|---|---|---|---|---|\n",
    );
    // Writing into a text cannot fail.
    let mut line = |what: std::fmt::Arguments<'_>| writeln!(text, "{what}").unwrap_or_default();
    let ticks =
        |action: Action| ROLES.map(|role| if role.may(action) { "yes" } else { "–" }).join(" | ");
    for (action, _, words) in PERMISSIONS {
        line(format_args!("| {words} | {} |", ticks(action)));
    }
    line(format_args!(
        "\n| route | owner | operator | moderator | viewer | nobody |\n|---|---|---|---|---|---|"
    ));
    for (permit, routes) in ROUTES {
        for (method, path) in *routes {
            let who = match permit {
                Open => "yes | yes | yes | yes | yes".to_owned(),
                Borrowers => ["by a loan"; 5].join(" | "),
                InMeeting => ["in the meeting"; 5].join(" | "),
                Guests(action) => format!("{} | by invitation", ticks(*action)),
                Who(action) => format!("{} | –", ticks(*action)),
            };
            // As the document names it.
            let path = path.replace("{*", "{");
            line(format_args!("| `{} {path}` | {who} |", method.to_uppercase()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_one_row_and_every_row_a_route() {
        let routes = routes_of(&super::super::api().into_openapi());
        let mut routes: Vec<_> =
            routes.into_iter().map(|(method, path, _)| (method, path)).collect();
        let mut rows: Vec<_> = ROUTES
            .iter()
            .flat_map(|(_, routes)| {
                routes.iter().map(|(method, path)| (*method, (*path).to_owned()))
            })
            .collect();
        routes.sort();
        rows.sort();
        assert_eq!(rows, routes);
    }

    #[test]
    fn every_action_is_asked_for_by_some_route() {
        for (action, ..) in PERMISSIONS {
            let asks = |permit: &Permit| matches!(permit, Who(a) | Guests(a) if *a == action);
            assert!(ROUTES.iter().any(|(permit, _)| asks(permit)), "{action:?}");
        }
    }
}
