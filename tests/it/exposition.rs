//! Room `wire`, the exposition formats: public cases and what garbage must not do.

mod conformance;
mod robust;
