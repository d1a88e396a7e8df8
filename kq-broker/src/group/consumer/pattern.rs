//! Subscriptions by pattern: which topics a pattern matches, looked up when it comes and when topics do.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::draft::Draft;
use crate::group::GroupError;
use crate::group::record::{Change, ResolvedPattern};
use crate::metadata::MetadataImage;

/// Bytes that a pattern may take when it is made ready: the crate matches in time linear in the text,
/// whatever the pattern.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern of topic names, as in RE2. It has to match the whole name.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

impl Pattern {
    pub(super) fn new(text: &str, bytes_max: usize) -> Result<Self, GroupError> {
        if bytes_max < text.len() {
            let why = format!("{} bytes; at most {bytes_max} are accepted", text.len());
            return Err(GroupError::InvalidPattern { why });
        }
        // By itself it has to be one: what follows must not repair it.
        let built = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build().and_then(|_| {
            RegexBuilder::new(&format!("^(?:{text})$")).size_limit(COMPILED_BYTES_MAX).build()
        });
        built
            .map(Self)
            .map_err(|err| GroupError::InvalidPattern { why: one_line(&err.to_string()) })
    }

    /// The topics of an image that it matches. Those that belong to the cluster itself have to be named.
    fn resolve(&self, image: &MetadataImage) -> BTreeSet<Arc<str>> {
        let topics = image.topics().filter(|it| !it.is_internal());
        topics.filter(|it| self.0.is_match(&it.name)).map(|it| Arc::clone(&it.name)).collect()
    }
}

/// The crate draws an arrow below the place; its last line says what is wrong there.
fn one_line(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

impl Draft<'_> {
    /// Looks up a pattern that a member brings along.
    pub(super) fn add_pattern(&mut self, text: &Arc<str>) -> Result<(), GroupError> {
        if self.ledger.patterns.contains_key(text) {
            return Ok(());
        }
        let pattern = Pattern::new(text, self.env.config.pattern_bytes_max)?;
        self.write_pattern(text, pattern.resolve(self.env.image));
        Ok(())
    }

    /// Looks all patterns up in topics that differ; what still matches the same is not written.
    pub(super) fn match_patterns_anew(&mut self) {
        for (text, known) in self.ledger.patterns.clone() {
            // It was accepted once; a shorter limit does not take it back.
            let Ok(pattern) = Pattern::new(&text, usize::MAX) else { continue };
            let topics = pattern.resolve(self.env.image);
            if topics != known.topics {
                self.write_pattern(&text, topics);
            }
        }
    }

    fn write_pattern(&mut self, text: &Arc<str>, topics: BTreeSet<Arc<str>>) {
        let version = i64::try_from(self.env.image.applied()).unwrap_or(i64::MAX);
        let resolved_at_ms = self.env.now.wall_ms;
        let resolved = Arc::new(ResolvedPattern { topics, version, resolved_at_ms });
        self.write(Change::Pattern(Arc::clone(text), Some(resolved)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        let matches = |pattern: &str, name| Pattern::new(pattern, 99).unwrap().0.is_match(name);
        assert!(matches("a|bc", "bc") && matches("a.*", "ab") && matches("", ""));
        assert!(!matches("a|bc", "abc") && !matches("a", "ab") && !matches("b", "ab"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let why = |text: &str| Pattern::new(text, 20).unwrap_err().to_string();
        assert!(why("a)|(b").contains("unopened group"), "{}", why("a)|(b"));
        assert!(why("(a").contains("unclosed group"), "{}", why("(a"));
        assert!(why("(?=a)b").contains("look-around"), "{}", why("(?=a)b"));
        assert!(why("(a{999}){999}").contains("size limit"), "{}", why("(a{999}){999}"));
        assert!(why("aaaaaaaaaaaaaaaaaaaaa").contains("at most 20"));
    }
}
