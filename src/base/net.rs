//! Listening and dialling: plain values in, sockets out.
//!
//! [`client`] is the only maker of HTTP clients, [`listen`] of listeners, [`unix`] of the private
//! socket; [`tls`] holds the one root store of the process, which is read at the first https use.
//! Nothing here knows what travels.

pub mod cert;
pub mod client;
pub mod dial;
pub mod http;
pub mod listen;
pub mod network;
pub mod tls;
pub mod unix;
