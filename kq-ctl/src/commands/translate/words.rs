//! Splits a line into words as a POSIX shell does, without expanding anything.

use crate::exit::Failure;

/// The words of a line. A pipe, a redirection or a variable would mean something else than its letters.
pub(super) fn split(line: &str) -> Result<Vec<String>, Failure> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => quoted(&mut letters, word.get_or_insert_default())?,
            '"' => double_quoted(&mut letters, word.get_or_insert_default())?,
            '\\' => match letters.next() {
                Some('\n') => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err(unfinished("ends with a backslash")),
            },
            '|' | '&' | ';' | '<' | '>' => {
                return Err(Failure::usage(format!("'{letter}' is the shell's"))
                    .hint("give one command without pipes and redirections"));
            }
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Failure> {
    for letter in letters {
        if letter == '\'' {
            return Ok(());
        }
        word.push(letter);
    }
    Err(unfinished("has a quote without its end"))
}

fn double_quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Failure> {
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(()),
            '\\' => match letters.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some('\n') => {}
                Some(other) => word.extend(['\\', other]),
                None => break,
            },
            letter => word.push(letter),
        }
    }
    Err(unfinished("has a quote without its end"))
}

fn unfinished(why: &str) -> Failure {
    Failure::usage(format!("the line {why}"))
        .hint("give it in single quotes, or its words behind --")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let words = split("a 'b c'd \"e \\\" f\" g\\ h '' \\\n i").unwrap();
        assert_eq!(words, ["a", "b cd", "e \" f", "g h", "", "i"]);
        assert_eq!(split("  ").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_single_command_is_refused() {
        for line in ["a | b", "a > b", "a 'b", "a \"b", "a \\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
