//! `-o yaml`: the JSON document in block style. Strings are quoted as in JSON unless they are plain
//! words that no reader of YAML takes for something else.

use serde::Serialize;
use serde_json::value::RawValue;

/// A tree that keeps the order of its keys.
pub(crate) enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Through JSON text, whose keys keep the order they were written in.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        serde_json::to_string(value)
            .ok()
            .and_then(|json| serde_json::from_str::<Box<RawValue>>(&json).ok())
            .map_or(Self::Scalar("null".to_owned()), |raw| Self::parse(raw.get()))
    }

    fn parse(json: &str) -> Self {
        if json.starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(json)
        {
            return Self::List(items.iter().map(|item| Self::parse(item.get())).collect());
        }
        if json.starts_with('{')
            && let Ok(Ordered(pairs)) = serde_json::from_str::<Ordered>(json)
        {
            return Self::Map(
                pairs.into_iter().map(|(key, raw)| (key, Self::parse(raw.get()))).collect(),
            );
        }
        match serde_json::from_str::<String>(json) {
            Ok(text) => Self::Scalar(scalar(&text, json)),
            Err(_) => Self::Scalar(json.to_owned()),
        }
    }

    /// Block style, ending in a newline.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        super::text::harmless_json(text)
    }

    fn write(&self, indent: usize, out: &mut String) {
        let pad = "  ".repeat(indent);
        match self {
            Self::Scalar(scalar) => {
                out.push_str(scalar);
                out.push('\n');
            }
            Self::List(items) if items.is_empty() => out.push_str("[]\n"),
            Self::Map(pairs) if pairs.is_empty() => out.push_str("{}\n"),
            Self::List(items) => {
                for item in items {
                    let mut block = String::new();
                    item.write(indent + 1, &mut block);
                    out.push_str(&pad);
                    out.push_str("- ");
                    out.push_str(block.trim_start_matches(' '));
                }
            }
            Self::Map(pairs) => {
                for (key, node) in pairs {
                    out.push_str(&pad);
                    out.push_str(&scalar(key, &serde_json::Value::from(key.as_str()).to_string()));
                    out.push(':');
                    out.push(if node.is_block() { '\n' } else { ' ' });
                    node.write(indent + 1, out);
                }
            }
        }
    }

    fn is_block(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::List(items) => !items.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
        }
    }
}

struct Ordered(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Ordered, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Bare if it is a word that cannot be read as anything but text, quoted otherwise.
fn scalar(text: &str, quoted: &str) -> String {
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
        .contains(&text.to_lowercase().as_str());
    if word && begins && !reserved { text.to_owned() } else { quoted.to_owned() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_yaml_would_misread_are_quoted() {
        let value = json!({
            "a": ["on", "1.5", "plain", "two words", "", "a: b", "- x", "null", "\u{1b}"],
            "b": {"nested": [[1, 2], []], "empty": {}},
            "no": true,
        });
        expect![[r#"
            a:
              - "on"
              - "1.5"
              - plain
              - "two words"
              - ""
              - "a: b"
              - "- x"
              - "null"
              - "\u001b"
            b:
              empty: {}
              nested:
                - - 1
                  - 2
                - []
            "no": true
        "#]]
        .assert_eq(&Node::of(&value).render());
    }
}
