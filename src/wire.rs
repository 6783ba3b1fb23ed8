//! Room `wire`: bytes to model and back, pure.
//!
//! Owns the formats that other programs speak: the exposition formats ([`exposition`]), remote
//! write ([`remote_write`]), OTLP ([`otlp`]), Zipkin ([`zipkin`]), the JSON of the HTTP APIs, logfmt, times in Go's layouts.
//! Never opens a socket or a file, never reads a clock, knows no runtime. Everything read here comes from
//! outside, so every reader bounds what it takes and has a property test. Start with [`exposition::Parser`].

pub mod alertmanager_json;
pub mod bongsu_json;
pub mod detect;
pub mod exposition;
pub mod go_time;
pub mod jaeger_json;
pub mod logfmt;
pub mod loki_json;
pub mod loki_push;
pub mod otlp;
pub mod process_record;
pub mod prom_json;
pub mod protobuf;
pub mod remote_write;
pub mod tempo_json;
pub mod zipkin;
