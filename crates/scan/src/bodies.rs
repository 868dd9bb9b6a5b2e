//! Method bodies for the interpreter of constants, kept while one app is analysed.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use analysis::constants::Bodies;
use code::{Body, MethodId, Program};

/// Most bodies kept; the interpreter asks for few methods, often.
const BODIES_MAX: usize = 4096;

/// Bodies of one program, made when asked for.
pub(crate) struct KeptBodies<'p> {
    program: &'p Program,
    kept: RefCell<HashMap<MethodId, Option<Arc<Body>>>>,
}

impl<'p> KeptBodies<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        Self { program, kept: RefCell::default() }
    }
}

impl Bodies for KeptBodies<'_> {
    fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        if let Some(known) = self.kept.borrow().get(&method) {
            return known.clone();
        }
        let body = self.program.body_of(method).and_then(Result::ok).map(Arc::new);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= BODIES_MAX {
            kept.clear();
        }
        kept.insert(method, body.clone());
        body
    }
}
