//! The binary: chooses the allocator and hands over.

fn main() {}
