//! Prometheus remote write 1.0: `prometheus.WriteRequest` in protobuf, in one snappy block.
//!
//! The few messages are read and written by hand over [`protobuf`](crate::wire::protobuf); unknown fields are passed over, as
//! protobuf demands. Native histograms are counted, not read. Sources: the remote write 1.0
//! specification; `prompb/types.proto` and `prompb/remote.proto` for the field numbers.
//!
//! | message | fields |
//! |---|---|
//! | WriteRequest | 1 timeseries, 3 metadata |
//! | TimeSeries | 1 labels, 2 samples, 3 exemplars, 4 histograms |
//! | Label | 1 name, 2 value |
//! | Sample | 1 value (double), 2 timestamp (ms) |
//! | Exemplar | 1 labels, 2 value (double), 3 timestamp (ms) |
//! | MetricMetadata | 1 type, 2 metric_family_name, 4 help, 5 unit |

use crate::model::answer::{Metadata, MetricKind};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::wire::protobuf::{Field, Malformed, Reader, Wire};

/// Headers that a sender of version 1.0 gives.
pub const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/x-protobuf"),
    ("Content-Encoding", "snappy"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];

/// Labels of one series; more are refused.
const MOST_LABELS: usize = 512;

/// What one request carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteRequest {
    pub series: Vec<Series>,
    pub metadata: Vec<Metadata>,
    /// Samples that are native histograms: they were counted and left out.
    pub native_histograms: u64,
}

/// Samples of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
    pub exemplars: Vec<Exemplar>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    #[error("the body is not one snappy block: {0}")]
    Snappy(String),
    #[error(
        "the body would decompress to {len} bytes; at most {limit} are accepted: send smaller batches"
    )]
    TooLarge { len: usize, limit: usize },
    #[error("the body is not a prometheus.WriteRequest: {0}")]
    Proto(String),
    /// A series that cannot be stored; the rest of the request is not looked at.
    #[error("{0}")]
    Labels(String),
}

impl From<Malformed> for RemoteWriteError {
    fn from(e: Malformed) -> Self {
        Self::Proto(e.0.to_owned())
    }
}

/// Reads a request's body. `limit` bounds what it may decompress to, in bytes.
pub fn decode(body: &[u8], limit: usize) -> Result<WriteRequest, RemoteWriteError> {
    let snappy = |e: snap::Error| RemoteWriteError::Snappy(e.to_string());
    let len = snap::raw::decompress_len(body).map_err(snappy)?;
    if len > limit {
        return Err(RemoteWriteError::TooLarge { len, limit });
    }
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(snappy)?;
    decode_message(&bytes)
}

/// Reads the message itself, decompressed.
pub fn decode_message(bytes: &[u8]) -> Result<WriteRequest, RemoteWriteError> {
    let mut out = WriteRequest::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(series)) => {
                let series = read_series(series, &mut out.native_histograms)?;
                out.series.push(series);
            }
            (3, Wire::Bytes(metadata)) => out.metadata.push(read_metadata(metadata)?),
            _ => {}
        }
    }
    Ok(out)
}

fn read_series(bytes: &[u8], native: &mut u64) -> Result<Series, RemoteWriteError> {
    let mut pairs = Vec::with_capacity(16);
    let mut out = Series::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(label)) => push_label(label, &mut pairs)?,
            (2, Wire::Bytes(sample)) => out.samples.push(read_sample(sample)?),
            (3, Wire::Bytes(exemplar)) => out.exemplars.push(read_exemplar(exemplar)?),
            (4, Wire::Bytes(_)) => *native += 1,
            _ => {}
        }
    }
    out.labels = to_labels(pairs)?;
    if out.labels.metric_name().is_empty() {
        let said = format!("a series without a metric's name: {}", out.labels);
        return Err(RemoteWriteError::Labels(said));
    }
    Ok(out)
}

fn push_label<'a>(
    bytes: &'a [u8],
    pairs: &mut Vec<(&'a str, &'a str)>,
) -> Result<(), RemoteWriteError> {
    let (mut name, mut value) = ("", "");
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(text)) => name = utf8(text)?,
            (2, Wire::Bytes(text)) => value = utf8(text)?,
            _ => {}
        }
    }
    if name.is_empty() {
        return Err(RemoteWriteError::Labels(
            "a label without a name".to_owned(),
        ));
    }
    if pairs.len() == MOST_LABELS {
        return Err(RemoteWriteError::Labels(format!(
            "a series with more than {MOST_LABELS} labels"
        )));
    }
    pairs.push((name, value));
    Ok(())
}

/// Senders sort labels; what comes unsorted is sorted, what comes twice is refused.
fn to_labels(mut pairs: Vec<(&str, &str)>) -> Result<Labels, RemoteWriteError> {
    if let Some(labels) = Labels::from_sorted(&pairs) {
        return Ok(labels);
    }
    pairs.sort_unstable();
    if let Some(twice) = pairs.windows(2).find(|w| w[0].0 == w[1].0) {
        let said = format!("the label {:?} is given twice", twice[0].0);
        return Err(RemoteWriteError::Labels(said));
    }
    Ok(Labels::from_pairs(pairs))
}

fn read_sample(bytes: &[u8]) -> Result<Sample, RemoteWriteError> {
    let mut out = Sample { t: 0, v: 0.0 };
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Fixed64(bits)) => out.v = f64::from_bits(bits),
            (2, Wire::Varint(t)) => out.t = t as i64,
            _ => {}
        }
    }
    Ok(out)
}

fn read_exemplar(bytes: &[u8]) -> Result<Exemplar, RemoteWriteError> {
    let mut pairs = Vec::new();
    let mut out = Exemplar::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Bytes(label)) => push_label(label, &mut pairs)?,
            (2, Wire::Fixed64(bits)) => out.value = f64::from_bits(bits),
            (3, Wire::Varint(t)) => out.t = t as i64,
            _ => {}
        }
    }
    out.labels = to_labels(pairs)?;
    Ok(out)
}

/// The type's numbers in the protocol.
const KINDS: [MetricKind; 8] = [
    MetricKind::Unknown,
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::GaugeHistogram,
    MetricKind::Summary,
    MetricKind::Info,
    MetricKind::StateSet,
];

fn read_metadata(bytes: &[u8]) -> Result<Metadata, RemoteWriteError> {
    let mut out = Metadata::default();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.next_field()? {
        match (field.number, field.wire) {
            (1, Wire::Varint(kind)) => {
                out.kind = KINDS.get(kind as usize).copied().unwrap_or_default();
            }
            (2, Wire::Bytes(text)) => utf8(text)?.clone_into(&mut out.metric),
            (4, Wire::Bytes(text)) => utf8(text)?.clone_into(&mut out.help),
            (5, Wire::Bytes(text)) => utf8(text)?.clone_into(&mut out.unit),
            _ => {}
        }
    }
    Ok(out)
}

fn utf8(bytes: &[u8]) -> Result<&str, RemoteWriteError> {
    std::str::from_utf8(bytes)
        .map_err(|_| RemoteWriteError::Labels("a text that is not UTF-8".to_owned()))
}

/// A body ready to send: the message in one snappy block.
pub fn encode(request: &WriteRequest) -> Result<Vec<u8>, RemoteWriteError> {
    snap::raw::Encoder::new()
        .compress_vec(&encode_message(request))
        .map_err(|e| RemoteWriteError::Snappy(e.to_string()))
}

/// The message itself, not compressed.
pub fn encode_message(request: &WriteRequest) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut body, mut inner) = (Vec::new(), Vec::new());
    for series in &request.series {
        body.clear();
        push_labels(&series.labels, &mut body);
        for sample in &series.samples {
            inner.clear();
            push_sample(1, sample.v, sample.t, &mut inner);
            Field::bytes(2, &inner, &mut body);
        }
        for exemplar in &series.exemplars {
            inner.clear();
            push_labels(&exemplar.labels, &mut inner);
            push_sample(2, exemplar.value, exemplar.t, &mut inner);
            Field::bytes(3, &inner, &mut body);
        }
        Field::bytes(1, &body, &mut out);
    }
    for metadata in &request.metadata {
        body.clear();
        let kind = KINDS
            .iter()
            .position(|k| *k == metadata.kind)
            .unwrap_or_default();
        Field::varint(1, kind as u64, &mut body);
        Field::bytes(2, metadata.metric.as_bytes(), &mut body);
        Field::bytes(4, metadata.help.as_bytes(), &mut body);
        Field::bytes(5, metadata.unit.as_bytes(), &mut body);
        Field::bytes(3, &body, &mut out);
    }
    out
}

fn push_labels(labels: &Labels, out: &mut Vec<u8>) {
    let mut label = Vec::new();
    for (name, value) in labels {
        label.clear();
        Field::bytes(1, name.as_bytes(), &mut label);
        Field::bytes(2, value.as_bytes(), &mut label);
        Field::bytes(1, &label, out);
    }
}

/// Value and time in the fields `first` and the next.
fn push_sample(first: u32, value: f64, t: i64, out: &mut Vec<u8>) {
    Field::fixed64(first, value.to_bits(), out);
    Field::varint(first + 1, t as u64, out);
}

#[cfg(test)]
mod tests;
