//! Apps whose own code is not what the platform sees of them.

use code::Program;
use knowledge::{Knowledge, Packer};
use packages::Package;

/// Why the code that was read is not the app's own; nothing if it is.
///
/// The platform makes components by the class names of the manifest. If most of these are in no code file while a file looks
/// like cipher text, code that could not be read must bring them.
pub(crate) fn why(package: &Package, program: &Program, knowledge: &Knowledge) -> Option<String> {
    if let Some(packer) = knowledge.packers.iter().find(|packer| carries(package, packer)) {
        return Some(format!(
            "it carries the loader of a packer ({}): its own code is sealed, or may be{}",
            packer.name,
            sealed_files(package)
        ));
    }
    let names = package.components.iter().filter(|part| part.enabled).map(|part| part.class.as_str());
    let names: Vec<&str> = names.chain(package.application_class.as_deref()).collect();
    let absent = names.iter().filter(|name| !is_defined(program, name)).count();
    let is_sealed = !program.classes().is_empty() && absent.saturating_mul(2) > names.len();
    (is_sealed && !package.sealed.is_empty()).then(|| {
        let of = names.len();
        let files = sealed_files(package);
        format!("{absent} of the {of} classes that its manifest names are in none of its code files{files}")
    })
}

fn carries(package: &Package, packer: &Packer) -> bool {
    package.application_class.as_deref().is_some_and(|class| packer.has_class(class))
        || packer.has_files(&package.file_names)
}

fn sealed_files(package: &Package) -> String {
    if package.sealed.is_empty() {
        String::new()
    } else {
        format!("; looks like cipher text: {}", package.sealed.join(", "))
    }
}

fn is_defined(program: &Program, class: &str) -> bool {
    let descriptor = format!("L{};", class.replace('.', "/"));
    program.find_type(&descriptor).is_some_and(|ty| program.class_of(ty).is_some())
}

#[cfg(test)]
mod tests {
    use bytes::{Budget, Limits};

    use super::*;

    fn reason(files: &[&str], class: Option<&str>) -> Option<String> {
        let file_names = files.iter().map(|&name| name.to_owned()).collect();
        let package = Package { file_names, application_class: class.map(str::to_owned), ..Package::default() };
        why(&package, &Program::build(&[], &Budget::new(Limits::FILE)), Knowledge::embedded().as_ref().ok()?)
    }

    #[test]
    fn packers_are_told_by_enough_of_their_files_or_by_their_class() {
        let names = |reason: Option<String>, name: &str| reason.is_some_and(|reason| reason.contains(name));
        assert!(names(reason(&["libjiagu.so"], None), "Jiagu"));
        assert!(names(reason(&["libshella-2.10.2.0.so"], None), "Tencent"));
        assert!(names(reason(&["libSecShell.so", "secData0.jar"], None), "SecShell"));
        assert!(names(reason(&[], Some("com.manxi.shell.MXApplication")), "Manxi"));
        // One file of a set, and names that only look alike, are in other apps too.
        assert_eq!(reason(&["libSecShell.so", "libshell.so", "meme", "libjiagu2.so"], Some("com.example.App")), None);
    }
}
