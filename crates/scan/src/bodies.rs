//! Method bodies, kept while one app is analysed: its phases go through the same methods one after the other.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use analysis::constants::Bodies;
use code::{Body, MethodId, Program};

/// Bodies of so many instructions are kept (some 130 bytes each, so 80 MB); the others are built again when asked for. That
/// is all of nearly every app, and what is kept of a larger one stays, since whoever goes through all methods in order would
/// find nothing of what was kept last.
const INSTRUCTIONS_MAX: usize = 600_000;

/// Bodies of one program, made when asked for.
pub(crate) struct KeptBodies<'p> {
    program: &'p Program,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    bodies: HashMap<MethodId, Option<Arc<Body>>>,
    instructions: usize,
}

impl<'p> KeptBodies<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        Self { program, kept: RefCell::default() }
    }
}

impl Bodies for KeptBodies<'_> {
    fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        if let Some(known) = self.kept.borrow().bodies.get(&method) {
            return known.clone();
        }
        let body = self.program.body_of(method).and_then(Result::ok).map(Arc::new);
        let mut kept = self.kept.borrow_mut();
        let instructions = body.as_ref().map_or(0, |body| body.instructions.len());
        if kept.instructions + instructions <= INSTRUCTIONS_MAX {
            kept.instructions += instructions;
            kept.bodies.insert(method, body.clone());
        }
        body
    }
}
