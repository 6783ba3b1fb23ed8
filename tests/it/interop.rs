//! Tests against real servers from Debian's packages; the feature `interop` turns them on.

mod alertmanager;
mod jvm;
mod logs;
mod mail;
mod node_exporter;
mod otel;
mod otel_app;
mod podman;
mod prometheus;
mod prometheus_queries;
mod rotation;
mod rules;
mod scrape;
mod told;
