//! Logs on their way in: Promtail's stages.

mod stages;
