//! Passkeys: the options for an authenticator, and the verification of its answer (WebAuthn Level
//! 3). A library does the cryptography.
//!
//! The state of an open ceremony is sealed in its id, which the browser sends back with the answer.
//! So a flood of ceremonies that nobody completes takes no memory, and ends no ceremony of others.

use crate::domain::{id::UserId, time::Timestamp};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::VecDeque, fmt, sync::Mutex, time::Duration};
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
/// The most completed ceremonies that are remembered, so that none is completed twice. Only somebody
/// with a passkey completes one.
const COMPLETED_MOST: usize = 4_096;

type Nonce = [u8; 24];

/// The site that passkeys are for.
pub struct Passkeys {
    site: Option<Site>,
    /// Seals ceremonies. It is new at every start, which ends the open ones.
    key: XChaCha20Poly1305,
    /// The ceremonies that were completed and have not timed out.
    completed: Mutex<VecDeque<(Nonce, Timestamp)>>,
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").field("site", &self.site).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Site {
    host: String,
    webauthn: Webauthn,
}

/// An open ceremony.
#[derive(Serialize, Deserialize)]
struct Ceremony {
    until: Timestamp,
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
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
    /// The ceremony timed out, was completed, or never began here.
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
        let key = XChaCha20Poly1305::new(&super::random::<32>().into());
        Ok(Self { site: address.map(site).transpose()?, key, completed: Mutex::default() })
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
        self.opened(Kind::Registration(account.clone(), state), options, now)
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
        let (nonce, Ceremony { until, kind: Kind::Registration(of, state) }) =
            self.unsealed(ceremony, now)?
        else {
            return Err(NotProven::NotOpen);
        };
        if of != *account {
            return Err(NotProven::NotOpen);
        }
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer)?;
        let passkey = self.webauthn()?.finish_passkey_registration(&answer, &state)?;
        self.complete(nonce, until, now)?;
        Ok(passkey)
    }

    /// Begins the use of a passkey of any account.
    ///
    /// # Errors
    /// There is no site.
    pub fn begin(&self, now: Timestamp) -> Result<Begun, NotProven> {
        let (asked, state) = self.webauthn()?.start_discoverable_authentication()?;
        let options = serde_json::to_string(&asked.public_key)?;
        self.opened(Kind::Use(state), options, now)
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
        let (nonce, Ceremony { until, kind: Kind::Use(state) }) = self.unsealed(ceremony, now)?
        else {
            return Err(NotProven::NotOpen);
        };
        let webauthn = self.webauthn()?;
        if webauthn.identify_discoverable_authentication(answer)?.0 != handle(account) {
            return Err(WebauthnError::InvalidUserUniqueId.into());
        }
        let proven = webauthn.finish_discoverable_authentication_v2(answer, state, &passkey)?;
        self.complete(nonce, until, now)?;
        passkey.update_credential(&proven);
        Ok(passkey)
    }

    fn opened(&self, kind: Kind, options: String, now: Timestamp) -> Result<Begun, NotProven> {
        let state = serde_json::to_vec(&Ceremony { until: now + PATIENCE, kind })?;
        let nonce: Nonce = super::random();
        let sealed = self.key.encrypt(&XNonce::from(nonce), state.as_slice());
        let sealed = sealed.expect("a state of some kilobytes can be sealed");
        Ok(Begun { ceremony: BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat()), options })
    }

    /// Opens the id of a ceremony that has not timed out.
    fn unsealed(&self, id: &str, now: Timestamp) -> Result<(Nonce, Ceremony), NotProven> {
        let read = || {
            let bytes = BASE64URL_NOPAD.decode(id.as_bytes()).ok()?;
            let (nonce, sealed) = bytes.split_first_chunk()?;
            let state = self.key.decrypt(&XNonce::from(*nonce), sealed).ok()?;
            Some((*nonce, serde_json::from_slice::<Ceremony>(&state).ok()?))
        };
        read().filter(|(_, ceremony)| ceremony.until > now).ok_or(NotProven::NotOpen)
    }

    /// Completes a ceremony, which takes only one right answer.
    fn complete(&self, nonce: Nonce, until: Timestamp, now: Timestamp) -> Result<(), NotProven> {
        let mut completed = self.completed.lock().expect("no holder panics");
        completed.retain(|(_, until)| *until > now);
        if completed.iter().any(|(known, _)| *known == nonce) {
            return Err(NotProven::NotOpen);
        }
        if completed.len() >= COMPLETED_MOST {
            completed.pop_front();
        }
        completed.push_back((nonce, until));
        Ok(())
    }
}

/// The user handle by which an authenticator identifies an account. It is the same for all its
/// passkeys, and reveals nothing about the account (WebAuthn 14.6.1).
fn handle(account: &UserId) -> Uuid {
    let digest = Sha256::digest(format!("passkeys of {account}"));
    Uuid::from_slice(&digest[..16]).expect("sixteen bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceremony_ends_in_time_and_belongs_to_one_server() {
        let site = || Passkeys::new(Some(&"https://buckler.test".parse().unwrap()), None).unwrap();
        let (here, elsewhere, now) = (site(), site(), Timestamp::from_millis(1_790_000_000_000));
        let id = here.begin(now).unwrap().ceremony;
        let (nonce, ceremony) = here.unsealed(&id, now).unwrap();
        assert!(here.unsealed(&id, now + PATIENCE).is_err(), "it is over");
        assert!(elsewhere.unsealed(&id, now).is_err(), "another server's");
        assert!(here.complete(nonce, ceremony.until, now).is_ok());
        assert!(here.complete(nonce, ceremony.until, now).is_err(), "it is completed once");
        assert!(here.complete([1; 24], ceremony.until, ceremony.until).is_ok());
        assert_eq!(here.completed.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
