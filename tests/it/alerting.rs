//! Who is told of alerts: files of Alertmanager, scenarios with a fake clock, requests to local
//! servers.

mod conformance;
mod notices;
mod requests;
mod scenario;
