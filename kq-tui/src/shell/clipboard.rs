//! Text into the user's clipboard, by the terminal: it works over any number of hops (OSC 52).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Terminals drop more than this, some of them all of it.
const ENCODED_BYTES_MAX: usize = 74_994;

/// The bytes that put text into the clipboard; an error if it is too long for any terminal.
/// Inside GNU screen they are wrapped, so that it passes them on.
pub fn copy(text: &str, is_in_screen: bool) -> Result<Vec<u8>, String> {
    let encoded = STANDARD.encode(text);
    if encoded.len() > ENCODED_BYTES_MAX {
        return Err(format!("{} bytes are more than a terminal takes", text.len()));
    }
    let words = format!("\x1b]52;c;{encoded}\x07");
    let words = if is_in_screen { format!("\x1bP{words}\x1b\\") } else { words };
    Ok(words.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_its_size_bounded() {
        assert_eq!(copy("kq", false), Ok(b"\x1b]52;c;a3E=\x07".to_vec()));
        assert_eq!(copy("kq", true), Ok(b"\x1bP\x1b]52;c;a3E=\x07\x1b\\".to_vec()));
        assert!(copy(&"x".repeat(60_000), false).is_err());
    }
}
