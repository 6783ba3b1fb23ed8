//! PromQL over series in memory.

mod cases;
mod memory;
