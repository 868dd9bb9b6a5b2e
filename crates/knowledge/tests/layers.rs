//! Files over files: what replaces what, and what a wrong file is told.

use knowledge::{Fault, Knowledge, Problem};

const KINDS: &str = r#"
reference = "test"
[[axis]]
id = "takes"
grades = ["nothing", "something"]
[[data_kind]]
id = "secret"
label = "a secret"
rank = 1
[[sink_kind]]
id = "network"
label = "the network"
"#;

fn load(text: &str) -> Result<Knowledge, Problem> {
    Knowledge::from_files(&[("kinds.toml", KINDS), ("other.toml", text)])
}

fn fault(text: &str) -> Option<Problem> {
    load(text).err()
}

#[test]
fn a_file_of_the_user_replaces_an_entry_and_changes_the_digest() {
    let plain = Knowledge::embedded().unwrap();
    let extra = "[[model]]\nclass = \"java.util.List\"\nmethod = \"size\"\nflow = \"this -> ret\"\n";
    let changed = Knowledge::with_files(&[("mine.toml".to_owned(), extra.to_owned())]).unwrap();
    let flows = |knowledge: &Knowledge| knowledge.model("Ljava/util/List;", "size", "()").unwrap().flows.len();
    assert_eq!((flows(&plain), flows(&changed)), (0, 1));
    assert_eq!(plain.models.len(), changed.models.len());
    assert_ne!(plain.digest(), changed.digest());
    assert_eq!(plain.digest(), Knowledge::embedded().unwrap().digest());
    assert_eq!(plain.digest().len(), 64);
}

#[test]
fn the_order_in_which_files_are_given_does_not_matter() {
    let (a, b) =
        (("a.toml".to_owned(), "[hierarchy]\n\"x.A\" = [\"x.B\"]\n".to_owned()), ("b.toml".to_owned(), String::new()));
    let one = Knowledge::with_files(&[a.clone(), b.clone()]).unwrap();
    let two = Knowledge::with_files(&[b, a]).unwrap();
    assert_eq!(one.digest(), two.digest());
    assert_eq!(one.hierarchy["Lx/A;"], ["Lx/B;"]);
}

#[test]
fn a_model_for_one_signature_goes_before_the_model_for_all() {
    let text = "
[[model]]
class = [\"x.A\", \"x.B\"]
method = [\"f\", \"g\"]
flow = \"arg1 -> ret\"
[[model]]
class = \"x.A\"
method = \"f\"
signature = \"(I)\"
";
    let knowledge = load(text).unwrap();
    assert_eq!(knowledge.models.len(), 5);
    assert_eq!(knowledge.model("Lx/A;", "f", "(I)").unwrap().flows.len(), 0);
    assert_eq!(knowledge.model("Lx/A;", "f", "(J)").unwrap().flows.len(), 1);
    assert_eq!(knowledge.model("Lx/B;", "g", "(I)").unwrap().flows.len(), 1);
    assert!(knowledge.model("Lx/C;", "f", "(I)").is_none());
}

#[test]
fn a_message_names_the_file_the_entry_and_the_fault() {
    let problem = fault("[[model]]\nclass = \"x.A\"\nmethod = \"f\"\nflow = \"arg0 -> ret\"\n").unwrap();
    assert_eq!((problem.file.as_str(), problem.entry.as_str()), ("other.toml", "model 1 (x.A f)"));
    assert!(matches!(problem.fault, Fault::Sentence { .. }));
    assert!(problem.to_string().contains("arg0 -> ret"), "{problem}");
}

#[test]
fn wrong_entries_are_refused() {
    let model = |rest: &str| format!("[[model]]\nclass = \"x.A\"\nmethod = \"f\"\n{rest}\n");
    let undefined = |text: &str| matches!(fault(text).map(|it| it.fault), Some(Fault::Undefined { .. }));
    assert!(undefined(&model("source = \"ret = unheard\"")));
    assert!(undefined(&model("source = \"ret = table(unheard, arg1)\"")));
    assert!(undefined(&model("sink = \"arg1 -> unheard\"")));
    let kind = "reference = \"test\"\n[[data_kind]]\nid = \"letters\"\nlabel = \"letters\"\nrank = 1\npermissions = [\"x.READ\"]\n";
    assert!(undefined(kind));
    assert!(load(&format!("{kind}[permissions]\n\"x.READ\" = {{ 1 = \"dangerous\" }}\n")).is_ok());
    assert!(matches!(fault(&model("signature = \"I\"")).map(|it| it.fault), Some(Fault::Descriptor(_))));
    assert!(matches!(
        fault(&model("signature = \"(I)\"\nflow = \"arg2 -> ret\"")).map(|it| it.fault),
        Some(Fault::Value { .. })
    ));
    assert!(matches!(fault(&model("floww = \"arg1 -> ret\"")).map(|it| it.fault), Some(Fault::Syntax(_))));
    assert!(matches!(fault(&(model("") + &model(""))).map(|it| it.fault), Some(Fault::Duplicate { .. })));
    assert!(matches!(fault("[hierarchy]\n\"x/A\" = []\n").map(|it| it.fault), Some(Fault::Descriptor(_))));
    let rule = "[[rule]]\nid = \"r\"\naxis = \"takes\"\nsources = [\"secret\"]\nsinks = [\"network\"]\ntitle = \"t\"\n";
    let rule = format!("reference = \"test\"\n{rule}");
    assert!(load(&format!("{rule}rank = 1\n")).is_ok());
    assert!(matches!(fault(&format!("{rule}rank = 2\n")).map(|it| it.fault), Some(Fault::Value { field: "rank", .. })));
}

#[test]
fn an_addition_keeps_what_is_known_of_a_method_and_needs_something_to_add_to() {
    let known = "[[model]]\nclass = \"x.A\"\nmethod = \"f\"\nflow = \"arg1 -> ret\"\n";
    let more = |class: &str| {
        let head = format!("[[model]]\nadds = true\nclass = \"{class}\"\nmethod = \"f\"\n");
        head + "source = \"ret = secret\"\nsink = \"arg1 -> network\"\npermissions = [\"x.READ\"]\n"
    };
    let levels = "reference = \"test\"\n[permissions]\n\"x.READ\" = { 1 = \"dangerous\" }\n";
    let knowledge = load(&(levels.to_owned() + known + &more("x.A"))).unwrap();
    let undefined = fault(&(known.to_owned() + &more("x.A"))).map(|it| it.fault);
    assert!(matches!(undefined, Some(Fault::Undefined { what: "permission", .. })));
    let model = knowledge.model("Lx/A;", "f", "()").unwrap();
    assert_eq!((model.flows.len(), model.sources.len(), model.sinks.len()), (1, 1, 1));
    assert_eq!(model.permissions, ["x.READ"]);
    let nothing = fault(&(levels.to_owned() + known + &more("x.B"))).map(|it| it.fault);
    assert!(matches!(nothing, Some(Fault::Value { field: "adds", .. })), "it would hide a superclass");
}

#[test]
fn a_supplier_without_references_is_refused() {
    let text = |reference: &str, pattern: &str| {
        format!(
            "[[supplier]]\nid = \"s\"\nname = \"S\"\nsummary = \"s\"\nreferences = [\"d\"]\n[[supplier.evidence]]\n\
             kind = \"certificate\"\npattern = \"{pattern}\"\nweight_percent = 9\nreference = \"{reference}\"\n"
        )
    };
    let digest = "ab".repeat(32);
    assert!(load(&text("document", &digest)).is_ok());
    assert!(matches!(fault(&text("", &digest)).map(|it| it.fault), Some(Fault::Value { field: "reference", .. })));
    assert!(matches!(
        fault(&text("document", &digest.to_uppercase())).map(|it| it.fault),
        Some(Fault::Value { field: "pattern", .. })
    ));
    assert!(matches!(fault(&text("document", "abc")).map(|it| it.fault), Some(Fault::Value { field: "pattern", .. })));
}
