//! Room `query`: languages that ask the store.
//!
//! Owns PromQL, LogQL and TraceQL: lexers, parsers, printers, evaluators, functions. Synchronous;
//! takes a cancellation token. Sees a store only through the traits of `store::read`, never a concrete one; knows no
//! runtime and reads no clock but for its own deadline. Start with [`promql`] and
//! [`promql::eval::Engine`]. Tested by units beside the code, and by `.test` scripts and a
//! differential against a real Prometheus in `tests/it/promql`.

pub mod logql;
pub(crate) mod parser;
pub mod promql;
pub mod syntax;
pub mod traceql;
