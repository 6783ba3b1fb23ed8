//! Resources and scopes that are equal become the same one.

use crate::model::span::{Attribute, Attributes, Resource, Scope, Span};
use hashbrown::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// Beyond so many it begins anew: a sender that never repeats itself must not fill the memory.
const MAX: usize = 4096;

/// What was seen lately.
#[derive(Default)]
pub(super) struct Interner {
    hasher: foldhash::fast::FixedState,
    resources: HashMap<u64, Arc<Resource>>,
    scopes: HashMap<u64, Arc<Scope>>,
}

impl Interner {
    pub(super) fn span(&mut self, span: &mut Span) {
        if self.resources.len() + self.scopes.len() > MAX {
            self.resources.clear();
            self.scopes.clear();
        }
        let mut hash = self.hasher.build_hasher();
        attributes(&span.resource.attributes, &mut hash);
        let known = self.resources.entry(hash.finish());
        let known = known.or_insert_with(|| Arc::clone(&span.resource));
        if !Arc::ptr_eq(known, &span.resource) && *known == span.resource {
            span.resource = Arc::clone(known);
        }
        let mut hash = self.hasher.build_hasher();
        (&span.scope.name, &span.scope.version).hash(&mut hash);
        attributes(&span.scope.attributes, &mut hash);
        let known = self.scopes.entry(hash.finish());
        let known = known.or_insert_with(|| Arc::clone(&span.scope));
        if !Arc::ptr_eq(known, &span.scope) && *known == span.scope {
            span.scope = Arc::clone(known);
        }
    }
}

/// Equal attributes hash alike; that some others do as well is found by comparing.
fn attributes(list: &Attributes, hash: &mut impl Hasher) {
    for (name, value) in list {
        name.hash(hash);
        match value {
            Attribute::Text(text) => text.hash(hash),
            Attribute::Int(i) => i.hash(hash),
            Attribute::Bool(b) => b.hash(hash),
            _ => {}
        }
    }
}
