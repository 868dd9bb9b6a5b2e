//! Text from firmware as it may be shown: nothing in it acts on a terminal, hides, or turns the reading direction.
//!
//! Written from: Unicode Standard Annex 9 (directional formatting characters), Unicode Technical Report 36 (security
//! considerations), ECMA-48 (control functions).

use std::borrow::Cow;

/// `text` with every character that acts or hides written as `\u{...}`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if hides(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Controls, line separators, marks and overrides of the reading direction, characters without a shape, and those whose
/// shape is private to a font. A plain space is no such character; every other blank is shown as it is.
#[must_use]
pub fn hides(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_or_hides_is_written_out() {
        assert_eq!(shown("a\u{1b}[31mred"), "a\\u{1b}[31mred");
        assert_eq!(shown("\u{9b}2J\u{7f}\0\r\n\t"), "\\u{9b}2J\\u{7f}\\u{0}\\u{d}\\u{a}\\u{9}");
        assert_eq!(shown("apk.\u{202e}gpj"), "apk.\\u{202e}gpj");
        assert_eq!(shown("a\u{200b}b\u{2066}c\u{feff}\u{e0041}"), "a\\u{200b}b\\u{2066}c\\u{feff}\\u{e0041}");
    }

    #[test]
    fn readable_text_of_any_script_stays_as_it_is() {
        for text in ["", "größe", "系统升级", "обновление", "تحديث", "a\\b \"c\" 'd'"] {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text));
        }
    }
}
