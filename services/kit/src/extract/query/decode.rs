//! A query string as serde sees it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::Display;

use serde::de::value::{CowStrDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::extract::wording::field_error;
use crate::validation::FieldErrors;

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Reads `text` as a struct or a tuple of structs.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, FieldErrors> {
    let mut errors = FieldErrors::new();
    let mut pairs = unique(text, &mut errors);
    let known = RefCell::new(Vec::new());
    // serde stops at the first field that it cannot read; without it, it comes to the next.
    let value = loop {
        let failed = Cell::new(None);
        match T::deserialize(Pairs { pairs: &pairs, known: &known, failed: &failed }) {
            Ok(value) => break Some(value),
            Err(Refused(message)) => {
                let field = failed.take().unwrap_or_default();
                errors.add_error(field_error(&field, &message));
                let before = pairs.len();
                pairs.retain(|(name, _)| *name != field);
                if pairs.len() == before {
                    break None;
                }
            }
        }
    };
    for (name, _) in &pairs {
        if !known.borrow().contains(&name.as_ref()) {
            errors.add(name.as_ref(), "unknown_field", "is not a parameter of this request");
        }
    }
    errors.unless_any(|| value)
}

/// Each name once; names that come twice and values that no text column can hold are errors.
fn unique<'a>(text: &'a str, errors: &mut FieldErrors) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if pairs.iter().any(|(seen, _)| *seen == name) {
            if !errors.iter().any(|error| error.field == name) {
                errors.add(name, "repeated", "must be given once");
            }
        } else {
            if value.contains('\0') {
                errors.add(name.as_ref(), "control_character", "must not contain control characters");
            }
            pairs.push((name, value));
        }
    }
    pairs
}

/// serde's message; the field is kept aside.
#[derive(Debug)]
struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The whole query. Notes which fields anyone asked for, and the one that could not be read.
#[derive(Clone, Copy)]
struct Pairs<'a> {
    pairs: &'a [Pair<'a>],
    known: &'a RefCell<Vec<&'static str>>,
    failed: &'a Cell<Option<String>>,
}

impl<'de> Deserializer<'de> for Pairs<'_> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.known.borrow_mut().extend(fields);
        let pairs = self.pairs.iter().filter(|(name, _)| fields.contains(&name.as_ref())).collect::<Vec<_>>();
        visitor.visit_map(Fields { rest: pairs.iter(), current: None, failed: self.failed })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(Parts { left: len, query: self })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::custom("a query is read as a struct or a tuple of structs"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple_struct map enum identifier ignored_any
    }
}

/// The structs that share a query.
struct Parts<'a> {
    left: usize,
    query: Pairs<'a>,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.query).map(Some)
    }
}

/// The fields of one struct.
struct Fields<'a> {
    rest: std::slice::Iter<'a, &'a Pair<'a>>,
    current: Option<&'a Pair<'a>>,
    failed: &'a Cell<Option<String>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.current = self.rest.next().copied();
        let name = self.current.map(|(name, _)| StrDeserializer::new(name));
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let (name, value) = self.current.take().ok_or_else(|| Refused::custom("a value without a name"))?;
        seed.deserialize(Text(value)).inspect_err(|_| self.failed.set(Some(name.clone().into_owned())))
    }
}

/// The text of one value.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn parsed<T: std::str::FromStr>(&self, allowed: &str) -> Result<T, Refused> {
        self.0.parse().map_err(|_| Refused(format!("must be {allowed}")))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ty, $allowed:literal;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.$visit(self.parsed::<$kind>($allowed)?)
        })+
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Refused;

    numbers! {
        deserialize_i8 visit_i64 i64, "a whole number";
        deserialize_i16 visit_i64 i64, "a whole number";
        deserialize_i32 visit_i64 i64, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_i64 i64, "a whole number";
        deserialize_u16 visit_i64 i64, "a whole number";
        deserialize_u32 visit_i64 i64, "a whole number";
        deserialize_u64 visit_u64 u64, "a whole number of at least 0";
        deserialize_bool visit_bool bool, "true or false";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number: f64 = self.parsed("a number")?;
        if number.is_finite() { visitor.visit_f64(number) } else { Err(Refused::custom("must be a number")) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let text: CowStrDeserializer<'_, Refused> = Cow::Borrowed(self.0).into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_str(self.0)
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}
