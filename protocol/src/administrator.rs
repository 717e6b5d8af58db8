//! The first administrator of a shop.

use secrecy::SecretString;

/// Address under which the first administrator signs in, unless another one is given. `.example` is reserved
/// (RFC 2606), so no mail to it ever reaches a stranger.
pub const EMAIL: &str = "admin@shopflow.example";

/// Fewest characters of randomness in a password.
const RANDOM: usize = 28;

/// A password that every password policy accepts, from `random` text of letters and digits.
///
/// # Panics
/// When `random` has fewer than 28 characters: the password would be weaker than it looks.
pub fn password(random: &str) -> SecretString {
    assert!(random.len() >= RANDOM, "a password needs {RANDOM} random characters");
    // An upper-case and a lower-case letter, a digit and a special character, whatever the randomness holds.
    format!("Aa1!{}", &random[..RANDOM]).into()
}
