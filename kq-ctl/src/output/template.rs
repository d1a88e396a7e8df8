//! `-o template='{topic} has {partition_count}'`: fields by name, `\n` and `\t`, `{{` and `}}`.

use std::str::FromStr;

use super::Row;
use super::text::harmless;
use crate::schema::Schema;

/// Text with holes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(String),
    Field(String),
}

impl Template {
    /// True if every item would look the same.
    pub(crate) fn is_constant(&self) -> bool {
        !self.0.iter().any(|part| matches!(part, Part::Field(_)))
    }

    /// Names of fields that the items do not have.
    pub(crate) fn unknown_fields(&self, schema: &Schema) -> Vec<&str> {
        let names = self.0.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        });
        names.filter(|name| schema.field(name).is_none()).collect()
    }

    pub(crate) fn fill(&self, schema: &Schema, row: &Row) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(name) => {
                    let cell = schema.field(name).and_then(|field| row.get(field.name));
                    text.push_str(&harmless(&cell.map(super::Cell::raw).unwrap_or_default()));
                }
            }
        }
        text
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('n') => literal.push('\n'),
                    Some('t') => literal.push('\t'),
                    Some(other) => literal.push(other),
                    None => literal.push('\\'),
                },
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    literal.push(c);
                }
                '{' => {
                    let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    if name.is_empty() {
                        return Err("'{' wants a field and '}'; write {topic}, or {{ for a brace"
                            .to_owned());
                    }
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(Part::Field(name));
                }
                '}' => return Err("'}' without '{'; write {topic}, or }} for a brace".to_owned()),
                c => literal.push(c),
            }
        }
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::row;
    use crate::schema::SCHEMA_LIST;

    fn filled(template: &str) -> String {
        let row = row! { kind: "Topic", doc: "a\tb" };
        template.parse::<Template>().unwrap().fill(&SCHEMA_LIST, &row)
    }

    #[test]
    fn fields_are_filled_in_and_made_harmless() {
        assert_eq!(filled(r"{kind}\t{DOC}\\{{x}}"), "Topic\ta\\tb\\{x}");
    }

    #[test]
    fn braces_must_come_in_pairs() {
        for text in ["{", "{}", "}", "a } b"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
        let template: Template = "{kind} {nope}".parse().unwrap();
        assert_eq!(template.unknown_fields(&SCHEMA_LIST), ["nope"]);
    }
}
