//! Which rows are shown: words and conditions, as `audit !clicks why=b3 lag>10k`.
//!
//! All terms have to be true. `!` turns one around; what is not known is neither true nor false, and
//! such a row is not shown.

mod field;
mod value;

pub use field::{Field, Kind, Spec, fields};
pub use value::Pattern;

use super::Screen;
use value::{broker, number};

/// What a row answers a filter.
pub(super) trait Facet {
    /// Whether the word is found in its name.
    fn has(&self, word: &Word) -> bool;
    /// A text of it.
    fn text(&self, field: Field) -> Option<&str>;
    /// A figure of it, in the unit of the field's kind; rates a second.
    fn number(&self, field: Field) -> Option<u64>;
    /// Between which bounds the figure lies: at least and at most, where that is known.
    fn bounds(&self, field: Field) -> (Option<u64>, Option<u64>) {
        let it = self.number(field);
        (it, it)
    }
    /// Whether the broker, or none, is there.
    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool>;
    /// Whether one of the field's words is true of it.
    fn is(&self, field: Field, word: &str) -> Option<bool>;
}

/// A word to be found. Without capitals it is found in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    text: String,
    any_case: bool,
}

impl Word {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), any_case: !text.chars().any(char::is_uppercase) }
    }

    /// Whether it is found.
    pub fn is_in(&self, name: &str) -> bool {
        if !self.any_case {
            return name.contains(&self.text);
        }
        if !self.text.is_ascii() {
            return name.to_lowercase().contains(&self.text);
        }
        let (name, word) = (name.as_bytes(), self.text.as_bytes());
        word.is_empty() || name.windows(word.len()).any(|it| it.eq_ignore_ascii_case(word))
    }

    /// Whether it may stand in the index of a partition, and not only in a topic's name.
    pub(super) fn may_be_index(&self) -> bool {
        self.text.ends_with(|it: char| it.is_ascii_digit() || matches!(it, '-' | '/'))
    }
}

/// How a figure is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Over,
    AtLeast,
    Under,
    AtMost,
}

impl Order {
    /// Whether it is so, as far as bounds tell: what may be either is neither.
    fn compare(self, (least, most): (Option<u64>, Option<u64>), with: u64) -> Option<bool> {
        let over = match (least, most) {
            (Some(least), _) if least > with => Some(true),
            (_, Some(most)) if most <= with => Some(false),
            _ => None,
        };
        let under = match (least, most) {
            (_, Some(most)) if most < with => Some(true),
            (Some(least), _) if least >= with => Some(false),
            _ => None,
        };
        match self {
            Self::Over => over,
            Self::AtMost => over.map(|it| !it),
            Self::Under => under,
            Self::AtLeast => under.map(|it| !it),
            Self::Equal => match (over, under) {
                (Some(true), _) | (_, Some(true)) => Some(false),
                (Some(false), Some(false)) => Some(true),
                _ => None,
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Word(Word),
    Text(Field, Pattern),
    Broker(Field, Option<u32>),
    Number(Field, Order, u64),
    Is(Field, &'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    turned: bool,
    test: Test,
}

/// Which rows are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

impl Filter {
    /// Reads what was typed; the error says what is accepted.
    pub fn parse(screen: Screen, text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for token in tokens(text)? {
            let (turned, token) = match token.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, token.as_str()),
            };
            if token.is_empty() {
                return Err("'!' wants a word or a condition behind it, as !audit".to_owned());
            }
            let (is_not, asked) = read_test(screen, token)?;
            terms.push(Term { turned: turned != is_not, test: asked });
        }
        Ok(Self { text: text.trim().to_owned(), terms })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether all rows are shown.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it goes by counters, so that all rows have to be counted.
    pub fn is_counted(&self) -> bool {
        self.terms.iter().any(|it| match &it.test {
            Test::Number(field, ..) => field.is_counted(),
            Test::Word(_) | Test::Text(..) | Test::Broker(..) | Test::Is(..) => false,
        })
    }

    /// Whether it goes by ages, which grow by themselves.
    pub fn is_timed(&self) -> bool {
        self.terms.iter().any(|it| matches!(&it.test, Test::Number(Field::For, ..)))
    }

    /// The values that a text must have, where the filter says so and turns nothing around.
    pub(super) fn exact(&self, field: Field) -> Vec<&str> {
        let exact = self.terms.iter().filter_map(|it| match &it.test {
            Test::Text(of, pattern) if *of == field && !it.turned => pattern.exact(),
            Test::Is(of, word) if *of == field && !it.turned => Some(*word),
            Test::Word(_) | Test::Text(..) | Test::Broker(..) | Test::Number(..) | Test::Is(..) => {
                None
            }
        });
        exact.collect()
    }

    /// The brokers that must be there, where the filter says so and turns nothing around.
    pub(super) fn brokers(&self, field: Field) -> Vec<u32> {
        let ids = self.terms.iter().filter_map(|it| match &it.test {
            Test::Broker(of, Some(id)) if *of == field && !it.turned => Some(*id),
            Test::Word(_) | Test::Text(..) | Test::Broker(..) | Test::Number(..) | Test::Is(..) => {
                None
            }
        });
        ids.collect()
    }

    pub(super) fn accepts(&self, row: &impl Facet) -> bool {
        self.terms.iter().all(|term| {
            let is_true = match &term.test {
                Test::Word(word) => Some(row.has(word)),
                Test::Text(field, pattern) => row.text(*field).map(|it| pattern.is(it)),
                Test::Broker(field, id) => row.broker(*field, *id),
                Test::Is(field, word) => row.is(*field, word),
                Test::Number(field, order, bound) => order.compare(row.bounds(*field), *bound),
            };
            is_true.is_some_and(|it| it != term.turned)
        })
    }
}

/// A value that a filter takes as one, whatever is in it.
pub fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.starts_with('!')
        && !value
            .contains(|it: char| it.is_whitespace() || matches!(it, '"' | '=' | '<' | '>' | '!'));
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

/// Parted by spaces, but not within double quotes; two of them within are one.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(it) = chars.next() {
        match it {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                token.push('"');
            }
            '"' => is_quoted = !is_quoted,
            it if it.is_whitespace() && !is_quoted => {
                if !token.is_empty() {
                    tokens.push(std::mem::take(&mut token));
                }
            }
            it => token.push(it),
        }
    }
    if is_quoted {
        return Err("a double quote is not closed".to_owned());
    }
    if !token.is_empty() {
        tokens.push(token);
    }
    Ok(tokens)
}

/// A test, and whether its sign turns it around.
fn read_test(screen: Screen, token: &str) -> Result<(bool, Test), String> {
    let is_sign = |it: char| matches!(it, '=' | '!' | '<' | '>');
    let Some(at) = token.find(is_sign) else {
        return Ok((false, Test::Word(Word::new(token))));
    };
    let (name, rest) = token.split_at(at);
    let signs = ["!=", ">=", "<=", "=", ">", "<"];
    let Some(sign) = signs.iter().find(|it| rest.starts_with(**it)) else {
        return Err(format!("'{token}' has no sign; accepted: = != > >= < <="));
    };
    let value = rest.get(sign.len()..).unwrap_or_default();
    let Some(spec) = fields(screen).iter().find(|it| it.names.contains(&name)) else {
        let names: Vec<&str> =
            fields(screen).iter().filter_map(|it| it.names.first()).copied().collect();
        return Err(format!(
            "'{name}' is nothing of {}; accepted: {}",
            screen.name(),
            names.join(" ")
        ));
    };
    let is_not = *sign == "!=";
    let order = match *sign {
        ">" => Order::Over,
        ">=" => Order::AtLeast,
        "<" => Order::Under,
        "<=" => Order::AtMost,
        _ => Order::Equal,
    };
    if value.is_empty() {
        return Err(format!("{name}{sign} wants {}", spec.kind.accepted()));
    }
    let wrong = || format!("'{value}' is no value of {name}; accepted: {}", spec.kind.accepted());
    if order != Order::Equal && !spec.kind.is_number() {
        return Err(format!("{name} is compared with = or != only"));
    }
    let test = match spec.kind {
        Kind::Text => Test::Text(spec.field, Pattern::new(value)),
        Kind::Broker => Test::Broker(spec.field, broker(value).map_err(|_| wrong())?),
        Kind::Words(words) => {
            let word = words.iter().find(|it| it.eq_ignore_ascii_case(value));
            Test::Is(spec.field, word.ok_or_else(wrong)?)
        }
        Kind::Count | Kind::Bytes | Kind::Span | Kind::Percent => {
            Test::Number(spec.field, order, number(spec.kind, value).ok_or_else(wrong)?)
        }
    };
    Ok((is_not, test))
}

#[cfg(test)]
#[path = "filter/filter_test.rs"]
mod filter_test;
