//! What the parsers of the three languages share: a text, its tokens, and the place between them.
//!
//! Each language adds its grammar to [`Parser`] of its own kind of token, with the words in which
//! its peer refuses a query.

use crate::query::promql::ast::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<K> {
    pub(crate) kind: K,
    pub(crate) span: Span,
}

/// A lexer's kinds of tokens.
pub(crate) trait TokenKind: Clone + PartialEq {
    /// A name or a keyword: the parser knows which by where it stands.
    const WORD: Self;
    /// A bracket, a separator, an operator.
    const SIGN: Self;
}

pub(crate) struct Parser<'t, K> {
    pub(crate) text: &'t str,
    /// The last one says that the text ends; there is at least that one.
    tokens: Vec<Token<K>>,
    pub(crate) at: usize,
    depth: u16,
    parts: u32,
}

impl<'t, K: TokenKind> Parser<'t, K> {
    pub(crate) fn new(text: &'t str, tokens: Vec<Token<K>>) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            depth: 0,
            parts: 0,
        }
    }

    pub(crate) fn ahead(&self, by: usize) -> Token<K> {
        self.tokens[(self.at + by).min(self.tokens.len() - 1)].clone()
    }

    pub(crate) fn peek(&self) -> Token<K> {
        self.ahead(0)
    }

    pub(crate) fn peek_second(&self) -> Token<K> {
        self.ahead(1)
    }

    pub(crate) fn advance(&mut self) -> Token<K> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Steps over the token at hand where `found`.
    pub(crate) fn step_if(&mut self, found: bool) -> bool {
        self.at += usize::from(found);
        found
    }

    /// Where the token before stands.
    pub(crate) fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// A token as it was written.
    pub(crate) fn word(&self, token: &Token<K>) -> &'t str {
        &self.text[token.span.start..token.span.end]
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        let token = self.peek();
        token.kind == K::SIGN && self.word(&token) == sign
    }

    pub(crate) fn eat(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.step_if(found)
    }

    /// In whatever case.
    pub(crate) fn is_keyword(&self, keyword: &str) -> bool {
        let token = self.peek();
        token.kind == K::WORD && self.word(&token).eq_ignore_ascii_case(keyword)
    }

    pub(crate) fn eat_keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        self.step_if(found)
    }

    /// Counts one more of what a hostile query could repeat without end; true while there are at
    /// most `most`.
    pub(crate) fn count_part(&mut self, most: u32) -> bool {
        self.parts += 1;
        self.parts <= most
    }

    /// Guards the descent itself, before any node exists: `refuse` says why no deeper one is read.
    pub(crate) fn descend<T, E>(
        &mut self,
        most: u16,
        refuse: impl FnOnce(Span) -> E,
        inner: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.depth >= most {
            return Err(refuse(self.peek().span));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}
