//! One row: a session, a client, a tunnel, a configured machine.

use crate::field::{Field, KNOWN, Known};
use crate::value::{Missing, Value};
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// One record, with every value it has. A field that is not among them was not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The values by field.
    #[serde(default)]
    pub fields: Fields,
}

impl Record {
    /// A record of this session type, with nothing else.
    pub fn new(session_type: &str) -> Record {
        Record::default().with(Known::SessionType, session_type)
    }

    /// The record with one more value.
    pub fn with(mut self, field: impl Into<Field>, value: impl Into<Value>) -> Record {
        self.set(field, value);
        self
    }

    /// Sets one value.
    pub fn set(&mut self, field: impl Into<Field>, value: impl Into<Value>) {
        self.fields.insert(field.into(), value.into());
    }

    /// The value of a field; one that was never set is [`Missing::NotAsked`].
    pub fn get(&self, field: impl Into<Field>) -> &Value {
        static NOT_ASKED: Value = Value::Missing(Missing::NotAsked);
        self.fields.get(&field.into()).unwrap_or(&NOT_ASKED)
    }
}

/// Values by field, in the order of the fields: a map in which a known field costs no search, since an inventory has
/// dozens of fields in each of thousands of records.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields {
    /// One place for each of [`Known::ALL`].
    known: Box<[Option<Value>; Known::ALL.len()]>,
    other: BTreeMap<Field, Value>,
}

impl Default for Fields {
    fn default() -> Self {
        Fields { known: Box::new([const { None }; Known::ALL.len()]), other: BTreeMap::new() }
    }
}

impl Fields {
    /// The value of a field.
    pub fn get(&self, field: &Field) -> Option<&Value> {
        match field {
            Field::Known(known) => self.known[*known as usize].as_ref(),
            Field::Other(_) => self.other.get(field),
        }
    }

    /// Whether the field has a value.
    pub fn contains_key(&self, field: &Field) -> bool {
        self.get(field).is_some()
    }

    /// Sets a value and returns the one before it.
    pub fn insert(&mut self, field: Field, value: Value) -> Option<Value> {
        match field {
            Field::Known(known) => self.known[known as usize].replace(value),
            Field::Other(_) => self.other.insert(field, value),
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, field: &Field) -> Option<Value> {
        match field {
            Field::Known(known) => self.known[*known as usize].take(),
            Field::Other(_) => self.other.remove(field),
        }
    }

    /// Takes out all but these of the known fields.
    pub fn keep(&mut self, wanted: &[Known]) {
        let mut keeps = [false; Known::ALL.len()];
        wanted.iter().for_each(|&known| keeps[known as usize] = true);
        for (value, keeps) in self.known.iter_mut().zip(keeps) {
            if !keeps && value.is_some() {
                *value = None;
            }
        }
    }

    /// The fields that have values, and those.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &Value)> {
        let known = KNOWN.iter().zip(self.known.iter());
        known.filter_map(|(field, value)| Some((field, value.as_ref()?))).chain(&self.other)
    }

    /// The fields that have values.
    pub fn keys(&self) -> impl Iterator<Item = &Field> {
        self.iter().map(|(field, _)| field)
    }

    /// How many fields have values.
    pub fn len(&self) -> usize {
        self.known.iter().flatten().count() + self.other.len()
    }

    /// Whether no field has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(Field, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(values: I) -> Self {
        let mut fields = Fields::default();
        for (field, value) in values {
            fields.insert(field, value);
        }
        fields
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (field, value) in self.iter() {
            map.serialize_entry(field.key(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by field")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                let mut next = 0;
                while let Some(field) = map.next_key_seed(Key(next))? {
                    if let Field::Known(known) = field {
                        next = known as usize + 1;
                    }
                    fields.insert(field, map.next_value()?);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Values)
    }
}

/// Reads a key. Keys come in the order of the fields, so the known one at this place or soon behind it is meant.
struct Key(usize);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Field;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Field;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a field")
    }
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Field, E> {
        let later = Known::ALL.get(self.0..).unwrap_or_default();
        let found = later.iter().find(|known| known.key() == key);
        Ok(found.map_or_else(|| Field::from_key(key), |&known| Field::Known(known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_its_place() {
        for (n, &known) in Known::ALL.iter().enumerate() {
            assert_eq!((known as usize, &KNOWN[n]), (n, &Field::Known(known)));
        }
    }

    #[test]
    fn fields_are_a_map() {
        let mut fields = Fields::default();
        let mut map = BTreeMap::new();
        let others = ["cube.role", "a", "zz"].map(|key| Field::Other(key.into()));
        let all: Vec<Field> = others.into_iter().chain(Known::ALL.iter().rev().map(|&known| known.into())).collect();
        for (n, field) in all.iter().enumerate().filter(|(n, _)| n % 3 != 1) {
            assert_eq!(fields.insert(field.clone(), Value::Number(1)), None);
            assert_eq!(fields.insert(field.clone(), Value::Number(n as i64)), Some(Value::Number(1)));
            map.insert(field.clone(), Value::Number(n as i64));
        }
        assert_eq!(fields.iter().collect::<Vec<_>>(), map.iter().collect::<Vec<_>>());
        assert_eq!(fields.len(), map.len());
        // It travels as a map does, both ways.
        let packed = rmp_serde::to_vec_named(&fields).unwrap();
        assert_eq!(packed, rmp_serde::to_vec_named(&map).unwrap());
        assert_eq!(rmp_serde::from_slice::<Fields>(&packed).unwrap(), fields);
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, serde_json::to_string(&map).unwrap());
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields);
        let mut kept = fields.clone();
        kept.keep(&[Known::Pm, Known::Vcpu]);
        let is_kept = |field: &Field| match field {
            Field::Known(known) => matches!(known, Known::Pm | Known::Vcpu),
            Field::Other(_) => true,
        };
        assert!(kept.iter().eq(map.iter().filter(|(field, _)| is_kept(field))));
        for field in &all {
            assert_eq!(fields.get(field), map.get(field));
            assert_eq!(fields.contains_key(field), map.contains_key(field));
            assert_eq!(fields.remove(field), map.remove(field));
        }
        assert!(fields.is_empty());
        assert_eq!(fields, Fields::default());
    }

    #[test]
    fn keys_are_read_in_any_order_and_the_last_of_two_counts() {
        let fields: Fields = serde_json::from_str(
            r#"{"observed": {"time": 7}, "pm": {"text": "a"}, "later.one": {"number": 1}, "tcp": {"text": "t"}, "pm": {"text": "b"}}"#,
        )
        .unwrap();
        let want = [
            (Known::Pm.into(), Value::text("b")),
            (Known::Tcp.into(), Value::text("t")),
            (Known::Observed.into(), Value::Time(7)),
            (Field::Other("later.one".into()), Value::Number(1)),
        ];
        assert_eq!(fields, Fields::from_iter(want));
    }
}
