//! How long a bucket keeps files, by its lifecycle rules. A rule that is not understood is not passed over.

use crate::contract::Kept;
use crate::door::code;
use crate::sources::aws::xml::leaves;
use std::collections::BTreeMap;

/// Whether an answer says that there are no rules.
pub(super) fn none(body: &[u8]) -> bool {
    code(body).as_deref() == Some("NoSuchLifecycleConfiguration")
}

/// One rule, by what stands below it.
#[derive(Default)]
struct Rule {
    enabled: Option<bool>,
    /// Files whose names begin otherwise are not its business.
    prefix: Option<String>,
    /// Days after which files are deleted.
    days: Option<u32>,
    acts: bool,
}

/// The shortest time of the rules for what begins with `prefix`.
pub(super) fn kept(xml: &str, prefix: &str) -> Result<Kept, String> {
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    for leaf in leaves(xml) {
        let mut steps = leaf.path.trim_start_matches('/').splitn(3, '/');
        let (Some("LifecycleConfiguration"), Some(number), Some(field)) = (steps.next(), steps.next(), steps.next())
        else {
            continue;
        };
        if number.starts_with("Rule") {
            rules.entry(number.to_owned()).or_default().take(field, &leaf.text)?;
        }
    }
    if rules.is_empty() {
        return Err("no rule can be read".to_owned());
    }
    let mut least: Option<u32> = None;
    for (number, rule) in rules {
        let enabled = rule.enabled.ok_or_else(|| format!("{number} has no Status"))?;
        if !rule.acts {
            return Err(format!("{number} does nothing"));
        }
        // A rule for a part of it deletes of that part.
        let own = rule.prefix.as_deref().unwrap_or_default();
        if enabled && (prefix.starts_with(own) || own.starts_with(prefix)) {
            least = least.into_iter().chain(rule.days).min();
        }
    }
    Ok(least.map_or(Kept::Forever, Kept::Days))
}

impl Rule {
    fn take(&mut self, field: &str, text: &str) -> Result<(), String> {
        match field {
            "Status" => {
                self.enabled = Some(match text {
                    "Enabled" => true,
                    "Disabled" => false,
                    other => return Err(format!("Status {other:?}")),
                });
            }
            "Prefix" | "Filter/Prefix" | "Filter/And/Prefix" => self.prefix = Some(text.to_owned()),
            "Expiration/Days" => {
                self.acts = true;
                self.days = Some(text.parse().map_err(|_| format!("Days {text:?}"))?);
            }
            "Expiration/Date" => return Err(format!("it deletes everything on {text}")),
            _ => {
                let others = ["Expiration/", "Transition", "Noncurrent", "AbortIncompleteMultipartUpload"];
                self.acts |= others.iter().any(|other| field.starts_with(other));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_rule_that_may_delete_counts() {
        let rule = |prefix: &str, status: &str, days: &str| {
            format!(
                "<Rule><Filter><Prefix>{prefix}</Prefix></Filter><Status>{status}</Status><Expiration><Days>{days}</Days></Expiration></Rule>"
            )
        };
        let of = |rules: &[String]| {
            kept(&format!("<LifecycleConfiguration>{}</LifecycleConfiguration>", rules.concat()), "AWSLogs/")
        };
        assert_eq!(of(&[rule("", "Enabled", "400")]), Ok(Kept::Days(400)));
        assert_eq!(of(&[rule("", "Enabled", "400"), rule("AWSLogs/1111", "Enabled", "90")]), Ok(Kept::Days(90)));
        assert_eq!(of(&[rule("", "Enabled", "400"), rule("tmp/", "Enabled", "1")]), Ok(Kept::Days(400)));
        assert_eq!(of(&[rule("", "Disabled", "30")]), Ok(Kept::Forever));
        let moves =
            "<Rule><ID>x</ID><Status>Enabled</Status><Transition><Days>30</Days></Transition></Rule>".to_owned();
        assert_eq!(of(&[moves]), Ok(Kept::Forever));
        for broken in [
            rule("", "On", "400"),
            rule("", "Enabled", "many"),
            rule("", "Enabled", "400").replace("<Status>Enabled</Status>", ""),
            rule("", "Enabled", "400").replace("<Days>400</Days>", "<Date>2027-01-01</Date>"),
            "<Rule><Status>Enabled</Status></Rule>".to_owned(),
            String::new(),
        ] {
            assert!(of(std::slice::from_ref(&broken)).is_err(), "{broken}");
        }
    }
}
