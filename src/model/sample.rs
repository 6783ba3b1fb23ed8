//! Samples, and many samples of one series as two columns.

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sample {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    pub v: f64,
}

/// The bits of the NaN that says "this series has ended here". Source: Prometheus `value.StaleNaN`.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker.
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Only the marker's own bits; every other NaN is an ordinary value.
pub fn is_stale(v: f64) -> bool {
    v.to_bits() == STALE_BITS
}

/// Samples of one series in rising time, in two columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

impl Samples {
    pub fn push(&mut self, t: i64, v: f64) {
        self.times.push(t);
        self.values.push(v);
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        self.times
            .iter()
            .zip(&self.values)
            .map(|(&t, &v)| Sample { t, v })
    }
}

/// A sample as `[t, "bits in hex"]` would lose readers, and JSON has no NaN: values travel as
/// numbers where JSON has them and as `"NaN"`, `"stale"`, `"+Inf"`, `"-Inf"` where it has not.
pub mod exact {
    use crate::model::sample::{Sample, is_stale, stale_marker};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    pub(super) enum Number {
        Plain(f64),
        Named(String),
    }

    pub(super) fn to_number(v: f64) -> Number {
        if v.is_finite() {
            return Number::Plain(v);
        }
        let name = match v {
            v if is_stale(v) => "stale",
            v if v.is_nan() => "NaN",
            v if v > 0.0 => "+Inf",
            _ => "-Inf",
        };
        Number::Named(name.to_owned())
    }

    pub(super) fn from_number(n: &Number) -> Option<f64> {
        match n {
            Number::Plain(v) => Some(*v),
            Number::Named(name) => match name.as_str() {
                "NaN" => Some(f64::NAN),
                "stale" => Some(stale_marker()),
                "+Inf" => Some(f64::INFINITY),
                "-Inf" => Some(f64::NEG_INFINITY),
                _ => None,
            },
        }
    }

    pub fn serialize<S: Serializer>(s: &Sample, to: S) -> Result<S::Ok, S::Error> {
        (s.t, to_number(s.v)).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sample, D::Error> {
        let (t, n) = <(i64, Number)>::deserialize(from)?;
        let v = from_number(&n).ok_or_else(|| D::Error::custom("not a sample's value"))?;
        Ok(Sample { t, v })
    }
}

/// One value, as in [`exact`].
pub mod exact_value {
    use crate::model::sample::exact::{Number, from_number, to_number};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(v: &f64, to: S) -> Result<S::Ok, S::Error> {
        to_number(*v).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let n = Number::deserialize(from)?;
        from_number(&n).ok_or_else(|| D::Error::custom("not a sample's value"))
    }
}

/// Many samples, each as in [`exact`].
pub mod exact_many {
    use crate::model::sample::Sample;
    use crate::model::sample::exact::{Number, from_number, to_number};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(many: &[Sample], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(many.iter().map(|s| (s.t, to_number(s.v))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Sample>, D::Error> {
        let raw = Vec::<(i64, Number)>::deserialize(from)?;
        let read = |(t, n): (i64, Number)| from_number(&n).map(|v| Sample { t, v });
        let all: Option<Vec<Sample>> = raw.into_iter().map(read).collect();
        all.ok_or_else(|| D::Error::custom("not a sample's value"))
    }
}
