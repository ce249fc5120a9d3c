//! What goes wrong with a sign-in by an identity provider, and with its settings.

use super::judge::TokenFault;

/// The texts go to the owner, or to whoever signs in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error(
        "the issuer is the provider's address, like https://id.example.org/realms/house, and encrypted"
    )]
    Issuer,
    #[error("the client id is the name that the provider has given this box: copy it from there")]
    Client,
    #[error(
        "the panel's address is where people open it, like https://box.example.org, without a path"
    )]
    Address,
    #[error("one of the scopes is openid, as OpenID Connect wants it; blanks stand between them")]
    Scopes,
    #[error("the button needs a name of 60 characters at most: that of your organisation")]
    Name,
    #[error("the claim is where a token lists the groups, like groups or realm_access.roles")]
    Claim,
    #[error("each group stands once, as the provider writes it, and no more than 200 do")]
    Groups,
    #[error("nobody could sign in: name a group, or let others come in as viewers")]
    Nobody,
    #[error("a domain of mail addresses is like example.org, and no more than 50 stand here")]
    Domains,
    #[error("the client secret has 512 characters at most and no control characters")]
    Secret,
    #[error(
        "the provider or the client changed: type the client secret once more, so that it goes \
         nowhere unmeant"
    )]
    SecretAgain,
    #[error("the provider's certificate cannot be checked so: {0}")]
    Trust(String),
    #[error("nobody signs in by your organisation on this box: an owner can switch it on")]
    Off,
    #[error("open the panel at {address}: the provider sends people back there")]
    Elsewhere { address: String },
    #[error("the sign-in service does not answer: {0}")]
    Unreachable(String),
    #[error("the sign-in service has no certificate that this box trusts: {0}")]
    Certificate(String),
    #[error("the sign-in service does not speak as it should: {0}")]
    Answer(String),
    #[error("the sign-in service refuses: {0}")]
    Refused(String),
    #[error("this sign-in was begun elsewhere, was used already, or took too long: begin anew")]
    State,
    #[error("what the sign-in service says cannot be believed: {0}")]
    Token(#[from] TokenFault),
    #[error("you are in no group that may use this box: ask whoever looks after it")]
    NoGroup,
    #[error("people with your mail address may not use this box")]
    Domain,
    #[error(
        "there is an account named {0} on this box already: sign in with its password and connect it on \
         the account's page, or ask an owner"
    )]
    NameTaken(String),
    #[error("an owner of this box has locked this account")]
    Disabled,
    #[error("an owner of this box has removed this account: ask them to let it in again")]
    Removed,
    #[error("this identity is another person's on this box, or was removed by an owner")]
    Taken,
}

impl OidcError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Issuer => "oidc_issuer",
            Self::Client => "oidc_client",
            Self::Address => "oidc_address",
            Self::Scopes => "oidc_scopes",
            Self::Name => "oidc_name",
            Self::Claim => "oidc_claim",
            Self::Groups => "oidc_groups",
            Self::Nobody => "oidc_nobody",
            Self::Domains => "oidc_domains",
            Self::Secret => "oidc_secret",
            Self::SecretAgain => "oidc_secret_again",
            Self::Trust(_) => "oidc_trust",
            Self::Off => "oidc_off",
            Self::Elsewhere { .. } => "oidc_elsewhere",
            Self::Unreachable(_) => "oidc_unreachable",
            Self::Certificate(_) => "oidc_certificate",
            Self::Answer(_) => "oidc_answer",
            Self::Refused(_) => "oidc_refused",
            Self::State => "oidc_state",
            Self::Token(TokenFault::Expired | TokenFault::Future) => "oidc_clock",
            Self::Token(_) => "oidc_token",
            Self::NoGroup => "oidc_no_group",
            Self::Domain => "oidc_domain",
            Self::NameTaken(_) => "oidc_name_taken",
            Self::Disabled => "oidc_disabled",
            Self::Removed => "oidc_removed",
            Self::Taken => "oidc_taken",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Issuer => Some("settings.issuer"),
            Self::Client => Some("settings.client_id"),
            Self::Address => Some("settings.address"),
            Self::Scopes => Some("settings.scopes"),
            Self::Name => Some("settings.name"),
            Self::Claim => Some("settings.groups_claim"),
            Self::Groups | Self::Nobody => Some("settings.roles"),
            Self::Domains => Some("settings.domains"),
            Self::Secret | Self::SecretAgain => Some("secret"),
            Self::Trust(_) => Some("settings.authority"),
            _ => None,
        }
    }

    /// Whether somebody who really is who they are was refused: no guess of a stranger's.
    pub(super) fn is_of_somebody(&self) -> bool {
        matches!(
            self,
            Self::NoGroup
                | Self::Domain
                | Self::NameTaken(_)
                | Self::Disabled
                | Self::Removed
                | Self::Taken
        )
    }
}
