//! Truths that list flows: the method and the call at both ends of each.
//!
//! Such a list names Java classes and statements in Jimple, as TaintBench does
//! (<https://taintbench.github.io/taintbenchFramework/>). A flow is found if a pair of instructions lies in the two named methods
//! and each calls a method of the named name; where the named call is one of a method of the app, the instruction may lie in
//! that method instead. Listed flows from line to line are one pair, however often listed. Statements of one method that call
//! the same are not told apart: of listed pairs that agree in all this, as many as pairs of instructions are found are found,
//! those that exist first. Nor are classes without a name of one class told apart: decompilers number them anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::score::Score;

/// One end of a flow: class and method around it, and the name of the method called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    class: String,
    method: String,
    calls: String,
    /// The class that the called method is named by.
    of: String,
}

impl End {
    /// Whether an instruction that was found is this end of a listed flow.
    fn is_at(&self, found: &Self) -> bool {
        let here = (&self.class, &self.method, &self.calls) == (&found.class, &found.method, &found.calls);
        here || (&self.of, &self.calls) == (&found.class, &found.method)
    }
}

/// A pair of the report: its ends, with the addresses of their instructions.
pub type Found = ((End, u64), (End, u64));

/// A flow of the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    source: End,
    sink: End,
    /// Lines of both in the decompiled source.
    lines: (i64, i64),
    /// Whether the truth says that there is no such flow.
    absent: bool,
}

/// The pairs that a finding lists.
#[must_use]
pub fn found(finding: &Value) -> Vec<Found> {
    let places = finding.get("places").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let end = |place: &Value| {
        let word = |key| place.get(key).and_then(Value::as_str).unwrap_or_default();
        let (class, rest) = word("method").split_once(";->").unwrap_or_default();
        let (of, calls) = word("calls").split_once(";->").unwrap_or_default();
        let method = rest.split('(').next().unwrap_or_default();
        let address = place.get("code_unit").and_then(Value::as_u64).unwrap_or(0);
        (
            End { class: class_name(class), method: method.to_owned(), calls: calls.to_owned(), of: class_name(of) },
            address,
        )
    };
    places.iter().filter_map(|place| Some((end(place.get("source")?), end(place.get("sink")?)))).collect()
}

/// A class of code as the Java of a decompiler names it, without its number if it has no name: `La/B$1` is `a.B.#`.
fn class_name(descriptor: &str) -> String {
    let dotted = descriptor.strip_prefix('L').unwrap_or(descriptor).replace(['/', '$'], ".");
    let parts = dotted.split('.').map(|part| {
        let number = part.strip_prefix("AnonymousClass").unwrap_or(part);
        if number.bytes().all(|byte| byte.is_ascii_digit()) { "#" } else { part }
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The flows of a row of the truth.
#[must_use]
pub fn listed(row: &Value) -> Vec<Listed> {
    let flows = row.get("flows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let end = |end: &Value| {
        let word = |key| end.get(key).and_then(Value::as_str).unwrap_or_default();
        let method = before_parenthesis(word("method"));
        let (_, called) = word("stmt").split_once('<').unwrap_or_default();
        // `java.lang.String getId()>()`: constructors are called `<init>`.
        let calls = before_parenthesis(called);
        let of = called.split(':').next().unwrap_or_default();
        End { class: class_name(word("cls")), method: method.to_owned(), calls: calls.to_owned(), of: class_name(of) }
    };
    let flow = |flow: &Value| {
        let absent = flow.get("negative").and_then(Value::as_bool) == Some(true);
        let (source, sink) = (flow.get("source")?, flow.get("sink")?);
        let line = |end: &Value| end.get("line").and_then(Value::as_i64).unwrap_or(0);
        Some(Listed { source: end(source), sink: end(sink), lines: (line(source), line(sink)), absent })
    };
    flows.iter().filter_map(flow).collect()
}

/// `getId` of `public String getId(int x)`.
fn before_parenthesis(text: &str) -> &str {
    text.split('(').next().and_then(|head| head.split_whitespace().last()).unwrap_or_default()
}

/// Listed flows that agree in both ends, and the pairs found for them.
#[derive(Debug, Default)]
struct Group {
    /// How often each pair of lines is listed, whether the flows exist.
    there: BTreeMap<(i64, i64), u64>,
    absent: BTreeMap<(i64, i64), u64>,
    found: usize,
}

impl Group {
    /// Listed flows that exist and are found, all that exist, and those found that do not exist.
    fn counts(&self) -> (u64, u64, u64) {
        let right = self.there.values().take(self.found).sum();
        let rest = self.found.saturating_sub(self.there.len());
        (right, self.there.values().sum(), self.absent.values().take(rest).sum())
    }

    /// Pairs found beyond those listed.
    fn more(&self) -> u64 {
        self.found.saturating_sub(self.there.len() + self.absent.len()) as u64
    }
}

fn groups<'a>(listed: &'a [Listed], found: &[Found]) -> (BTreeMap<(&'a End, &'a End), Group>, u64) {
    let mut groups: BTreeMap<(&End, &End), Group> = BTreeMap::new();
    for flow in listed {
        let group = groups.entry((&flow.source, &flow.sink)).or_default();
        let lines = if flow.absent { &mut group.absent } else { &mut group.there };
        *lines.entry(flow.lines).or_default() += 1;
    }
    let mut unlisted = 0;
    for ((source, _), (sink, _)) in found {
        let mut is_listed = false;
        for ((from, to), group) in &mut groups {
            if from.is_at(source) && to.is_at(sink) {
                group.found += 1;
                is_listed = true;
            }
        }
        unlisted += u64::from(!is_listed);
    }
    (groups, unlisted)
}

/// How the pairs found fare against the flows listed.
#[must_use]
pub fn score(listed: &[Listed], found: &[Found]) -> Score {
    let (groups, unlisted) = groups(listed, found);
    let mut score = Score { unlisted, ..Score::default() };
    for group in groups.values() {
        let (right, there, wrong) = group.counts();
        score.right += right;
        score.missed += there - right;
        score.wrong += wrong;
        score.unlisted += group.more();
    }
    score
}

/// A line for each flow that is missed or wrong.
#[must_use]
pub fn remarks(listed: &[Listed], found: &[Found]) -> Vec<String> {
    let (groups, _) = groups(listed, found);
    let mut lines = Vec::new();
    for ((source, sink), group) in groups {
        let way = format!("{} -> {}", tell(source), tell(sink));
        let (right, there, wrong) = group.counts();
        if there > right {
            let near: BTreeSet<&str> = found
                .iter()
                .filter(|((a, _), (b, _))| {
                    (&a.class, &a.method) == (&source.class, &source.method)
                        && (&b.class, &b.method) == (&sink.class, &sink.method)
                })
                .map(|((_, _), (b, _))| b.calls.as_str())
                .collect();
            let near = if near.is_empty() { String::new() } else { format!(" (these methods, by {near:?})") };
            lines.push(format!("missed {}: {way}{near}", there - right));
        }
        if wrong > 0 {
            lines.push(format!("wrong {wrong}: {way}"));
        }
    }
    lines
}

fn tell(end: &End) -> String {
    let class = end.class.rsplit('.').next().unwrap_or_default();
    format!("{class}.{} at {}", end.method, end.calls)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(negative: bool) -> Value {
        json!({"flows": [{
            "negative": negative,
            "source": {"stmt": "$r1 = virtualinvoke $r2.<a.b.C: java.lang.String id()>()", "method": "public void on(int x)", "cls": "x.Y.AnonymousClass1"},
            "sink": {"stmt": "specialinvoke $r3.<java.io.File: void <init>(java.lang.String)>($r1)", "method": "void off()", "cls": "x.Z"},
        }]})
    }

    fn finding(sink: &str) -> Value {
        json!({"places": [{
            "source": {"method": "Lx/Y$1;->on(I)V", "calls": "La/b/D;->id", "code_unit": 3},
            "sink": {"method": "Lx/Z;->off()V", "calls": sink, "code_unit": 9},
        }]})
    }

    /// Flows from these lines, told apart by nothing else.
    fn lines(of: &[(i64, bool)]) -> Vec<Listed> {
        let all = of.iter().flat_map(|&(line, negative)| {
            let mut row = row(negative);
            row["flows"][0]["source"]["line"] = json!(line);
            listed(&row)
        });
        all.collect()
    }

    #[test]
    fn one_pair_is_one_flow_unless_one_line_is_listed_twice() {
        let pair = found(&finding("Ljava/io/File;-><init>"));
        let scored = |of: &[(i64, bool)]| score(&lines(of), &pair);
        assert_eq!(scored(&[(1, false), (1, false)]), Score { right: 2, ..Score::default() });
        assert_eq!(scored(&[(1, false), (2, false)]), Score { right: 1, missed: 1, ..Score::default() });
        assert_eq!(scored(&[(1, true), (2, false)]), Score { right: 1, ..Score::default() }, "those that exist first");
    }

    #[test]
    fn flows_are_found_by_method_and_call_at_both_ends() {
        let pairs = found(&finding("Ljava/io/File;-><init>"));
        let of = |negative, pairs: &[Found]| score(&listed(&row(negative)), pairs);
        assert_eq!(of(false, &pairs), Score { right: 1, ..Score::default() });
        assert_eq!(of(true, &pairs), Score { wrong: 1, ..Score::default() });
        assert_eq!(of(false, &[]), Score { missed: 1, ..Score::default() });
        let inside = json!({"places": [{
            "source": {"method": "La/b/C;->id()V", "calls": "La/b/D;->read", "code_unit": 3},
            "sink": {"method": "Lx/Z;->off()V", "calls": "Ljava/io/File;-><init>", "code_unit": 9},
        }]});
        assert_eq!(of(false, &found(&inside)).right, 1, "in the method that the named call calls");
        let other = found(&finding("Ljava/io/File;->delete"));
        assert_eq!(of(false, &other), Score { missed: 1, unlisted: 1, ..Score::default() });
    }
}
