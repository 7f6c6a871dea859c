//! The checker: CEL's tree in, ours out, or the first mistake with its place.

use super::{Expr, ExprError, Scope};

pub(super) fn compile(_text: &str, _scope: &Scope) -> Result<Expr, ExprError> {
    Err(ExprError { offset: 0, what: "not yet".into(), hint: String::new() })
}
