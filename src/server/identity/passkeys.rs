//! Passkeys: the options for an authenticator, and the verification of its answer (WebAuthn Level
//! 3). A library does the cryptography.

use crate::domain::{id::UserId, time::Timestamp};
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use uuid::Uuid;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{
        CreationChallengeResponse, CredentialID, DiscoverableAuthentication, Passkey,
        PasskeyRegistration, Url, WebauthnError,
    },
};
use webauthn_rs_proto::{PublicKeyCredential, RegisterPublicKeyCredential, ResidentKeyRequirement};

/// The timeout of a ceremony, in which the person has to use the authenticator.
const PATIENCE: Duration = Duration::from_secs(300);
/// The most open ceremonies. A flood of them ends the oldest ones.
const OPEN_MOST: usize = 4_096;

/// The site that passkeys are for, and the open ceremonies.
#[derive(Debug)]
pub struct Passkeys {
    site: Option<Site>,
    open: Mutex<VecDeque<Open>>,
}

#[derive(Debug)]
struct Site {
    host: String,
    webauthn: Webauthn,
}

#[derive(Debug)]
struct Open {
    id: String,
    until: Timestamp,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Registration(UserId, PasskeyRegistration),
    Use(DiscoverableAuthentication),
}

/// A ceremony that began: the options for the browser, and the id that the answer repeats.
#[derive(Debug)]
pub struct Begun {
    /// The id of the ceremony.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON`, or `…RequestOptionsJSON`.
    pub options: String,
}

/// Why a passkey was not registered or not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// The server has no address of its own that passkeys could be for.
    #[error("there are no passkeys on this server: it was started without --public-url")]
    NoSite,
    /// The ceremony timed out or never began.
    #[error("that took too long")]
    NotOpen,
    /// The answer is not valid, or answers something else.
    #[error("the authenticator's answer does not hold")]
    Wrong(#[from] WebauthnError),
    /// The answer cannot be parsed.
    #[error("the authenticator's answer cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

impl Passkeys {
    /// Creates it for the site with that address, or for a local site at any port.
    ///
    /// # Errors
    /// The address cannot have passkeys: they need a name, and HTTPS.
    pub fn new(address: Option<&Url>, local: Option<Url>) -> Result<Self, WebauthnError> {
        let any_port = address.is_none();
        let address = address.or(local.as_ref());
        let site = |address: &Url| {
            let host = address.domain().ok_or(WebauthnError::Configuration)?;
            let webauthn = WebauthnBuilder::new(host, address)?
                .rp_name("Buckler")
                .timeout(PATIENCE)
                .allow_any_port(any_port);
            Ok::<_, WebauthnError>(Site { host: host.to_owned(), webauthn: webauthn.build()? })
        };
        Ok(Self { site: address.map(site).transpose()?, open: Mutex::default() })
    }

    /// The host that passkeys are for, if passkeys are available.
    pub fn host(&self) -> Option<&str> {
        self.site.as_ref().map(|site| site.host.as_str())
    }

    fn webauthn(&self) -> Result<&Webauthn, NotProven> {
        self.site.as_ref().map(|site| &site.webauthn).ok_or(NotProven::NoSite)
    }

    /// Begins the registration of a passkey for an account that has these passkeys already.
    ///
    /// # Errors
    /// There is no site.
    pub fn begin_registration(
        &self,
        account: &UserId,
        email: &str,
        name: &str,
        known: Vec<Passkey>,
        now: Timestamp,
    ) -> Result<Begun, NotProven> {
        let known =
            known.iter().map(|passkey| passkey.cred_id().clone()).collect::<Vec<CredentialID>>();
        let (mut asked, state): (CreationChallengeResponse, _) = self
            .webauthn()?
            .start_passkey_registration(handle(account), email, name, Some(known))?;
        // A discoverable passkey, which the authenticator finds by itself. Nobody types an address,
        // and the server does not reveal who has passkeys.
        if let Some(selection) = &mut asked.public_key.authenticator_selection {
            (selection.resident_key, selection.require_resident_key) =
                (Some(ResidentKeyRequirement::Required), true);
        }
        let options = serde_json::to_string(&asked.public_key)?;
        Ok(self.opened(Kind::Registration(account.clone(), state), options, now))
    }

    /// Completes a registration and returns the passkey.
    ///
    /// # Errors
    /// The ceremony timed out, belongs to another account, or the answer is not valid.
    pub fn end_registration(
        &self,
        ceremony: &str,
        account: &UserId,
        answer: &str,
        now: Timestamp,
    ) -> Result<Passkey, NotProven> {
        let Some(Kind::Registration(of, state)) = self.close(ceremony, now) else {
            return Err(NotProven::NotOpen);
        };
        if of != *account {
            return Err(NotProven::NotOpen);
        }
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer)?;
        Ok(self.webauthn()?.finish_passkey_registration(&answer, &state)?)
    }

    /// Begins the use of a passkey of any account.
    ///
    /// # Errors
    /// There is no site.
    pub fn begin(&self, now: Timestamp) -> Result<Begun, NotProven> {
        let (asked, state) = self.webauthn()?.start_discoverable_authentication()?;
        let options = serde_json::to_string(&asked.public_key)?;
        Ok(self.opened(Kind::Use(state), options, now))
    }

    /// Parses an answer, to find its credential.
    ///
    /// # Errors
    /// The answer cannot be parsed.
    pub fn read(answer: &str) -> Result<PublicKeyCredential, NotProven> {
        Ok(serde_json::from_str(answer)?)
    }

    /// Verifies that the answer is from that passkey of that account. Returns the passkey as it
    /// must be stored now.
    ///
    /// # Errors
    /// The ceremony timed out, or the answer is not valid: wrong site, wrong signature, another
    /// account, or a copied authenticator.
    pub fn end(
        &self,
        ceremony: &str,
        answer: &PublicKeyCredential,
        account: &UserId,
        mut passkey: Passkey,
        now: Timestamp,
    ) -> Result<Passkey, NotProven> {
        let Some(Kind::Use(state)) = self.close(ceremony, now) else {
            return Err(NotProven::NotOpen);
        };
        let webauthn = self.webauthn()?;
        if webauthn.identify_discoverable_authentication(answer)?.0 != handle(account) {
            return Err(WebauthnError::InvalidUserUniqueId.into());
        }
        let proven = webauthn.finish_discoverable_authentication_v2(answer, state, &passkey)?;
        passkey.update_credential(&proven);
        Ok(passkey)
    }

    fn opened(&self, kind: Kind, options: String, now: Timestamp) -> Begun {
        let id = super::new_token();
        let mut open = self.open();
        while open.len() >= OPEN_MOST || open.front().is_some_and(|oldest| oldest.until <= now) {
            open.pop_front();
        }
        open.push_back(Open { id: id.clone(), until: now + PATIENCE, kind });
        Begun { ceremony: id, options }
    }

    /// Closes a ceremony, because each takes only one answer, right or wrong.
    fn close(&self, id: &str, now: Timestamp) -> Option<Kind> {
        let mut open = self.open();
        let at = open.iter().position(|ceremony| ceremony.id == id)?;
        open.remove(at).filter(|ceremony| ceremony.until > now).map(|ceremony| ceremony.kind)
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Open>> {
        self.open.lock().expect("no holder panics")
    }
}

/// The user handle by which an authenticator identifies an account. It is the same for all its
/// passkeys, and reveals nothing about the account (WebAuthn 14.6.1).
fn handle(account: &UserId) -> Uuid {
    let digest = Sha256::digest(format!("passkeys of {account}"));
    Uuid::from_slice(&digest[..16]).expect("sixteen bytes")
}
