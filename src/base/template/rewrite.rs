//! What is done to a parsed template before it runs.
//!
//! The engine reads fields of maps only. Go's templates call methods with arguments and refuse
//! fields that a type does not have, so every chain of fields becomes a call of [`GET`]; a value
//! that is printed goes through [`OUT`]; a template that is called gets its data through [`STEP`],
//! which counts, so that templates that call one another without an end are stopped. Functions
//! that do not exist are found here, at loading, as in Go.

use crate::base::template::Fault;
use crate::base::template::functions::Functions;
use gotmpl::parse::{CommandNode, Expr, ListNode, Node, PipeNode, Pos, SmolStr};
use std::sync::Arc;

/// `GET value "A.B" args...`: the field or method B of the field A of a value.
pub(super) const GET: &str = "\u{1}get";
/// The value as Go prints it.
pub(super) const OUT: &str = "\u{1}out";
/// The value itself.
pub(super) const STEP: &str = "\u{1}step";

/// A value on its way into a printing function.
pub(super) const GUARD: &str = "\u{1}guard";

/// Functions of the engine that make text of any value.
const WRITERS: [&str; 6] = ["html", "js", "print", "printf", "println", "urlquery"];
/// Escapers that must stay the last of their pipeline.
const LAST: [&str; 3] = ["html", "urlquery", "js"];

pub(super) struct Source<'a> {
    text: &'a str,
    functions: &'a Functions,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, functions: &'a Functions) -> Self {
        Self { text, functions }
    }

    pub(super) fn list(&self, list: &mut ListNode) -> Result<(), Fault> {
        for node in &mut list.nodes {
            self.node(node)?;
        }
        Ok(())
    }

    fn node(&self, node: &mut Node) -> Result<(), Fault> {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(action) => {
                self.pipe(&mut action.pipe)?;
                if action.pipe.decl.is_empty() && !ends_in_escaper(&action.pipe) {
                    let pos = action.pos;
                    let args = vec![Expr::Identifier(pos, SmolStr::new(OUT))];
                    action.pipe.commands.push(CommandNode { pos, args });
                }
                Ok(())
            }
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                self.pipe(&mut branch.pipe)?;
                self.list(&mut branch.body)?;
                branch.else_body.as_mut().map_or(Ok(()), |l| self.list(l))
            }
            Node::Template(call) => {
                let pos = call.pos;
                let step = Expr::Identifier(pos, SmolStr::new(STEP));
                match &mut call.pipe {
                    Some(pipe) => {
                        self.pipe(pipe)?;
                        pipe.commands.push(CommandNode {
                            pos,
                            args: vec![step],
                        });
                    }
                    // Without a pipeline Go hands over nil.
                    None => call.pipe = Some(one(pos, vec![step, Expr::Nil(pos)])),
                }
                Ok(())
            }
            Node::Define(define) => self.list(&mut define.body),
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => Ok(()),
        }
    }

    fn pipe(&self, pipe: &mut PipeNode) -> Result<(), Fault> {
        pipe.commands.iter_mut().try_for_each(|c| self.command(c))?;
        let mut at = 1;
        while at < pipe.commands.len() {
            if is_writer(pipe.commands[at].args.first()) {
                let pos = pipe.commands[at].pos;
                let args = vec![Expr::Identifier(pos, SmolStr::new(GUARD))];
                pipe.commands.insert(at, CommandNode { pos, args });
                at += 1;
            }
            at += 1;
        }
        Ok(())
    }

    fn command(&self, command: &mut CommandNode) -> Result<(), Fault> {
        let mut args = std::mem::take(&mut command.args).into_iter();
        let Some(first) = args.next() else {
            return Ok(());
        };
        let mut out = match first {
            Expr::Identifier(pos, name) => {
                self.exists(&name, pos)?;
                vec![Expr::Identifier(pos, name)]
            }
            other => self.get(other)?,
        };
        let guarded = is_writer(out.first());
        for arg in args {
            let mut arg = self.value(arg)?;
            if guarded && !matches!(arg, Expr::String(..)) {
                let pos = arg.pos();
                let guard = Expr::Identifier(pos, SmolStr::new(GUARD));
                arg = Expr::Pipe(pos, one(pos, vec![guard, arg]));
            }
            out.push(arg);
        }
        command.args = out;
        Ok(())
    }

    /// The arguments of a command that reads the expression; the expression alone where it has no
    /// fields.
    fn get(&self, expr: Expr) -> Result<Vec<Expr>, Fault> {
        let (base, fields) = match expr {
            Expr::Field(pos, fields) => (Expr::Dot(pos), fields),
            Expr::Variable(pos, name, fields) => (Expr::Variable(pos, name, Vec::new()), fields),
            Expr::Chain(_, inner, fields) => (self.value(*inner)?, fields),
            Expr::Pipe(pos, mut pipe) => {
                self.pipe(&mut pipe)?;
                (Expr::Pipe(pos, pipe), Vec::new())
            }
            Expr::Identifier(pos, name) => {
                self.exists(&name, pos)?;
                (Expr::Identifier(pos, name), Vec::new())
            }
            other => (other, Vec::new()),
        };
        if fields.is_empty() {
            return Ok(vec![base]);
        }
        let pos = base.pos();
        let path: Arc<str> = fields.join(".").into();
        let get = Expr::Identifier(pos, SmolStr::new(GET));
        Ok(vec![get, base, Expr::String(pos, path)])
    }

    /// An expression where a value is asked for.
    fn value(&self, expr: Expr) -> Result<Expr, Fault> {
        let pos = expr.pos();
        let mut parts = self.get(expr)?;
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Expr::Pipe(pos, one(pos, parts)),
        })
    }

    fn exists(&self, name: &str, pos: Pos) -> Result<(), Fault> {
        if self.functions.has(name) {
            return Ok(());
        }
        let before = &self.text[..self.text.floor_char_boundary(pos.offset)];
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let line = before.matches('\n').count() + 1;
        Err(Fault {
            place: Some((line, column)),
            text: format!("there is no function {name:?}"),
        })
    }
}

fn one(pos: Pos, args: Vec<Expr>) -> PipeNode {
    PipeNode {
        pos,
        decl: Vec::new(),
        commands: vec![CommandNode { pos, args }],
        is_assign: false,
    }
}

fn is_writer(first: Option<&Expr>) -> bool {
    matches!(first, Some(Expr::Identifier(_, name)) if WRITERS.contains(&name.as_str()))
}

fn ends_in_escaper(pipe: &PipeNode) -> bool {
    let first = pipe.commands.last().and_then(|c| c.args.first());
    matches!(first, Some(Expr::Identifier(_, name)) if LAST.contains(&name.as_str()))
}

/// The names of the templates that a tree calls.
pub(super) fn called(list: &ListNode) -> Vec<String> {
    let mut out = Vec::new();
    collect(list, &mut out);
    out
}

fn collect(list: &ListNode, out: &mut Vec<String>) {
    for node in &list.nodes {
        match node {
            Node::List(list) => collect(list, out),
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                collect(&branch.body, out);
                if let Some(list) = &branch.else_body {
                    collect(list, out);
                }
            }
            Node::Template(call) => out.push(call.name.to_string()),
            Node::Define(define) => collect(&define.body, out),
            Node::Action(_) | Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }
}
