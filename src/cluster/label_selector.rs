//! Label selectors.

use super::{
    event::Labels,
    names::{check_label_value, check_qualified},
    status::Refusal,
};

/// A parsed label selector; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    DoesNotExist,
    In(Vec<String>),
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1,m<2`.
    ///
    /// # Errors
    /// 400 for what is no selector.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        terms(text).map(Requirement::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an object with these labels is selected.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|other| other == value));
            match &requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
                Operator::In(values) => among(values),
                Operator::NotIn(values) => !among(values),
                Operator::GreaterThan(bound) => number(value).is_some_and(|number| number > *bound),
                Operator::LessThan(bound) => number(value).is_some_and(|number| number < *bound),
            }
        })
    }

    /// Whether everything is selected.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The requirements of a selector: split at the commas that are not inside of parentheses.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

impl Requirement {
    fn parse(term: &str) -> Result<Self, Refusal> {
        let term = term.trim();
        let (key, operator) = if let Some(key) = term.strip_prefix('!') {
            (key, Operator::DoesNotExist)
        } else if let Some((key, value)) = term.split_once("!=") {
            (key, Operator::NotIn(vec![value.trim().to_owned()]))
        } else if let Some((key, value)) = term.split_once('=') {
            (key, Operator::In(vec![value.strip_prefix('=').unwrap_or(value).trim().to_owned()]))
        } else if let Some((key, bound)) = term.split_once('>') {
            (key, Operator::GreaterThan(number(Some(bound.trim())).ok_or_else(|| malformed(term))?))
        } else if let Some((key, bound)) = term.split_once('<') {
            (key, Operator::LessThan(number(Some(bound.trim())).ok_or_else(|| malformed(term))?))
        } else if let Some((key, rest)) = term.split_once(char::is_whitespace) {
            (key, Self::set(rest.trim()).ok_or_else(|| malformed(term))?)
        } else {
            (term, Operator::Exists)
        };
        let key = key.trim();
        let value_fits = |value: &String| check_label_value("", value).is_none();
        let fits = match &operator {
            Operator::In(values) | Operator::NotIn(values) => values.iter().all(value_fits),
            Operator::Exists | Operator::DoesNotExist | Operator::GreaterThan(_) | Operator::LessThan(_) => true,
        };
        if !fits || check_qualified("", key).is_some() {
            return Err(malformed(term));
        }
        Ok(Self { key: key.to_owned(), operator })
    }

    /// Reads `in (a,b)` or `notin (a,b)`.
    fn set(text: &str) -> Option<Operator> {
        let values = |list: &str| -> Option<Vec<String>> {
            let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(list.split(',').map(|value| value.trim().to_owned()).collect())
        };
        if let Some(list) = text.strip_prefix("notin") {
            values(list).map(Operator::NotIn)
        } else {
            values(text.strip_prefix("in")?).map(Operator::In)
        }
    }
}

/// A label as a number, where it is one.
fn number(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}

fn malformed(term: &str) -> Refusal {
    Refusal::bad_request(format!("unable to parse requirement: found '{term}', expected: key, operator and values"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selects(selector: &str, labels: &Value) -> bool {
        let metadata = json!({ "labels": labels });
        LabelSelector::parse(selector).unwrap().matches(&Labels::of(metadata.as_object().unwrap()))
    }

    #[test]
    fn every_operator_selects_what_it_says() {
        let labels = json!({"app": "web", "tier": "front"});
        for yes in
            ["", "app", "!gone", "app=web", "app==web", "app!=db", "gone!=x", "app in (db, web)", "gone notin (a)"]
        {
            assert!(selects(yes, &labels), "{yes}");
        }
        for no in ["gone", "!app", "app=db", "app!=web", "app in (db)", "app notin (web,db)", "app=web,tier=back"] {
            assert!(!selects(no, &labels), "{no}");
        }
        assert!(selects("app in (web,db),tier=front,!x", &labels));
        assert!(!LabelSelector::parse("app").unwrap().matches(&Labels::default()));
        assert!(selects("app=", &json!({"app": ""})));
        let numbered = json!({"n": "7"});
        assert!(selects("n>6", &numbered) && selects("n < 8", &numbered));
        assert!(!selects("n>7", &numbered) && !selects("n<7", &numbered) && !selects("app>1", &labels));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for bad in ["=a", "a,,b", "a>b", "a b", "a in b", "a in (b", "a = b c", "!", "a/b/c", "a=b=c"] {
            assert_eq!(LabelSelector::parse(bad).unwrap_err().code(), 400, "{bad}");
        }
    }
}
