//! The grammar of edify, the language of update scripts. Written from AOSP bootable/recovery, edify/lexer.ll and
//! parser.yy.

use bytes::{Budget, Error, Limit, Result};

/// How deep expressions may nest; scripts of real updates stay below ten.
const DEPTH_MAX: u32 = 32;

/// An expression. Everything is one, a whole script too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A literal, quoted or not.
    Text(Vec<u8>),
    /// A function with its arguments.
    Call(Vec<u8>, Vec<Self>),
    /// `a; b; c`: the last one's value.
    Sequence(Vec<Self>),
    /// `a + b + c`.
    Joined(Vec<Self>),
    /// `a == b`, or `a != b` if `true`.
    Compared(Box<Self>, Box<Self>, bool),
    /// `a && b && c`.
    All(Vec<Self>),
    /// `a || b || c`.
    Any(Vec<Self>),
    /// `!a`.
    Not(Box<Self>),
    /// `if a then b else c endif`.
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
}

/// The expression that a script is.
pub(super) fn parse(text: &[u8], budget: &Budget) -> Result<Expression> {
    let tokens = tokens(text, budget)?;
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.len() as u64 };
    let script = parser.sequence(0)?;
    match parser.peek() {
        None => Ok(script),
        Some(_) => Err(parser.unexpected()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(Vec<u8>),
    /// An unquoted word: a literal, a function or a keyword.
    Word(Vec<u8>),
    /// `==`, `!=`, `&&`, `||`, or the first byte twice for a single character.
    Sign([u8; 2]),
}

const fn single(sign: u8) -> Token {
    Token::Sign([sign, sign])
}

/// The tokens and where each starts.
fn tokens(text: &[u8], budget: &Budget) -> Result<Vec<(Token, u64)>> {
    let mut tokens = Vec::new();
    let mut at = 0_usize;
    while let Some(&byte) = text.get(at) {
        let offset = at as u64;
        let rest = text.get(at..).unwrap_or_default();
        let len = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'#' => rest.iter().take_while(|&&byte| byte != b'\n').count(),
            b'"' => {
                let (value, len) = quoted(rest, offset)?;
                tokens.push((Token::Text(value), offset));
                len
            }
            b';' | b'(' | b')' | b',' | b'+' => {
                tokens.push((single(byte), offset));
                1
            }
            b'!' if rest.get(1) != Some(&b'=') => {
                tokens.push((single(byte), offset));
                1
            }
            b'=' | b'!' | b'&' | b'|' => {
                let sign = match rest {
                    [b'=', b'=', ..] => *b"==",
                    [b'!', b'=', ..] => *b"!=",
                    [b'&', b'&', ..] => *b"&&",
                    [b'|', b'|', ..] => *b"||",
                    _ => return Err(Error::corrupt("edify operator", offset)),
                };
                tokens.push((Token::Sign(sign), offset));
                2
            }
            _ if is_word(byte) => {
                let word: Vec<u8> = rest.iter().copied().take_while(|&byte| is_word(byte)).collect();
                let len = word.len();
                tokens.push((Token::Word(word), offset));
                len
            }
            _ => return Err(Error::corrupt("edify character", offset)),
        };
        budget.spend_nodes(1, "edify token", offset)?;
        at = at.saturating_add(len.max(1));
    }
    Ok(tokens)
}

const fn is_word(byte: u8) -> bool {
    // The lexer of recovery names letters, digits and `_:/.`; scripts of makers also leave paths with a minus unquoted.
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'/' | b'.' | b'-')
}

/// A quoted string without its quotes and escapes, and its length in the script.
fn quoted(rest: &[u8], offset: u64) -> Result<(Vec<u8>, usize)> {
    let mut value = Vec::new();
    let mut bytes = rest.iter().copied().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        let byte = match byte {
            b'"' => return Ok((value, at.saturating_add(1))),
            b'\\' => match bytes.next() {
                Some((_, b'n')) => b'\n',
                Some((_, b't')) => b'\t',
                Some((_, b'x')) => {
                    let digits = (bytes.next().map(|(_, high)| high), bytes.next().map(|(_, low)| low));
                    hexadecimal(digits).ok_or(Error::corrupt("edify escape", offset.saturating_add(at as u64)))?
                }
                Some((_, escaped)) => escaped,
                None => break,
            },
            byte => byte,
        };
        value.push(byte);
    }
    Err(Error::truncated("edify string", offset, 1, 0))
}

fn hexadecimal((high, low): (Option<u8>, Option<u8>)) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
}

struct Parser<'a> {
    tokens: &'a [(Token, u64)],
    at: usize,
    end: u64,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn offset(&self) -> u64 {
        self.tokens.get(self.at).map_or(self.end, |(_, offset)| *offset)
    }

    fn unexpected(&self) -> Error {
        Error::corrupt("edify expression", self.offset())
    }

    /// Takes the token if it is next.
    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.at = self.at.saturating_add(usize::from(is_next));
        is_next
    }

    fn take_word(&mut self, word: &[u8]) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        self.at = self.at.saturating_add(usize::from(is_next));
        is_next
    }

    fn expect(&mut self, found: bool) -> Result<()> {
        if found { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Whether a sequence ends here.
    fn ends(&self) -> bool {
        match self.peek() {
            None => true,
            Some(Token::Word(word)) => matches!(word.as_slice(), b"then" | b"else" | b"endif"),
            Some(token) => *token == single(b')') || *token == single(b','),
        }
    }

    /// `a; b;`, the weakest binding.
    fn sequence(&mut self, depth: u32) -> Result<Expression> {
        if depth >= DEPTH_MAX {
            return Err(Error::limit(Limit::Depth, "edify expression", self.offset()));
        }
        let mut items = Vec::new();
        loop {
            while self.take(&single(b';')) {}
            if self.ends() {
                break;
            }
            items.push(self.any(depth)?);
            if self.peek() != Some(&single(b';')) {
                break;
            }
        }
        match items.len() {
            1 => items.pop().ok_or_else(|| self.unexpected()),
            _ => Ok(Expression::Sequence(items)),
        }
    }

    /// Operands with `sign` between them: flat, so that a long chain is no deep tree.
    fn chain(
        &mut self,
        sign: [u8; 2],
        depth: u32,
        operand: fn(&mut Self, u32) -> Result<Expression>,
        whole: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression> {
        let first = operand(self, depth)?;
        if self.peek() != Some(&Token::Sign(sign)) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take(&Token::Sign(sign)) {
            operands.push(operand(self, depth)?);
        }
        Ok(whole(operands))
    }

    fn any(&mut self, depth: u32) -> Result<Expression> {
        self.chain(*b"||", depth, Self::all, Expression::Any)
    }

    fn all(&mut self, depth: u32) -> Result<Expression> {
        self.chain(*b"&&", depth, Self::compared, Expression::All)
    }

    /// `a == b`. Comparing the outcome of a comparison again is in the grammar and in no script.
    fn compared(&mut self, depth: u32) -> Result<Expression> {
        let left = self.joined(depth)?;
        let differs = match self.peek() {
            Some(Token::Sign([b'=', b'='])) => false,
            Some(Token::Sign([b'!', b'='])) => true,
            _ => return Ok(left),
        };
        self.at = self.at.saturating_add(1);
        Ok(Expression::Compared(Box::new(left), Box::new(self.joined(depth)?), differs))
    }

    fn joined(&mut self, depth: u32) -> Result<Expression> {
        self.chain(*b"++", depth, Self::single, Expression::Joined)
    }

    fn single(&mut self, depth: u32) -> Result<Expression> {
        let mut negations = 0_u32;
        while self.take(&single(b'!')) {
            negations = negations.wrapping_add(1);
        }
        let inner = self.primary(depth.saturating_add(1))?;
        // An even number of negations only turns a value into a truth; nothing here tells these apart.
        Ok(if negations % 2 == 1 { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn primary(&mut self, depth: u32) -> Result<Expression> {
        let unexpected = self.unexpected();
        let (token, _) = self.tokens.get(self.at).ok_or(unexpected)?;
        match token.clone() {
            Token::Text(text) => {
                self.at = self.at.saturating_add(1);
                Ok(Expression::Text(text))
            }
            Token::Word(word) if word == b"if" => self.condition(depth),
            Token::Word(word) => {
                self.at = self.at.saturating_add(1);
                if self.take(&single(b'(')) { self.call(word, depth) } else { Ok(Expression::Text(word)) }
            }
            token if token == single(b'(') => {
                self.at = self.at.saturating_add(1);
                let inner = self.sequence(depth)?;
                let closed = self.take(&single(b')'));
                self.expect(closed)?;
                Ok(inner)
            }
            Token::Sign(_) => Err(unexpected),
        }
    }

    fn call(&mut self, name: Vec<u8>, depth: u32) -> Result<Expression> {
        let mut arguments = Vec::new();
        while !self.take(&single(b')')) {
            if !arguments.is_empty() {
                let separated = self.take(&single(b','));
                self.expect(separated)?;
            }
            arguments.push(self.sequence(depth)?);
        }
        Ok(Expression::Call(name, arguments))
    }

    fn condition(&mut self, depth: u32) -> Result<Expression> {
        self.at = self.at.saturating_add(1);
        let condition = self.sequence(depth)?;
        let then = self.take_word(b"then");
        self.expect(then)?;
        let yes = self.sequence(depth)?;
        let no = if self.take_word(b"else") { Some(Box::new(self.sequence(depth)?)) } else { None };
        let ended = self.take_word(b"endif");
        self.expect(ended)?;
        Ok(Expression::If(Box::new(condition), Box::new(yes), no))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    fn parsed(text: &str) -> Result<Expression> {
        parse(text.as_bytes(), &Budget::new(Limits::FILE))
    }

    fn text(text: &str) -> Expression {
        Expression::Text(text.into())
    }

    #[test]
    fn operators_bind_as_in_the_grammar_of_recovery() {
        let got = parsed("a + b == \"ab\" && !c || d(e, \"f\\x41\\n\");").unwrap();
        let joined = Expression::Joined(vec![text("a"), text("b")]);
        let compared = Expression::Compared(Box::new(joined), Box::new(text("ab")), false);
        let both = Expression::All(vec![compared, Expression::Not(Box::new(text("c")))]);
        let call = Expression::Call(b"d".to_vec(), vec![text("e"), text("fA\n")]);
        assert_eq!(got, Expression::Any(vec![both, call]));
    }

    #[test]
    fn conditions_and_comments_are_read() {
        let got = parsed("# start\nif a() then b(); c() else d endif;").unwrap();
        let call = |name: &str| Expression::Call(name.into(), Vec::new());
        let yes = Expression::Sequence(vec![call("b"), call("c")]);
        assert_eq!(got, Expression::If(Box::new(call("a")), Box::new(yes), Some(Box::new(text("d")))));
    }

    #[test]
    fn nesting_is_bounded_and_broken_scripts_tell_where() {
        for script in ["(".repeat(100_000), "a+".repeat(100_000), "if ".repeat(100_000), "f(".repeat(100_000)] {
            assert!(parsed(&script).is_err());
        }
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parsed(&nested(20)).is_ok());
        assert!(matches!(parsed(&nested(200)), Err(Error { kind: bytes::Kind::Limit(Limit::Depth), .. })));
        assert!(parsed(&format!("a{}", " && a".repeat(10_000))).is_ok());
        assert!(parsed(&"!".repeat(100_001)).is_err());
        assert_eq!(parsed("a(\"b"), Err(Error::truncated("edify string", 2, 1, 0)));
        assert_eq!(parsed("a)"), Err(Error::corrupt("edify expression", 1)));
        assert_eq!(parsed("a b"), Err(Error::corrupt("edify expression", 2)));
    }
}
