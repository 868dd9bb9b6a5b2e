//! Layouts: what the XML files of an APK's `res` folder make the platform call and create.
//!
//! Met in every app with a user interface, as binary XML. Written from
//! <https://developer.android.com/guide/topics/ui/declaring-layout>: `android:onClick` names a method of the activity that
//! shows the layout; an element with a dot in its name is a class of the app, made while the layout is unfolded, and so is
//! the class of a `view` or `fragment` element. What may be typed into a view is said by `android:inputType`
//! (<https://developer.android.com/reference/android/text/InputType>: a class in the low four bits, a variation in the next
//! eight).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Budget;
use containers::zip::Archive;

use crate::{
    Value,
    axml::{Document, Element},
};

/// Where layouts lie.
const FOLDER: &[u8] = b"res/layout";
/// Longest layout that is read.
const LAYOUT_LEN_MAX: u64 = 4 << 20;
/// Most layouts of one app that are read.
const LAYOUTS_MAX: usize = 4096;

/// `android:onClick`.
const ON_CLICK: u32 = 0x0101_026f;
/// `android:name`, of a fragment.
const NAME: u32 = 0x0101_0003;

/// `android:id`.
const ID: u32 = 0x0101_00d0;
/// `android:inputType`.
const INPUT_TYPE: u32 = 0x0101_0220;
/// `android:password`, its older form.
const PASSWORD: u32 = 0x0101_015c;

/// What the layouts of an app say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layouts {
    /// Methods that are called when the user taps something: of the activity that shows it.
    pub click_methods: BTreeSet<String>,
    /// Classes of the app's views, with dots.
    pub views: BTreeSet<String>,
    /// Classes of fragments, with dots.
    pub fragments: BTreeSet<String>,
    /// What is typed into views, by their number: `password`, `email_address`, `phone_number`, `person_name`,
    /// `postal_address`. Several layouts may use a number: there a password counts.
    pub typed: BTreeMap<u32, &'static str>,
    /// Layouts that could not be read to the end.
    pub unread: usize,
}

/// Reads the layouts of an APK.
pub(crate) fn read_layouts(archive: &Archive, budget: &Budget) -> Layouts {
    let mut layouts = Layouts::default();
    let members =
        archive.members.iter().filter(|member| member.name.starts_with(FOLDER) && member.name.ends_with(b".xml"));
    for (number, member) in members.enumerate() {
        if number >= LAYOUTS_MAX || member.source.len() > LAYOUT_LEN_MAX {
            layouts.unread += 1;
            continue;
        }
        match member.source.to_vec(budget, "layout") {
            Ok(bytes) => layouts.add(&Document::read(&bytes, budget)),
            Err(_) => layouts.unread += 1,
        }
    }
    layouts
}

impl Layouts {
    fn add(&mut self, document: &Document) {
        self.unread += usize::from(!document.problems.is_empty());
        for element in &document.elements {
            if let Some(method) = element.by_id(ON_CLICK).and_then(|attribute| text(&attribute.value)) {
                self.click_methods.insert(method);
            }
            if let (Some(id), Some(word)) = (number(element, ID), typed(element)) {
                let known = self.typed.entry(id).or_insert(word);
                *known = if word == TYPED_PASSWORD { word } else { known };
            }
            match &*element.name {
                "fragment" => self.fragments.extend(class_of(element)),
                "view" => self.views.extend(class_of(element)),
                name if name.contains('.') => {
                    self.views.insert(name.to_owned());
                }
                _ => {}
            }
        }
    }
}

const TYPED_PASSWORD: &str = "password";

/// What is typed into a view, where it says so.
fn typed(element: &Element) -> Option<&'static str> {
    if element.by_id(PASSWORD).is_some_and(|attribute| attribute.value == Value::Boolean(true)) {
        return Some(TYPED_PASSWORD);
    }
    let input_type = number(element, INPUT_TYPE)?;
    match (input_type & 0xf, input_type & 0xff0) {
        // `textPassword`, `textVisiblePassword`, `textWebPassword`; `numberPassword`.
        (1, 0x80 | 0x90 | 0xe0) | (2, 0x10) => Some(TYPED_PASSWORD),
        (1, 0x20 | 0xd0) => Some("email_address"),
        (1, 0x60) => Some("person_name"),
        (1, 0x70) => Some("postal_address"),
        (3, _) => Some("phone_number"),
        _ => None,
    }
}

fn number(element: &Element, id: u32) -> Option<u32> {
    match element.by_id(id)?.value {
        Value::Integer(number) | Value::Reference(number) => Some(number),
        _ => None,
    }
}

fn class_of(element: &Element) -> Option<String> {
    let attribute = element.by_name("class").or_else(|| element.by_id(NAME))?;
    text(&attribute.value)
}

fn text(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text.to_string()) } else { None }
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    /// The layout of `fixtures/packages/src/fields`, whose numbers the resource compiler gave in the order of the names.
    #[test]
    fn views_say_what_is_typed_into_them_and_a_password_counts() {
        let bytes = include_bytes!("../../../fixtures/packages/fields.axml");
        let mut layouts = Layouts::default();
        layouts.add(&Document::read(bytes, &Budget::new(Limits::FILE)));
        let typed: Vec<(u32, &str)> = layouts.typed.into_iter().collect();
        let expected = [
            (0x7f01_0002, "password"),
            (0x7f01_0003, "password"),
            (0x7f01_0004, "password"),
            (0x7f01_0005, "password"),
            (0x7f01_0006, "password"),
            (0x7f01_0008, "password"),
            (0x7f01_0009, "person_name"),
            (0x7f01_000a, "postal_address"),
            (0x7f01_000b, "phone_number"),
        ];
        assert_eq!((typed.as_slice(), layouts.unread), (expected.as_slice(), 0));
    }
}
