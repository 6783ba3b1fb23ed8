//! Backends in other processes.

pub mod bongsu;
