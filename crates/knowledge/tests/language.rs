//! The sentences of models.

use knowledge::{
    Flow, InvokeRule, OriginKind, OriginRule, Part, Place, Root, SinkRule, SourceRule, TextPiece, TextRule,
    matches_pattern,
};

#[test]
fn sentences_are_written_as_they_are_read() {
    for text in [
        "arg1 => this.elem",
        "this[arg1] => ret",
        "arg2 -> this['#key']",
        "arg1 -> ret : encrypt(this)",
        "args -> ret : format",
    ] {
        assert_eq!(text.parse::<Flow>().unwrap().to_string(), text);
    }
    for text in ["this = {arg1}/{arg2}", "ret = {this}", "this = ", "ret = {{{arg1}}}", "ret = /data/{this['path']}.db"]
    {
        assert_eq!(text.parse::<TextRule>().unwrap().to_string(), text);
    }
    for text in ["this = file(arg1)", "ret = same(this)", "this = memory"] {
        assert_eq!(text.parse::<OriginRule>().unwrap().to_string(), text);
    }
    for text in ["ret = sms", "ret.elem = provider(arg1)", "arg1 = origin(this)", "ret = table(settings, arg2)"] {
        assert_eq!(text.parse::<SourceRule>().unwrap().to_string(), text);
    }
    for text in ["arg1 -> network", "arg1, arg3 -> sms_send at arg1", "this -> origin(arg1) at arg1"] {
        assert_eq!(text.parse::<SinkRule>().unwrap().to_string(), text);
    }
    for text in [
        "arg1.run()",
        "result2 = arg1.*(result1)",
        "result1 = this.doInBackground(arg1, _)",
        "arg1.f(result1) as (Landroid/os/Message;)",
        "ret.elem = this['callable'].call()",
    ] {
        assert_eq!(text.parse::<InvokeRule>().unwrap().to_string(), text);
    }
}

#[test]
fn the_parts_of_a_sentence_are_what_they_say() {
    let flow: Flow = "arg2 -> this[arg1] : encrypt(this['cipher'])".parse().unwrap();
    assert_eq!(flow.from, Place { root: Root::Argument(2), part: Part::Whole });
    assert_eq!(flow.to, Place { root: Root::This, part: Part::Key(Root::Argument(1)) });
    assert!(!flow.identity);
    assert_eq!(flow.operation.as_deref(), Some("encrypt"));
    assert_eq!(flow.operation_detail.unwrap().part, Part::FixedKey("cipher".to_owned()));
    let text: TextRule = "this = {{{arg1}/".parse().unwrap();
    let arg1 = Place { root: Root::Argument(1), part: Part::Whole };
    assert_eq!(text.pieces, [TextPiece::Fixed("{".into()), TextPiece::Of(arg1), TextPiece::Fixed("/".into())]);
    assert_eq!("this = local_socket(arg1)".parse::<OriginRule>().unwrap().origin, OriginKind::LocalSocket);
}

#[test]
fn sentences_that_say_nothing_are_refused() {
    for text in [
        "arg1",
        "arg0 -> ret",
        "arg1 -> ",
        "arg1 -> ret : encrypt(",
        "arg1 -> ret : two words",
        "arg256 -> ret",
        "that -> ret",
        "arg1[ -> ret",
    ] {
        assert!(text.parse::<Flow>().is_err(), "{text}");
    }
    for text in ["this", "this = {arg1", "this = arg1}", "this = {arg1.elem.elem}"] {
        assert!(text.parse::<TextRule>().is_err(), "{text}");
    }
    for text in ["ret = somewhere(arg1)", "ret = table(settings)", "ret = two words"] {
        assert!(text.parse::<SourceRule>().is_err(), "{text}");
    }
    assert!("this = cloud(arg1)".parse::<OriginRule>().is_err());
    assert!("arg1 network".parse::<SinkRule>().is_err());
    for text in ["run()", "arg1.run", "arg1.run(", "arg1.two words()"] {
        assert!(text.parse::<InvokeRule>().is_err(), "{text}");
    }
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, expected) in [
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("", "", true),
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "ac", true),
        ("a*c", "a", false),
        ("aba*aba", "aba", false),
        ("*b*", "abc", true),
        ("*ab*ab", "xab", false),
        ("/sys/class/net/*/address", "/sys/class/net/wlan0/address", true),
    ] {
        assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
    }
}
