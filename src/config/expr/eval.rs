//! The lowered tree and its evaluation: three-valued logic, no allocation, a few nanoseconds a node.

use std::sync::Arc;

use super::{Eval, Lookup, Ref, Val};

/// A number.
#[derive(Debug, Clone)]
pub(super) enum Num {
    Literal(f64),
    Slot(Ref),
    Negate(Box<Num>),
    Add(Box<(Num, Num)>),
    Subtract(Box<(Num, Num)>),
    Multiply(Box<(Num, Num)>),
    Divide(Box<(Num, Num)>),
    If(Box<(Node, Num, Num)>),
}

/// A text.
#[derive(Debug, Clone)]
pub(super) enum Txt {
    Literal(Arc<str>),
    Slot(Ref),
    State(Ref, Arc<[String]>),
    If(Box<(Node, Txt, Txt)>),
}

/// A list of texts.
#[derive(Debug, Clone)]
pub(super) enum Lst {
    Literal(Vec<Txt>),
    Slot(Ref),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// A test on two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    Equal,
    NotEqual,
    StartsWith,
    EndsWith,
    Contains,
}

/// A truth value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(bool),
    Slot(Ref),
    Not(Box<Node>),
    And(Box<(Node, Node)>),
    Or(Box<(Node, Node)>),
    Same(Box<(Node, Node)>),
    If(Box<(Node, Node, Node)>),
    Compare(Order, Box<(Num, Num)>),
    Text(TextTest, Box<(Txt, Txt)>),
    In(Box<(Txt, Lst)>),
    InNumbers(Box<(Num, Vec<Num>)>),
}

/// What a condition says.
pub(super) fn truth(node: &Node, values: &dyn Lookup) -> Eval {
    match boolean(node, values) {
        Some(true) => Eval::True,
        Some(false) => Eval::False,
        None => Eval::Unknown,
    }
}

/// `None` is unknown. `false && unknown` is false and `true || unknown` is true, whichever side comes first.
fn boolean(node: &Node, values: &dyn Lookup) -> Option<bool> {
    match node {
        Node::Literal(v) => Some(*v),
        Node::Slot(slot) => match values.get(slot)? {
            Val::Bool(v) => Some(v),
            Val::Number(v) => Some(v != 0.0),
            Val::Text(_) | Val::List(_) => None,
        },
        Node::Not(inner) => boolean(inner, values).map(|v| !v),
        Node::And(pair) => match boolean(&pair.0, values) {
            Some(false) => Some(false),
            Some(true) => boolean(&pair.1, values),
            None => boolean(&pair.1, values).filter(|v| !v),
        },
        Node::Or(pair) => match boolean(&pair.0, values) {
            Some(true) => Some(true),
            Some(false) => boolean(&pair.1, values),
            None => boolean(&pair.1, values).filter(|v| *v),
        },
        Node::Same(pair) => Some(boolean(&pair.0, values)? == boolean(&pair.1, values)?),
        Node::If(three) => boolean(if boolean(&three.0, values)? { &three.1 } else { &three.2 }, values),
        Node::Compare(order, pair) => {
            let (a, b) = (number(&pair.0, values)?, number(&pair.1, values)?);
            Some(match order {
                Order::Less => a < b,
                Order::LessEqual => a <= b,
                Order::Greater => a > b,
                Order::GreaterEqual => a >= b,
                Order::Equal => a == b,
                Order::NotEqual => a != b,
            })
        }
        Node::Text(test, pair) => {
            let (a, b) = (text(&pair.0, values)?, text(&pair.1, values)?);
            Some(match test {
                TextTest::Equal => a == b,
                TextTest::NotEqual => a != b,
                TextTest::StartsWith => a.starts_with(b),
                TextTest::EndsWith => a.ends_with(b),
                TextTest::Contains => a.contains(b),
            })
        }
        Node::In(pair) => {
            let wanted = text(&pair.0, values)?;
            match &pair.1 {
                Lst::Literal(items) => any(items.iter().map(|item| text(item, values).map(|t| t == wanted))),
                Lst::Slot(slot) => match values.get(slot)? {
                    Val::List(items) => Some(items.iter().any(|item| item == wanted)),
                    _ => None,
                },
            }
        }
        Node::InNumbers(pair) => {
            let wanted = number(&pair.0, values)?;
            any(pair.1.iter().map(|item| number(item, values).map(|n| n == wanted)))
        }
    }
}

/// True if any is true, else unknown if any is unknown.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for one in all {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

/// Results that are no finite number (division by zero) are unknown, never a comparison.
fn number(node: &Num, values: &dyn Lookup) -> Option<f64> {
    let v = match node {
        Num::Literal(v) => return Some(*v),
        Num::Slot(slot) => match values.get(slot)? {
            Val::Number(v) => v,
            Val::Bool(v) => return Some(f64::from(u8::from(v))),
            Val::Text(_) | Val::List(_) => return None,
        },
        Num::Negate(inner) => -number(inner, values)?,
        Num::Add(pair) => number(&pair.0, values)? + number(&pair.1, values)?,
        Num::Subtract(pair) => number(&pair.0, values)? - number(&pair.1, values)?,
        Num::Multiply(pair) => number(&pair.0, values)? * number(&pair.1, values)?,
        Num::Divide(pair) => number(&pair.0, values)? / number(&pair.1, values)?,
        Num::If(three) => number(if boolean(&three.0, values)? { &three.1 } else { &three.2 }, values)?,
    };
    v.is_finite().then_some(v)
}

fn text<'a>(node: &'a Txt, values: &'a dyn Lookup) -> Option<&'a str> {
    match node {
        Txt::Literal(v) => Some(v),
        Txt::Slot(slot) => match values.get(slot)? {
            Val::Text(v) => Some(v),
            _ => None,
        },
        Txt::State(slot, names) => match values.get(slot)? {
            Val::Text(v) => Some(v),
            // A position stored by the probe; beyond the names it is a state this build does not know.
            Val::Number(v) => names.get(v as usize).map(String::as_str),
            _ => None,
        },
        Txt::If(three) => text(if boolean(&three.0, values)? { &three.1 } else { &three.2 }, values),
    }
}
