//! Passkeys: what an authenticator is asked, and whether its answer holds (WebAuthn Level 3). The cryptography is the library's.

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
    prelude::{CreationChallengeResponse, CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, Url, WebauthnError},
};
use webauthn_rs_proto::{PublicKeyCredential, RegisterPublicKeyCredential, ResidentKeyRequirement};

/// How long somebody may take to touch the authenticator.
const PATIENCE: Duration = Duration::from_secs(300);
/// Ceremonies that are open at once; a flood of them ends the oldest.
const OPEN_MOST: usize = 4_096;

/// The site that passkeys are for, and the ceremonies that are under way.
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

/// What the browser is to do, and the name by which its answer is awaited.
#[derive(Debug)]
pub struct Begun {
    /// The ceremony's name.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON`, or `…RequestOptionsJSON`.
    pub options: String,
}

/// Why there is no passkey.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// This server has no address of its own that passkeys could be for.
    #[error("there are no passkeys on this server: it was started without --public-url")]
    NoSite,
    /// It took too long, or was never begun.
    #[error("that took too long")]
    NotOpen,
    /// It is no answer, or not the one to what was asked.
    #[error("the authenticator's answer does not hold")]
    Wrong(#[from] WebauthnError),
    /// It cannot be read.
    #[error("the authenticator's answer cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

impl Passkeys {
    /// For the site with that address; or for one on this machine alone, at any port.
    ///
    /// # Errors
    /// An address that passkeys cannot be for: they need a name, and HTTPS.
    pub fn new(address: Option<&Url>, local: Option<Url>) -> Result<Self, WebauthnError> {
        let any_port = address.is_none();
        let address = address.or(local.as_ref());
        let site = |address: &Url| {
            let host = address.domain().ok_or(WebauthnError::Configuration)?;
            let webauthn = WebauthnBuilder::new(host, address)?.rp_name("Buckler").timeout(PATIENCE).allow_any_port(any_port);
            Ok::<_, WebauthnError>(Site { host: host.to_owned(), webauthn: webauthn.build()? })
        };
        Ok(Self { site: address.map(site).transpose()?, open: Mutex::default() })
    }

    /// The host that passkeys are for, if they can be used.
    pub fn host(&self) -> Option<&str> {
        self.site.as_ref().map(|site| site.host.as_str())
    }

    fn webauthn(&self) -> Result<&Webauthn, NotProven> {
        self.site.as_ref().map(|site| &site.webauthn).ok_or(NotProven::NoSite)
    }

    /// Begins to register one for an account that has these already.
    ///
    /// # Errors
    /// No site.
    pub fn begin_registration(
        &self,
        account: &UserId,
        email: &str,
        name: &str,
        known: Vec<Passkey>,
        now: Timestamp,
    ) -> Result<Begun, NotProven> {
        let known = known.iter().map(|passkey| passkey.cred_id().clone()).collect::<Vec<CredentialID>>();
        let (mut asked, state): (CreationChallengeResponse, _) =
            self.webauthn()?.start_passkey_registration(handle(account), email, name, Some(known))?;
        // One that the authenticator finds by itself: nobody types an address, and the server tells nobody who has passkeys.
        if let Some(selection) = &mut asked.public_key.authenticator_selection {
            (selection.resident_key, selection.require_resident_key) = (Some(ResidentKeyRequirement::Required), true);
        }
        let options = serde_json::to_string(&asked.public_key)?;
        Ok(self.opened(Kind::Registration(account.clone(), state), options, now))
    }

    /// The passkey that was registered.
    ///
    /// # Errors
    /// Too late, for another account, or the answer does not hold.
    pub fn end_registration(&self, ceremony: &str, account: &UserId, answer: &str, now: Timestamp) -> Result<Passkey, NotProven> {
        let Some(Kind::Registration(of, state)) = self.close(ceremony, now) else { return Err(NotProven::NotOpen) };
        if of != *account {
            return Err(NotProven::NotOpen);
        }
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer)?;
        Ok(self.webauthn()?.finish_passkey_registration(&answer, &state)?)
    }

    /// Begins to use one, whoever's it is.
    ///
    /// # Errors
    /// No site.
    pub fn begin(&self, now: Timestamp) -> Result<Begun, NotProven> {
        let (asked, state) = self.webauthn()?.start_discoverable_authentication()?;
        let options = serde_json::to_string(&asked.public_key)?;
        Ok(self.opened(Kind::Use(state), options, now))
    }

    /// An answer, read: which credential it is of.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(answer: &str) -> Result<PublicKeyCredential, NotProven> {
        Ok(serde_json::from_str(answer)?)
    }

    /// Whether the answer is one of that passkey of that account; the passkey as it is to be kept now.
    ///
    /// # Errors
    /// Too late, or it does not hold: wrong site, wrong signature, not for this account, or of a copied authenticator.
    pub fn end(
        &self,
        ceremony: &str,
        answer: &PublicKeyCredential,
        account: &UserId,
        mut passkey: Passkey,
        now: Timestamp,
    ) -> Result<Passkey, NotProven> {
        let Some(Kind::Use(state)) = self.close(ceremony, now) else { return Err(NotProven::NotOpen) };
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

    /// A ceremony has one answer, right or wrong.
    fn close(&self, id: &str, now: Timestamp) -> Option<Kind> {
        let mut open = self.open();
        let at = open.iter().position(|ceremony| ceremony.id == id)?;
        open.remove(at).filter(|ceremony| ceremony.until > now).map(|ceremony| ceremony.kind)
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Open>> {
        self.open.lock().expect("no holder panics")
    }
}

/// How an authenticator knows an account: the same for all its passkeys, and telling nothing about it (WebAuthn 14.6.1).
fn handle(account: &UserId) -> Uuid {
    let digest = Sha256::digest(format!("passkeys of {account}"));
    Uuid::from_slice(&digest[..16]).expect("sixteen bytes")
}
