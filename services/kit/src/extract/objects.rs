//! An object of a request is written as an object.
//!
//! What serde derives for a struct also reads a list, field by field in the order of the source: a body that works by
//! chance until two fields change places. [`Objects`] stands between a format and the type, as deep as the type goes,
//! and asks for an object wherever the type is a struct. What a type buffers (`#[serde(flatten)]`, untagged enums) is
//! beyond its reach.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// A part of the deserialization that passes itself on to the parts within.
pub(super) struct Objects<T>(pub(super) T);

/// Reads the fields of an enum's struct variant.
struct Fields<V>(V);

macro_rules! deserialize {
    ($($method:ident($($argument:ident: $type:ty),*)),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Objects(visitor))
        }
    )+};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    deserialize! {
        deserialize_any(), deserialize_bool(), deserialize_char(), deserialize_str(), deserialize_string(),
        deserialize_i8(), deserialize_i16(), deserialize_i32(), deserialize_i64(), deserialize_i128(),
        deserialize_u8(), deserialize_u16(), deserialize_u32(), deserialize_u64(), deserialize_u128(),
        deserialize_f32(), deserialize_f64(), deserialize_bytes(), deserialize_byte_buf(),
        deserialize_option(), deserialize_unit(), deserialize_seq(), deserialize_map(),
        deserialize_identifier(), deserialize_ignored_any(),
        deserialize_unit_struct(name: &'static str),
        deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(length: usize),
        deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident: $type:ty),+ $(,)?) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )+};
}

macro_rules! visit_within {
    ($($method:ident: $access:ident),+ $(,)?) => {$(
        fn $method<A: $access<'de>>(self, access: A) -> Result<V::Value, A::Error> {
            self.0.$method(Objects(access))
        }
    )+};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    visit! {
        visit_bool: bool, visit_char: char, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64,
        visit_i128: i128, visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128,
        visit_f32: f32, visit_f64: f64, visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }
    visit_within! { visit_seq: SeqAccess, visit_map: MapAccess, visit_enum: EnumAccess }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(value))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Objects(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(Objects(seed))?;
        Ok((value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        value.deserialize_map(Objects(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::money::Amount;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Line {
        name: String,
        price: Amount,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        Post,
        Courier { name: String },
        Pair(u8, Line),
        Own(Line),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Line);

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Body {
        line: Option<Line>,
        lines: Vec<Line>,
        by_name: BTreeMap<String, Line>,
        pair: Option<(u8, Line)>,
        wrapped: Option<Wrapped>,
        way: Option<Way>,
        ways: Vec<Way>,
    }

    const OBJECT: &str = r#"{"name": "x", "price": 1.10}"#;
    const LIST: &str = r#"["x", 1.10]"#;
    /// Every place where a type may hold another.
    const PLACES: [&str; 8] = [
        r#"{"line": @}"#,
        r#"{"lines": [{"name": "y", "price": 2}, @]}"#,
        r#"{"by_name": {"a": @}}"#,
        r#"{"pair": [1, @]}"#,
        r#"{"wrapped": @}"#,
        r#"{"way": {"own": @}}"#,
        r#"{"way": {"pair": [1, @]}}"#,
        r#"{"ways": ["post", {"own": @}]}"#,
    ];

    fn read(text: &str) -> Result<Body, serde_json::Error> {
        Body::deserialize(Objects(&mut serde_json::Deserializer::from_str(text)))
    }

    #[test]
    fn objects_are_read_as_without_it() {
        for place in PLACES {
            let text = place.replace('@', OBJECT);
            let body = read(&text).unwrap();
            assert_eq!(body, serde_json::from_str(&text).unwrap(), "{text}");
            assert_ne!(body, Body::default(), "{text}");
        }
        let courier = r#"{"way": {"courier": {"name": "x"}}, "line": null}"#;
        assert_eq!(read(courier).unwrap().way, Some(Way::Courier { name: "x".to_owned() }));
        assert_eq!(read(r#"{"way": "post"}"#).unwrap().way, Some(Way::Post));
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        for text in PLACES.map(|place| place.replace('@', LIST)) {
            assert!(serde_json::from_str::<Body>(&text).is_ok(), "serde itself would take {text}");
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains("invalid type: sequence, expected struct Line"), "{text}: {error}");
        }
        for text in ["[]", r#"{"way": {"courier": ["x"]}}"#] {
            assert!(serde_json::from_str::<Body>(text).is_ok(), "serde itself would take {text}");
            assert!(read(text).unwrap_err().to_string().contains("invalid type: sequence"), "{text}");
        }
    }
}
