//! SCRAM-SHA-256 verifiers, RFC 5802 and RFC 7677, in PostgreSQL's form. A password itself never travels in SQL, where a
//! server's log could catch it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{LazyLock, Mutex, PoisonError};

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not zero");
const SALT_LENGTH: usize = 16;
const KEY_LENGTH: usize = digest::SHA256_OUTPUT_LEN;
const MEMORY: usize = 4_096;

/// Outcomes of earlier comparisons. Deriving a key takes a millisecond on purpose, and a converged platform is looked at
/// every few seconds.
static KNOWN: LazyLock<Mutex<HashMap<[u8; KEY_LENGTH], bool>>> = LazyLock::new(Mutex::default);

/// The verifier that a server stores for a role's password.
///
/// The salt is derived from both, so that the same plan always has the same text. The passwords are random and long; a
/// salt protects guessable ones.
pub(super) fn verifier(role: &str, password: &SecretString) -> SecretString {
    let key = hmac::Key::new(hmac::HMAC_SHA256, password.expose_secret().as_bytes());
    let tag = hmac::sign(&key, role.as_bytes());
    let salt = &tag.as_ref()[..SALT_LENGTH];
    let keys = Keys::derive(password, salt, ITERATIONS);
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(keys.stored),
        STANDARD.encode(keys.server)
    )
    .into()
}

/// Whether a stored verifier, whatever its salt, is of this password.
pub(super) fn matches(verifier: &SecretString, password: &SecretString) -> bool {
    let question = question(verifier, password);
    let known = |table: &HashMap<_, _>| table.get(&question).copied();
    if let Some(answer) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner)) {
        return answer;
    }
    let answer = Stored::parse(verifier.expose_secret()).is_some_and(|stored| {
        let keys = Keys::derive(password, &stored.salt, stored.iterations);
        constant_time::verify_slices_are_equal(&keys.stored, &stored.key).is_ok()
    });
    let mut table = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if table.len() >= MEMORY {
        table.clear();
    }
    table.insert(question, answer);
    answer
}

struct Keys {
    stored: [u8; KEY_LENGTH],
    server: [u8; KEY_LENGTH],
}

impl Keys {
    fn derive(password: &SecretString, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; KEY_LENGTH];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            password.expose_secret().as_bytes(),
            &mut salted,
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client = hmac::sign(&key, b"Client Key");
        Self {
            stored: array(digest::digest(&digest::SHA256, client.as_ref()).as_ref()),
            server: array(hmac::sign(&key, b"Server Key").as_ref()),
        }
    }
}

struct Stored {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    key: Vec<u8>,
}

impl Stored {
    /// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        if parts.next()? != "SCRAM-SHA-256" {
            return None;
        }
        let (iterations, salt) = parts.next()?.split_once(':')?;
        let (key, _) = parts.next()?.split_once(':')?;
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt: STANDARD.decode(salt).ok()?,
            key: STANDARD.decode(key).ok()?,
        })
    }
}

/// Stands for a verifier and a password in memory, and shows neither.
fn question(verifier: &SecretString, password: &SecretString) -> [u8; KEY_LENGTH] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, verifier.expose_secret().as_bytes());
    array(hmac::sign(&key, password.expose_secret().as_bytes()).as_ref())
}

fn array(bytes: &[u8]) -> [u8; KEY_LENGTH] {
    let mut array = [0; KEY_LENGTH];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    // The exchange printed in RFC 7677 section 3: user, pencil, that salt, and the server's signature over its messages.
    #[test]
    fn the_example_of_rfc_7677_holds() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = Keys::derive(&secret("pencil"), &salt, ITERATIONS);
        let messages = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let key = hmac::Key::new(hmac::HMAC_SHA256, &keys.server);
        let signature = STANDARD.encode(hmac::sign(&key, messages.as_bytes()));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_verifier_matches_its_password_only() {
        let verifier = verifier("order_a", &secret("correct"));
        for _ in 0..2 {
            assert!(matches(&verifier, &secret("correct")));
            assert!(!matches(&verifier, &secret("wrong")));
        }
        assert!(!matches(&secret("md5abc"), &secret("correct")));
        assert!(!matches(&secret(""), &secret("correct")));
    }

    #[test]
    fn the_same_plan_has_the_same_text_and_roles_share_no_salt() {
        let text = |role| verifier(role, &secret("p")).expose_secret().to_owned();
        assert_eq!(text("order_a"), text("order_a"));
        assert_ne!(text("order_a"), text("order_b"));
    }
}
