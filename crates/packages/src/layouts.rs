//! Layouts: what the XML files of an APK's `res` folder make the platform call and create.
//!
//! Met in every app with a user interface, as binary XML. Written from
//! <https://developer.android.com/guide/topics/ui/declaring-layout>: `android:onClick` names a method of the activity that
//! shows the layout; an element with a dot in its name is a class of the app, made while the layout is unfolded, and so is
//! the class of a `view` or `fragment` element.

use std::collections::BTreeSet;

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

/// What the layouts of an app say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layouts {
    /// Methods that are called when the user taps something: of the activity that shows it.
    pub click_methods: BTreeSet<String>,
    /// Classes of the app's views, with dots.
    pub views: BTreeSet<String>,
    /// Classes of fragments, with dots.
    pub fragments: BTreeSet<String>,
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

fn class_of(element: &Element) -> Option<String> {
    let attribute = element.by_name("class").or_else(|| element.by_id(NAME))?;
    text(&attribute.value)
}

fn text(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text.to_string()) } else { None }
}
