//! What stands above a class of the platform: as the framework of the image says, else as the knowledge does.

use std::collections::BTreeMap;

use knowledge::Knowledge;

/// Descriptors of the superclass and the interfaces of each class of a framework, the superclass first.
pub type Supertypes = BTreeMap<String, Vec<String>>;

/// The platform that an app runs on.
#[derive(Clone, Copy)]
pub(crate) struct Platform<'a> {
    knowledge: &'a Knowledge,
    framework: &'a Supertypes,
}

impl<'a> Platform<'a> {
    pub(crate) const fn new(knowledge: &'a Knowledge, framework: &'a Supertypes) -> Self {
        Self { knowledge, framework }
    }

    /// What is directly above a class. An image without a framework, or with a part of one, leaves the rest to what is known of
    /// the public platform; classes that a maker added are in the image alone.
    pub(crate) fn above(&self, descriptor: &str) -> &'a [String] {
        let known = self.framework.get(descriptor).or_else(|| self.knowledge.hierarchy.get(descriptor));
        known.map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_framework_of_the_image_counts_before_what_is_known_of_the_public_one() {
        let list = |classes: &[&str]| classes.iter().map(|&class| class.to_owned()).collect::<Vec<_>>();
        let text = "reference = \"a test\"\n[hierarchy]\n\
                    \"android.app.A\" = [\"android.app.Older\"]\n\"android.app.B\" = [\"android.app.A\"]";
        let known = Knowledge::from_files(&[("test.toml", text)]).expect("a hierarchy");
        let framework = Supertypes::from([
            ("Landroid/app/A;".into(), list(&["Landroid/app/Newer;"])),
            ("Lvendor/Screen;".into(), list(&["Landroid/app/B;"])),
        ]);
        let platform = Platform::new(&known, &framework);
        assert_eq!(platform.above("Landroid/app/A;"), ["Landroid/app/Newer;"]);
        assert_eq!(platform.above("Landroid/app/B;"), ["Landroid/app/A;"]);
        assert_eq!(platform.above("Lvendor/Screen;"), ["Landroid/app/B;"]);
        assert!(platform.above("Lvendor/Other;").is_empty());
    }
}
