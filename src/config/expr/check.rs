//! The checker: CEL's tree in, ours out, or the first mistake with its place.
//!
//! Numbers are all doubles (integer literals are lifted here); there is no text concatenation, no modulo, no `has`,
//! no comprehension and no regular expression, because no rule needs them and each can be made slow.

use std::sync::Arc;

use cel::Program;
use cel::common::ast::{CallExpr, Expr as Cel, IdedExpr, LiteralValue, operators as op};

use crate::model::{ObjectKind, TableOn};

use super::eval::{Lst, Node, Num, Order, TextTest, Txt};
use super::scope::{InScope, Type, attribute_type, attributes, stats};
use super::{Expr, ExprError, MAX_EXPR, Ref, Scope, Stat};
use crate::config::diag::did_you_mean;

/// A checked part of the tree, by type. A text that is a state carries the names it may have.
enum Typed {
    Number(Num),
    Text(Txt, Option<Arc<[String]>>),
    Bool(Node),
    List(Lst),
    Numbers(Vec<Num>),
}

impl Typed {
    const fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_, None) => "a text",
            Self::Text(_, Some(_)) => "a state",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list of texts",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

/// `(offset, what, hint)`: a mistake.
type Checked<T> = Result<T, ExprError>;

struct Checker<'a> {
    scope: &'a Scope,
    program: &'a Program,
    text: &'a str,
    refs: Vec<Ref>,
    /// Table of the fields so far and the first of them.
    table: Option<(usize, String)>,
    any_field: bool,
}

/// See `Expr::compile`.
pub(super) fn compile(text: &str, scope: &Scope) -> Checked<Expr> {
    if text.len() > MAX_EXPR {
        return Err(fault(0, format!("an expression of {} bytes", text.len()), format!("at most {MAX_EXPR}")));
    }
    if text.trim().is_empty() {
        return Err(fault(0, "an empty expression".into(), "write a condition such as `up == 0`".into()));
    }
    let program = Program::compile(text).map_err(|errors| syntax(text, &errors))?;
    let mut checker = Checker { scope, program: &program, text, refs: Vec::new(), table: None, any_field: false };
    let root = program.expression();
    let root = match checker.check(root)? {
        Typed::Bool(node) => node,
        other => {
            let hint = match other {
                Typed::Number(_) => "compare it, such as `... > 0`",
                Typed::Text(..) => "compare it, such as `... == \"down\"`",
                _ => "ask whether something is `in` it",
            };
            return Err(fault(0, format!("the result is {}, not true or false", other.name()), hint.into()));
        }
    };
    let mut table = checker.table.map(|(table, _)| table);
    if scope.kind.is_some() {
        if !checker.any_field {
            let hint = did_you_mean("", scope.fields.keys().map(String::as_str));
            return Err(fault(0, "the expression asks for no field".into(), hint));
        }
        if scope.on == ObjectKind::Interface && table.is_none() {
            let hint = "use at least one field of the interface table".to_owned();
            return Err(fault(0, "the expression asks for no field of an interface".into(), hint));
        }
        table = table.or(Some(0));
    }
    Ok(Expr { text: Arc::from(text), refs: checker.refs, table, root })
}

fn fault(offset: usize, what: String, hint: String) -> ExprError {
    ExprError { offset, what, hint }
}

/// The parser's own words name its grammar's tokens; a person needs the place and the usual slip.
fn syntax(text: &str, errors: &cel::ParseErrors) -> ExprError {
    let (line, column) = errors.errors.first().map_or((1, 0), |e| e.pos);
    let before: usize = text.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or("");
    let column = usize::try_from(column - 1).unwrap_or(0); // it counts characters from 1
    let at = rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i);
    let offset = before + at;
    let near: String = text.get(offset..).unwrap_or("").trim().chars().take(16).collect();
    let what = if near.is_empty() {
        "the expression ends too early".to_owned()
    } else {
        format!("syntax error near `{near}`")
    };
    let words = |w: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|t| t == w);
    let hint = if words("and") || words("or") || words("not") {
        "write `&&`, `||` and `!`"
    } else if single_equals(text) {
        "write `==` to compare"
    } else {
        "see docs/expressions.md"
    };
    fault(offset, what, hint.into())
}

fn single_equals(text: &str) -> bool {
    let bytes = text.as_bytes();
    (0..bytes.len()).any(|i| {
        bytes.get(i) == Some(&b'=')
            && bytes.get(i + 1) != Some(&b'=')
            && !matches!(i.checked_sub(1).and_then(|j| bytes.get(j)), Some(b'=' | b'!' | b'<' | b'>'))
    })
}

impl Checker<'_> {
    /// A mistake at a node.
    fn at<T>(&self, node: &IdedExpr, what: String, hint: impl Into<String>) -> Checked<T> {
        let start = self.program.source_info().offset_for(node.id).map_or(0, |(start, _)| start as usize);
        Err(fault(start.min(self.text.len()), what, hint.into()))
    }

    fn check(&mut self, node: &IdedExpr) -> Checked<Typed> {
        match &node.expr {
            Cel::Literal(literal) => self.literal(node, literal),
            Cel::Ident(name) => self.name(node, name),
            Cel::Select(select) if select.test => {
                self.at(node, "`has` is not offered".into(), "a missing value makes the condition unknown by itself")
            }
            Cel::Select(select) => self.select(node, &select.operand, &select.field),
            Cel::Call(call) => self.call(node, call),
            Cel::List(list) => self.list(node, &list.elements),
            Cel::Comprehension(_) => {
                self.at(node, "`all`, `exists`, `map` and `filter` are not offered".into(), "use `in`")
            }
            Cel::Map(_) | Cel::Struct(_) | Cel::Unspecified => {
                self.at(node, "maps and messages are not offered".into(), "see docs/expressions.md")
            }
        }
    }

    fn literal(&self, node: &IdedExpr, literal: &LiteralValue) -> Checked<Typed> {
        Ok(match literal {
            LiteralValue::Boolean(v) => Typed::Bool(Node::Literal(*v.inner())),
            LiteralValue::Int(v) => Typed::Number(Num::Literal(*v.inner() as f64)),
            LiteralValue::UInt(v) => Typed::Number(Num::Literal(*v.inner() as f64)),
            LiteralValue::Double(v) => Typed::Number(Num::Literal(*v.inner())),
            LiteralValue::String(v) => Typed::Text(Txt::Literal(Arc::from(v.inner())), None),
            LiteralValue::Null => {
                return self.at(
                    node,
                    "`null` is not offered".into(),
                    "a missing value makes the condition unknown by itself",
                );
            }
            LiteralValue::Bytes(_) => return self.at(node, "bytes are not offered".into(), "write a text"),
        })
    }

    fn list(&mut self, node: &IdedExpr, elements: &[IdedExpr]) -> Checked<Typed> {
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        for element in elements {
            match self.check(element)? {
                Typed::Text(text, _) => texts.push(text),
                Typed::Number(number) => numbers.push(number),
                other => {
                    return self.at(
                        element,
                        format!("{} in a list", other.name()),
                        "only texts or numbers may stand there",
                    );
                }
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (_, true) => Ok(Typed::List(Lst::Literal(texts))),
            (true, false) => Ok(Typed::Numbers(numbers)),
            (false, false) => self.at(node, "texts and numbers in one list".into(), "make them all the same type"),
        }
    }

    fn push(&mut self, slot: Ref) -> Ref {
        if !self.refs.contains(&slot) {
            self.refs.push(slot.clone());
        }
        slot
    }

    fn slot(&mut self, slot: Ref, kind: &Type) -> Typed {
        let slot = self.push(slot);
        match kind {
            Type::Number => Typed::Number(Num::Slot(slot)),
            Type::Text => Typed::Text(Txt::Slot(slot), None),
            Type::State(names) => Typed::Text(Txt::State(slot, names.clone()), Some(names.clone())),
            Type::Bool => Typed::Bool(Node::Slot(slot)),
            Type::List => Typed::List(Lst::Slot(slot)),
        }
    }

    fn name(&mut self, node: &IdedExpr, name: &str) -> Checked<Typed> {
        if self.scope.params.iter().any(|p| p == name) {
            return Ok(self.slot(Ref::Param(Arc::from(name)), &Type::Number));
        }
        if self.scope.fields.contains_key(name) {
            let field = self.field(node, name)?;
            return Ok(self.slot(Ref::Field(Arc::from(name)), &field.kind));
        }
        if name == self.scope.root().as_str() {
            let hint = format!("write `{name}.` and one of: {}", list(self.attribute_names()));
            return self.at(node, format!("`{name}` alone is no value"), hint);
        }
        if name == "w" && self.scope.kind.is_some() {
            return self.at(node, "`w` alone is no value".into(), "write `w.FIELD.mean` or another statistic");
        }
        let quoted = self
            .scope
            .fields
            .values()
            .any(|f| matches!(&f.kind, Type::State(names) if names.iter().any(|n| n == name)));
        let hint = if quoted {
            format!("a state is written in quotes: \"{name}\"")
        } else {
            did_you_mean(name, self.scope.names())
        };
        let of = self
            .scope
            .kind
            .as_ref()
            .map_or_else(|| format!("a filter on {}", self.scope.on), |k| format!("kind `{k}`"));
        self.at(node, format!("unknown name `{name}` for {of}"), hint)
    }

    fn attribute_names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        attributes(self.scope.on).iter().map(|(n, _)| *n)
    }

    /// A field that this expression may ask for: of a table that fits `on`, and of the one table it uses.
    fn field(&mut self, node: &IdedExpr, name: &str) -> Checked<InScope> {
        let Some(field) = self.scope.fields.get(name).cloned() else {
            let hint = did_you_mean(name, self.scope.fields.keys().map(String::as_str));
            let kind = self.scope.kind.clone().unwrap_or_default();
            return self.at(node, format!("unknown field `{name}` of kind `{kind}`"), hint);
        };
        self.any_field = true;
        let Some(table) = field.table else { return Ok(field) };
        let of_interface = self.scope.tables.get(table) == Some(&TableOn::Interface);
        if of_interface != (self.scope.on == ObjectKind::Interface) {
            let (is, hint) = if of_interface {
                ("an interface", "set on = \"interface\"".to_owned())
            } else {
                ("the whole target", "use a field of the interface table, or set on = \"asset\"".to_owned())
            };
            return self.at(node, format!("field `{name}` is about {is}, the rule is on {}", self.scope.on), hint);
        }
        match &self.table {
            None => self.table = Some((table, name.to_owned())),
            Some((other, first)) if *other != table => {
                let what = format!("`{first}` and `{name}` are of different tables");
                return self.at(node, what, "make two rules: a rule judges one row at a time");
            }
            Some(_) => {}
        }
        Ok(field)
    }

    fn select(&mut self, node: &IdedExpr, operand: &IdedExpr, member: &str) -> Checked<Typed> {
        match &operand.expr {
            Cel::Ident(root) if root == self.scope.root().as_str() => {
                let kind = self.scope.root();
                match attribute_type(kind, member) {
                    Some(t) => Ok(self.slot(Ref::Attr(kind, Arc::from(member)), t)),
                    None => {
                        let hint = did_you_mean(member, self.attribute_names());
                        self.at(operand, format!("unknown attribute `{root}.{member}`"), hint)
                    }
                }
            }
            Cel::Ident(root) if root == "w" && self.scope.kind.is_some() => {
                let hint = format!("write `w.{member}.` and one of: {}", list(stats()));
                self.at(operand, format!("`w.{member}` lacks its statistic"), hint)
            }
            Cel::Select(inner)
                if matches!(&inner.operand.expr, Cel::Ident(w) if w == "w") && self.scope.kind.is_some() =>
            {
                let field = self.field(&inner.operand, &inner.field)?;
                if !field.numeric {
                    let hint = did_you_mean(&inner.field, self.scope.numeric_names());
                    return self.at(
                        &inner.operand,
                        format!("field `{}` is no number, it has no window", inner.field),
                        hint,
                    );
                }
                match Stat::parse(member) {
                    Some(stat) => Ok(self.slot(Ref::Window(Arc::from(inner.field.as_str()), stat), &Type::Number)),
                    None => self.at(
                        &inner.operand,
                        format!("unknown statistic `{member}`"),
                        did_you_mean(member, stats()),
                    ),
                }
            }
            Cel::Ident(root) if ObjectKind::parse(root).is_some() => {
                let (on, root_here) = (self.scope.on, self.scope.root());
                self.at(operand, format!("`{root}.` is not known on {on}"), format!("use `{root_here}.`"))
            }
            Cel::Ident(root) => {
                let what = format!("`{root}.{member}`: `{root}` has no members");
                self.at(operand, what, did_you_mean(root, [self.scope.root().as_str(), "w"]))
            }
            _ => {
                self.at(node, format!("`.{member}` of a value"), "only attributes and `w.FIELD.STATISTIC` have dots")
            }
        }
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Checked<Typed> {
        if let Some(target) = &call.target {
            return self.method(node, target, call);
        }
        let args = call.args.as_slice();
        match (call.func_name.as_str(), args) {
            (op::LOGICAL_AND, [a, b]) => {
                Ok(Typed::Bool(Node::And(Box::new((self.boolean(a, "&&")?, self.boolean(b, "&&")?)))))
            }
            (op::LOGICAL_OR, [a, b]) => {
                Ok(Typed::Bool(Node::Or(Box::new((self.boolean(a, "||")?, self.boolean(b, "||")?)))))
            }
            (op::LOGICAL_NOT, [a]) => Ok(Typed::Bool(Node::Not(Box::new(self.boolean(a, "!")?)))),
            (op::NEGATE, [a]) => Ok(Typed::Number(Num::Negate(Box::new(self.number(a, "-")?)))),
            (op::ADD, [a, b]) => Ok(Typed::Number(Num::Add(self.numbers(a, b, "+")?))),
            (op::SUBSTRACT, [a, b]) => Ok(Typed::Number(Num::Subtract(self.numbers(a, b, "-")?))),
            (op::MULTIPLY, [a, b]) => Ok(Typed::Number(Num::Multiply(self.numbers(a, b, "*")?))),
            (op::DIVIDE, [a, b]) => Ok(Typed::Number(Num::Divide(self.numbers(a, b, "/")?))),
            (op::LESS, [a, b]) => Ok(Typed::Bool(Node::Compare(Order::Less, self.numbers(a, b, "<")?))),
            (op::LESS_EQUALS, [a, b]) => Ok(Typed::Bool(Node::Compare(Order::LessEqual, self.numbers(a, b, "<=")?))),
            (op::GREATER, [a, b]) => Ok(Typed::Bool(Node::Compare(Order::Greater, self.numbers(a, b, ">")?))),
            (op::GREATER_EQUALS, [a, b]) => {
                Ok(Typed::Bool(Node::Compare(Order::GreaterEqual, self.numbers(a, b, ">=")?)))
            }
            (op::EQUALS, [a, b]) => self.equal(node, a, b, "=="),
            (op::NOT_EQUALS, [a, b]) => self.equal(node, a, b, "!="),
            (op::CONDITIONAL, [test, yes, no]) => self.conditional(node, test, yes, no),
            (op::IN, [item, list]) => self.within(item, list),
            (op::MODULO, _) => self.at(node, "`%` is not offered".into(), "all numbers are doubles"),
            (op::INDEX | op::OPT_INDEX | op::OPT_SELECT, _) => {
                self.at(node, "`[...]` is not offered".into(), "ask whether a text is `in` a list")
            }
            (name, _) => {
                let what = format!("unknown function `{name}`");
                self.at(node, what, "functions: TEXT.startsWith(T), TEXT.endsWith(T), TEXT.contains(T)")
            }
        }
    }

    fn method(&mut self, node: &IdedExpr, target: &IdedExpr, call: &CallExpr) -> Checked<Typed> {
        const METHODS: [&str; 3] = ["startsWith", "endsWith", "contains"];
        let name = call.func_name.as_str();
        let test = match name {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            "matches" => {
                return self.at(
                    node,
                    "`matches` is not offered".into(),
                    "use startsWith, endsWith, contains or `in`",
                );
            }
            _ => return self.at(node, format!("unknown method `{name}`"), did_you_mean(name, METHODS)),
        };
        let [argument] = call.args.as_slice() else {
            return self.at(
                node,
                format!("`{name}` takes one text, not {}", call.args.len()),
                "write TEXT.startsWith(\"...\")",
            );
        };
        let pair = (self.text(target, name)?, self.text(argument, name)?);
        Ok(Typed::Bool(Node::Text(test, Box::new(pair))))
    }

    fn boolean(&mut self, node: &IdedExpr, operator: &str) -> Checked<Node> {
        match self.check(node)? {
            Typed::Bool(v) => Ok(v),
            other => self.at(
                node,
                format!("`{operator}` needs true or false, this is {}", other.name()),
                "compare it first",
            ),
        }
    }

    fn number(&mut self, node: &IdedExpr, operator: &str) -> Checked<Num> {
        match self.check(node)? {
            Typed::Number(v) => Ok(v),
            Typed::Text(..) => self.at(
                node,
                format!("`{operator}` needs numbers, this is a text"),
                "texts only compare with == and !=",
            ),
            other => self.at(
                node,
                format!("`{operator}` needs numbers, this is {}", other.name()),
                "see docs/expressions.md",
            ),
        }
    }

    fn numbers(&mut self, a: &IdedExpr, b: &IdedExpr, operator: &str) -> Checked<Box<(Num, Num)>> {
        Ok(Box::new((self.number(a, operator)?, self.number(b, operator)?)))
    }

    fn text(&mut self, node: &IdedExpr, operator: &str) -> Checked<Txt> {
        match self.check(node)? {
            Typed::Text(v, _) => Ok(v),
            other => self.at(
                node,
                format!("`{operator}` needs texts, this is {}", other.name()),
                "see docs/expressions.md",
            ),
        }
    }

    fn equal(&mut self, node: &IdedExpr, a: &IdedExpr, b: &IdedExpr, operator: &str) -> Checked<Typed> {
        let same = operator == "==";
        let (left, right) = (self.check(a)?, self.check(b)?);
        Ok(Typed::Bool(match (left, right) {
            (Typed::Number(x), Typed::Number(y)) => {
                Node::Compare(if same { Order::Equal } else { Order::NotEqual }, Box::new((x, y)))
            }
            (Typed::Text(x, of_x), Typed::Text(y, of_y)) => {
                self.state_name(b, &y, of_x.as_deref())?;
                self.state_name(a, &x, of_y.as_deref())?;
                Node::Text(if same { TextTest::Equal } else { TextTest::NotEqual }, Box::new((x, y)))
            }
            (Typed::Bool(x), Typed::Bool(y)) => {
                let equal = Node::Same(Box::new((x, y)));
                if same { equal } else { Node::Not(Box::new(equal)) }
            }
            (x, y) => {
                let hint = if matches!(x, Typed::List(_)) || matches!(y, Typed::List(_)) {
                    "ask whether a text is `in` the list"
                } else {
                    "both sides must be of one type"
                };
                return self.at(node, format!("`{operator}` compares {} with {}", x.name(), y.name()), hint);
            }
        }))
    }

    /// A literal that a state is compared with must be one of its names.
    fn state_name(&self, node: &IdedExpr, text: &Txt, names: Option<&[String]>) -> Checked<()> {
        match (text, names) {
            (Txt::Literal(literal), Some(names)) if !names.iter().any(|n| n.as_str() == &**literal) => self.at(
                node,
                format!("no such state: \"{literal}\""),
                did_you_mean(literal, names.iter().map(String::as_str)),
            ),
            _ => Ok(()),
        }
    }

    fn conditional(&mut self, node: &IdedExpr, test: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Checked<Typed> {
        let test = self.boolean(test, "?:")?;
        match (self.check(yes)?, self.check(no)?) {
            (Typed::Number(y), Typed::Number(n)) => Ok(Typed::Number(Num::If(Box::new((test, y, n))))),
            (Typed::Text(y, _), Typed::Text(n, _)) => Ok(Typed::Text(Txt::If(Box::new((test, y, n))), None)),
            (Typed::Bool(y), Typed::Bool(n)) => Ok(Typed::Bool(Node::If(Box::new((test, y, n))))),
            (y, n) => self.at(node, format!("`?:` gives {} or {}", y.name(), n.name()), "both must be of one type"),
        }
    }

    fn within(&mut self, item: &IdedExpr, list: &IdedExpr) -> Checked<Typed> {
        let wanted = self.check(item)?;
        match (wanted, self.check(list)?) {
            (Typed::Text(text, of), Typed::List(items)) => {
                if let (Lst::Literal(texts), Cel::List(nodes)) = (&items, &list.expr) {
                    for (node, text) in nodes.elements.iter().zip(texts) {
                        self.state_name(node, text, of.as_deref())?;
                    }
                }
                Ok(Typed::Bool(Node::In(Box::new((text, items)))))
            }
            (Typed::Number(number), Typed::Numbers(items)) => {
                Ok(Typed::Bool(Node::InNumbers(Box::new((number, items)))))
            }
            (Typed::Text(..) | Typed::Number(_), other) => {
                let hint = "right of `in` stands a list of the same type, such as asset.tags or [\"a\", \"b\"]";
                self.at(list, format!("`in` looks into {}", other.name()), hint)
            }
            (other, _) => {
                self.at(item, format!("`in` looks for {}", other.name()), "left of it stands a text or a number")
            }
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
