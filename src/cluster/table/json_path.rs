//! The JSONPath of printer columns: the simple kind, which leads to one value.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// A path from an object to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    /// From the end where negative.
    Index(i64),
    /// Every field or item.
    All,
    /// The items of which this holds.
    Filter {
        path: JsonPath,
        test: Option<(Comparison, Literal)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Literal {
    Text(String),
    Number(String),
    Truth(bool),
}

impl Literal {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(other)) => text == other,
            (Self::Number(number), Value::Number(other)) => {
                // As they are written, or as what they stand for.
                *number == other.to_string() || number.parse::<f64>().ok().is_some_and(|n| Some(n) == other.as_f64())
            }
            (Self::Truth(truth), Value::Bool(other)) => truth == other,
            _ => false,
        }
    }
}

type Text<'a> = Peekable<Chars<'a>>;

impl JsonPath {
    /// Reads a path such as `.status.conditions[?(@.type=="Ready")].status`.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(in crate::cluster) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.chars().peekable();
        if !matches!(rest.peek(), Some('.' | '[')) {
            return Err("must be a simple json path starting with .".to_owned());
        }
        let path = steps(&mut rest)?;
        match rest.next() {
            None => Ok(path),
            Some(other) => Err(format!("unexpected {other:?}")),
        }
    }

    /// The first value that it leads to.
    pub(in crate::cluster) fn first<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        find(&self.0, object)
    }
}

fn find<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match step {
        Step::Field(name) => find(rest, value.get(name)?),
        Step::Index(index) => {
            let items = value.as_array()?;
            let from_end = || items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
            let at = usize::try_from(*index).ok().or_else(from_end)?;
            find(rest, items.get(at)?)
        }
        Step::All => match value {
            Value::Array(items) => items.iter().find_map(|item| find(rest, item)),
            Value::Object(fields) => fields.values().find_map(|field| find(rest, field)),
            _ => None,
        },
        Step::Filter { path, test } => {
            value.as_array()?.iter().filter(|item| holds(path, test.as_ref(), item)).find_map(|item| find(rest, item))
        }
    }
}

fn holds(path: &JsonPath, test: Option<&(Comparison, Literal)>, item: &Value) -> bool {
    match (path.first(item), test) {
        (found, None) => found.is_some(),
        (None, Some(_)) => false,
        (Some(found), Some((Comparison::Equal, literal))) => literal.equals(found),
        (Some(found), Some((Comparison::Unequal, literal))) => !literal.equals(found),
    }
}

/// As many steps as there are.
fn steps(rest: &mut Text<'_>) -> Result<JsonPath, String> {
    let mut steps = Vec::new();
    loop {
        match rest.peek() {
            Some('.') => {
                rest.next();
                match rest.peek() {
                    Some('.') => return Err("`..` is not supported".to_owned()),
                    Some('*') => {
                        rest.next();
                        steps.push(Step::All);
                    }
                    Some('[') => {}
                    _ => steps.push(Step::Field(name(rest)?)),
                }
            }
            Some('[') => {
                rest.next();
                steps.push(bracket(rest)?);
                expect(rest, ']')?;
            }
            _ => return Ok(JsonPath(steps)),
        }
    }
}

fn name(rest: &mut Text<'_>) -> Result<String, String> {
    let mut name = String::new();
    while let Some(&next) = rest.peek() {
        match next {
            // A dot within a name, as in an annotation's.
            '\\' => {
                rest.next();
                name.extend(rest.next());
                continue;
            }
            '.' | '[' | ']' | ')' | '=' | '!' | '<' | '>' | '(' => break,
            _ if next.is_whitespace() => break,
            _ => name.push(next),
        }
        rest.next();
    }
    if name.is_empty() { Err("a name is missing after `.`".to_owned()) } else { Ok(name) }
}

fn bracket(rest: &mut Text<'_>) -> Result<Step, String> {
    match rest.peek() {
        Some('*') => {
            rest.next();
            Ok(Step::All)
        }
        Some('?') => {
            rest.next();
            expect(rest, '(')?;
            let filter = filter(rest)?;
            expect(rest, ')')?;
            Ok(filter)
        }
        Some('\'' | '"') => Ok(Step::Field(quoted(rest)?)),
        _ => {
            let number = while_in(rest, |c| c.is_ascii_digit() || c == '-');
            number
                .parse()
                .map(Step::Index)
                .map_err(|_| "an index, a name, `*` or a filter must be in brackets".to_owned())
        }
    }
}

fn filter(rest: &mut Text<'_>) -> Result<Step, String> {
    expect(rest, '@')?;
    let path = steps(rest)?;
    blank(rest);
    let operator = while_in(rest, |c| matches!(c, '=' | '!' | '<' | '>'));
    let comparison = match operator.as_str() {
        "" => return Ok(Step::Filter { path, test: None }),
        "==" => Comparison::Equal,
        "!=" => Comparison::Unequal,
        other => return Err(format!("the comparison `{other}` is not supported")),
    };
    blank(rest);
    let literal = match rest.peek() {
        Some('\'' | '"') => Literal::Text(quoted(rest)?),
        _ => match while_in(rest, |c| c != ')' && !c.is_whitespace()).as_str() {
            "true" => Literal::Truth(true),
            "false" => Literal::Truth(false),
            number if number.parse::<f64>().is_ok() => Literal::Number(number.to_owned()),
            other => return Err(format!("`{other}` is no value to compare with")),
        },
    };
    blank(rest);
    Ok(Step::Filter { path, test: Some((comparison, literal)) })
}

fn quoted(rest: &mut Text<'_>) -> Result<String, String> {
    let quote = rest.next();
    let mut text = String::new();
    loop {
        match rest.next() {
            None => return Err("a quote is not closed".to_owned()),
            closing if closing == quote => return Ok(text),
            Some('\\') => text.extend(rest.next()),
            Some(other) => text.push(other),
        }
    }
}

fn while_in(rest: &mut Text<'_>, fits: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    while let Some(next) = rest.next_if(|next| fits(*next)) {
        text.push(next);
    }
    text
}

fn blank(rest: &mut Text<'_>) {
    while rest.next_if(|next| next.is_whitespace()).is_some() {}
}

fn expect(rest: &mut Text<'_>, wanted: char) -> Result<(), String> {
    match rest.next() {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(format!("{found:?} where {wanted:?} is expected")),
        None => Err(format!("{wanted:?} is missing at the end")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_the_first_value() {
        let object = json!({
            "spec": {"templateID": "small", "list": [1, 2, 3]},
            "metadata": {"annotations": {"a.b/c": "x"}},
            "status": {"ready": true, "conditions": [
                {"type": "Progressing", "status": "True"},
                {"type": "Ready", "status": "False", "count": 2},
            ]},
        });
        for (path, expected) in [
            (".spec.templateID", Some(json!("small"))),
            (".spec.nothing", None),
            (".spec.nothing.deeper", None),
            (".spec.list[1]", Some(json!(2))),
            (".spec.list[-1]", Some(json!(3))),
            (".spec.list[9]", None),
            (".spec.list[-9]", None),
            (".spec.list[*]", Some(json!(1))),
            ("['spec'].templateID", Some(json!("small"))),
            (r".metadata.annotations.a\.b/c", Some(json!("x"))),
            (r#".metadata.annotations["a.b/c"]"#, Some(json!("x"))),
            (r#".status.conditions[?(@.type=="Ready")].status"#, Some(json!("False"))),
            (r".status.conditions[?(@.type == 'Ready')].status", Some(json!("False"))),
            (r".status.conditions[?(@.type!='Ready')].status", Some(json!("True"))),
            (r".status.conditions[?(@.count==2)].type", Some(json!("Ready"))),
            (r".status.conditions[?(@.count)].type", Some(json!("Ready"))),
            (r".status.conditions[?(@.type=='Other')].status", None),
        ] {
            let parsed = JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(parsed.first(&object), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in
            ["", "spec", ".", "..x", ".a[", ".a[x]", ".a[?(@.b<1)]", ".a[?(@.b==)]", ".a['b", ".a]", ".a b", "{.a}"]
        {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
    }
}
