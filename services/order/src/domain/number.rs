//! The number by which people speak of an order.
//!
//! `7K4M-9PR2-XHTF`: three groups of four characters, of which the last is a check character. The order's own
//! identifier is too long for a telephone, and its first half is the time of the order.
//!
//! - The alphabet has no two characters that look alike, and no vowels, so that no number is a word.
//! - It has 23 characters, a prime. The check character makes the sum of all characters, weighted by their distance
//!   from the end, divisible by it, as that of ISBN-10 does by 11 (ISO 2108:1992): a number with one wrong
//!   character, or with two exchanged, is none.
//! - The other eleven characters are drawn, and tell neither how many orders there are nor when one was placed.

use std::fmt;
use std::str::FromStr;

/// One at most of those that look alike (`0 O Q D`, `1 I L`, `2 Z`, `5 S`, `6 G`, `8 B`, `U V`).
const ALPHABET: &[u8; 23] = b"23456789CDFHJKMNPRTVWXY";
/// Characters of a number, hyphens aside.
const LENGTH: usize = 12;
/// Characters between two hyphens.
const GROUP: usize = 4;

/// An order's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number([u8; LENGTH]);

/// A text that is no order's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no order number")]
pub(crate) struct NotANumber;

impl Number {
    /// The number that `random`, of which at least 60 bits are random, stands for.
    pub(crate) fn drawn(random: u128) -> Self {
        let mut rest = random;
        let mut characters = [ALPHABET[0]; LENGTH];
        for character in &mut characters[..LENGTH - 1] {
            let digit = usize::try_from(rest % ALPHABET.len() as u128).unwrap_or_default();
            *character = ALPHABET[digit];
            rest /= ALPHABET.len() as u128;
        }
        // The first character of the alphabet adds nothing, so this is the sum of the others.
        let sum = sum(&characters).unwrap_or_default();
        characters[LENGTH - 1] = ALPHABET[(ALPHABET.len() - sum) % ALPHABET.len()];
        Self(characters)
    }
}

/// The weighted sum modulo the alphabet's size; `None` with a character of another alphabet.
fn sum(characters: &[u8; LENGTH]) -> Option<usize> {
    characters.iter().enumerate().try_fold(0, |sum, (index, character)| {
        let digit = ALPHABET.iter().position(|known| known == character)?;
        Some((sum + (LENGTH - index) * digit) % ALPHABET.len())
    })
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.0.iter().enumerate() {
            let hyphen = if index > 0 && index % GROUP == 0 { "-" } else { "" };
            write!(formatter, "{hyphen}{}", char::from(*character))?;
        }
        Ok(())
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    /// Reads a number as people write it: in either case, with or without hyphens and spaces.
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let bytes: Vec<u8> =
            text.bytes().filter(|byte| !b"- ".contains(byte)).map(|byte| byte.to_ascii_uppercase()).collect();
        let characters: [u8; LENGTH] = bytes.try_into().map_err(|_| NotANumber)?;
        match sum(&characters) {
            Some(0) => Ok(Self(characters)),
            _ => Err(NotANumber),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_three_groups_of_four() {
        assert_eq!(Number::drawn(0).to_string(), "2222-2222-2222");
        assert_eq!(Number::drawn(1).to_string(), "3222-2222-222H");
        assert_eq!(Number::drawn(u128::MAX).to_string().parse(), Ok(Number::drawn(u128::MAX)));
    }

    #[test]
    fn no_two_characters_look_alike_and_no_word_can_be_spelt() {
        for alike in ["0OQD", "1IL", "2Z", "5S", "8B", "6G", "UV", "AEIOU"] {
            let found = alike.bytes().filter(|character| ALPHABET.contains(character)).count();
            assert!(found <= 1, "{alike}");
        }
        assert_eq!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len(), 23);
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_is_written_or_spoken(random: u128) {
            let number = Number::drawn(random);
            let written = number.to_string();
            let bare = written.replace('-', "");
            prop_assert_eq!(written.len(), LENGTH + 2);
            let spaced = format!(" {} ", written.replace('-', " "));
            for form in [written.to_lowercase(), spaced, bare, written] {
                prop_assert_eq!(form.parse(), Ok(number));
            }
        }

        #[test]
        fn one_wrong_character_makes_it_no_number(random: u128, at in 0..LENGTH, other in 0_usize..23) {
            let mut number = Number::drawn(random);
            prop_assume!(number.0[at] != ALPHABET[other]);
            number.0[at] = ALPHABET[other];
            prop_assert_eq!(number.to_string().parse::<Number>(), Err(NotANumber));
        }

        #[test]
        fn two_exchanged_characters_make_it_no_number(random: u128, one in 0..LENGTH, two in 0..LENGTH) {
            let mut number = Number::drawn(random);
            prop_assume!(number.0[one] != number.0[two]);
            number.0.swap(one, two);
            prop_assert_eq!(number.to_string().parse::<Number>(), Err(NotANumber));
        }

        #[test]
        fn different_draws_are_different_numbers(one in 0..23_u128.pow(11), two in 0..23_u128.pow(11)) {
            prop_assert_eq!(one == two, Number::drawn(one) == Number::drawn(two));
        }

        #[test]
        fn any_other_text_is_no_number(text in "\\PC{0,20}") {
            if let Ok(number) = text.parse::<Number>() {
                let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
                prop_assert_eq!(number.to_string().replace('-', ""), bare.to_ascii_uppercase());
            }
        }
    }
}
