//! The JSON of Prometheus' HTTP API: answers written straight into bytes, and read back.
//!
//! No tree of values is built: a range query's answer is most of its cost after the evaluation.
//! Numbers look as Prometheus' do (`web/api/v1/json_codec.go`, `util/jsonutil/marshal.go`).

pub mod number;
pub mod read;
pub mod write;
