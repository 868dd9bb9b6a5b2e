//! Names from firmware: bytes until somebody shows them, and never trusted as a path of this computer.

use std::{
    ffi::OsStr,
    fmt::Write,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Longest name of a path component that common file systems can hold.
const COMPONENT_LEN_MAX: usize = 255;

/// `name` as a relative path below which nothing escapes: no absolute path, no `..`, no NUL, no component that a file
/// system cannot hold. `None` if nothing is left.
#[must_use]
pub fn safe_relative_path(name: &[u8]) -> Option<PathBuf> {
    if name.first() == Some(&b'/') || name.contains(&0) {
        return None;
    }
    let mut path = PathBuf::new();
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return None,
            _ if component.len() > COMPONENT_LEN_MAX => return None,
            _ => path.push(Path::new(OsStr::from_bytes(component))),
        }
    }
    if path.as_os_str().is_empty() { None } else { Some(path) }
}

/// `name` as text: valid UTF-8 stays, every other byte becomes `\xNN`, so that different names stay different. What
/// would write on a terminal or turn the reading direction becomes `\u{NN}`.
#[must_use]
pub fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if hides(character) {
                text.extend(character.escape_unicode());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Control characters, line and paragraph separators, marks and overrides of the reading direction, invisible ones.
fn hides(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The components of a path inside a container, joined by single slashes; `None` if it climbs out or has a NUL.
pub(crate) fn normal(path: &[u8]) -> Option<Vec<u8>> {
    let mut normal = Vec::with_capacity(path.len());
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return None,
            _ if component.contains(&0) => return None,
            _ => {
                if !normal.is_empty() {
                    normal.push(b'/');
                }
                normal.extend_from_slice(component);
            }
        }
    }
    Some(normal)
}

/// What follows the last slash.
pub(crate) fn last_component(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// What stands before the first slash.
pub(crate) fn first_component(path: &[u8]) -> &[u8] {
    path.split(|&byte| byte == b'/').next().unwrap_or_default()
}

/// `path` below `folder`, or nothing if it is not below it.
pub(crate) fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix(b"/") }
}

/// Layers joined as everywhere in reports: `ota.zip!system.img`.
pub(crate) fn joined(container: &str, name: &str) -> String {
    match (container.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => container.to_owned(),
        _ => format!("{container}!{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_escape_their_folder_are_refused() {
        for name in [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a/..", b"a\0b", b"", b".", b"./", &[b'a'; 256]] {
            assert_eq!(safe_relative_path(name), None, "{}", shown(name));
        }
        assert_eq!(safe_relative_path(b"system//app/./X.apk"), Some(PathBuf::from("system/app/X.apk")));
        assert_eq!(safe_relative_path(b"..hidden/...").unwrap(), PathBuf::from("..hidden/..."));
        assert_eq!(safe_relative_path(b"\xff").unwrap().as_os_str().as_bytes(), b"\xff");
    }

    #[test]
    fn different_bytes_are_shown_differently() {
        assert_eq!(shown("größe".as_bytes()), "größe");
        assert_eq!(shown(b"a\xffb\xfe"), "a\\xffb\\xfe");
        assert_eq!(shown("a\u{1b}[31m\u{202e}\n".as_bytes()), "a\\u{1b}[31m\\u{202e}\\u{a}");
    }

    #[test]
    fn a_path_that_climbs_has_no_normal_form() {
        assert_eq!(normal(b"/system//./app"), Some(b"system/app".to_vec()));
        assert_eq!(normal(b"a/../b"), None);
    }
}
