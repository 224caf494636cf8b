//! Whether a policy denies a user everything without a second factor, which alone makes a factor count for
//! access keys. Here: what is attached to whom; `statement` is what a document says.

use super::statement::denies;
use aws_sdk_iam::types::{AttachedPolicy, GroupDetail, ManagedPolicyDetail, PolicyDetail, UserDetail};
use std::collections::HashMap;

/// What `iam:GetAccountAuthorizationDetails` says of users, groups and the account's own managed policies.
#[derive(Default)]
pub(super) struct Policies {
    users: HashMap<String, Holder>,
    groups: HashMap<String, Holder>,
    /// By ARN: whether the version in force denies.
    managed: HashMap<String, bool>,
}

/// A user or a group.
struct Holder {
    /// By a policy of its own.
    denied: bool,
    /// ARNs.
    attached: Vec<String>,
    groups: Vec<String>,
}

impl Policies {
    /// Takes note of a user. Permissions boundaries are no policies that are attached.
    pub(super) fn user(&mut self, user: UserDetail) -> Result<(), String> {
        let name = user.user_name.filter(|name| !name.is_empty()).ok_or("a user without a name")?;
        let held = holder(user.user_policy_list, user.attached_managed_policies, user.group_list)
            .map_err(|why| format!("user {name}: {why}"))?;
        once(&mut self.users, "user", name, held)
    }

    /// Takes note of a group.
    pub(super) fn group(&mut self, group: GroupDetail) -> Result<(), String> {
        let name = group.group_name.filter(|name| !name.is_empty()).ok_or("a group without a name")?;
        let held = holder(group.group_policy_list, group.attached_managed_policies, None)
            .map_err(|why| format!("group {name}: {why}"))?;
        once(&mut self.groups, "group", name, held)
    }

    /// Takes note of a managed policy, by its version in force.
    pub(super) fn managed(&mut self, policy: ManagedPolicyDetail) -> Result<(), String> {
        let arn = policy.arn.filter(|arn| !arn.is_empty()).ok_or("a policy without an ARN")?;
        let versions = policy.policy_version_list.unwrap_or_default();
        let mut in_force = versions.into_iter().filter(|version| version.is_default_version);
        let (Some(version), None) = (in_force.next(), in_force.next()) else {
            return Err(format!("policy {arn}: not one version is in force"));
        };
        if policy.default_version_id.is_none() || version.version_id != policy.default_version_id {
            return Err(format!("policy {arn}: another version is in force than the one marked so"));
        }
        let document = version.document.ok_or_else(|| format!("policy {arn}: no document"))?;
        once(&mut self.managed, "policy", arn, denies(&document))
    }

    /// Whether the user is denied everything without a factor; `None`: no such user. An error: what is
    /// attached to the user is not in the answer.
    pub(super) fn denied(&self, user: &str) -> Result<Option<bool>, String> {
        let Some(held) = self.users.get(user) else { return Ok(None) };
        let mut denied = self.denied_by(held)?;
        for group in &held.groups {
            let group = self.groups.get(group).ok_or_else(|| format!("group {group} is not in the answer"))?;
            denied |= self.denied_by(group)?;
        }
        Ok(Some(denied))
    }

    fn denied_by(&self, held: &Holder) -> Result<bool, String> {
        let mut denied = held.denied;
        for arn in held.attached.iter().filter(|arn| !is_aws_managed(arn)) {
            denied |= self.managed.get(arn).ok_or_else(|| format!("policy {arn} is not in the answer"))?;
        }
        Ok(denied)
    }
}

/// AWS's own policies are not asked for: none of them is about second factors.
fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

fn once<T>(all: &mut HashMap<String, T>, what: &str, name: String, held: T) -> Result<(), String> {
    match all.insert(name.clone(), held) {
        None => Ok(()),
        Some(_) => Err(format!("{what} {name} is there twice")),
    }
}

fn holder(
    inline: Option<Vec<PolicyDetail>>,
    attached: Option<Vec<AttachedPolicy>>,
    groups: Option<Vec<String>>,
) -> Result<Holder, String> {
    let mut denied = false;
    for policy in inline.unwrap_or_default() {
        denied |= denies(&policy.policy_document.ok_or("a policy without a document")?);
    }
    let attached = attached.unwrap_or_default().into_iter().map(|policy| policy.policy_arn);
    let attached = attached.collect::<Option<_>>().ok_or("an attached policy without an ARN")?;
    Ok(Holder { denied, attached, groups: groups.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::super::statement::tests::{deny, document};
    use super::*;
    use serde_json::{Value, json};

    fn policies(user: UserDetail) -> Policies {
        let mut all = Policies::default();
        all.user(user).unwrap();
        all
    }

    fn managed(arn: &str, versions: &[(&str, bool, &Value)]) -> ManagedPolicyDetail {
        let versions = versions.iter().map(|(id, in_force, statement)| {
            aws_sdk_iam::types::PolicyVersion::builder()
                .version_id(*id)
                .is_default_version(*in_force)
                .document(document(statement))
                .build()
        });
        let default = "v2";
        ManagedPolicyDetail::builder()
            .arn(arn)
            .default_version_id(default)
            .set_policy_version_list(Some(versions.collect()))
            .build()
    }

    #[test]
    fn a_policy_counts_where_it_is_attached_and_not_as_a_boundary() {
        const ARN: &str = "arn:aws:iam::111122223333:policy/need-mfa";
        let attached = || AttachedPolicy::builder().policy_arn(ARN).build();
        let aws = AttachedPolicy::builder().policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess").build();
        let user = || UserDetail::builder().user_name("ann").attached_managed_policies(aws.clone());
        let mut harmless = deny();
        harmless["Effect"] = json!("Allow");

        assert_eq!(policies(user().build()).denied("ann"), Ok(Some(false)));
        assert_eq!(policies(user().build()).denied("bob"), Ok(None));

        let inline = PolicyDetail::builder().policy_name("p").policy_document(document(&deny())).build();
        assert_eq!(policies(user().user_policy_list(inline.clone()).build()).denied("ann"), Ok(Some(true)));

        let mut direct = policies(user().attached_managed_policies(attached()).build());
        assert!(direct.denied("ann").unwrap_err().contains("not in the answer"));
        direct.managed(managed(ARN, &[("v1", false, &harmless), ("v2", true, &deny())])).unwrap();
        assert_eq!(direct.denied("ann"), Ok(Some(true)));

        let mut older = policies(user().attached_managed_policies(attached()).build());
        older.managed(managed(ARN, &[("v1", false, &deny()), ("v2", true, &harmless)])).unwrap();
        assert_eq!(older.denied("ann"), Ok(Some(false)), "a version that is no longer in force");

        let mut grouped = policies(user().group_list("staff").build());
        assert!(grouped.denied("ann").unwrap_err().contains("group staff"));
        grouped.group(GroupDetail::builder().group_name("staff").group_policy_list(inline).build()).unwrap();
        assert_eq!(grouped.denied("ann"), Ok(Some(true)));

        let boundary = aws_sdk_iam::types::AttachedPermissionsBoundary::builder().permissions_boundary_arn(ARN);
        let mut bounded = policies(user().permissions_boundary(boundary.build()).build());
        bounded.managed(managed(ARN, &[("v2", true, &deny())])).unwrap();
        assert_eq!(bounded.denied("ann"), Ok(Some(false)));
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_refused() {
        const ARN: &str = "arn:aws:iam::111122223333:policy/p";
        let mut all = policies(UserDetail::builder().user_name("ann").build());
        assert!(all.user(UserDetail::builder().user_name("ann").build()).unwrap_err().contains("twice"));
        assert!(all.user(UserDetail::builder().build()).is_err());
        assert!(all.group(GroupDetail::builder().build()).is_err());
        for versions in [
            &[("v1", true, &deny())][..],
            &[("v2", false, &deny())],
            &[("v2", true, &deny()), ("v3", true, &deny())],
            &[],
        ] {
            assert!(all.managed(managed(ARN, versions)).is_err(), "{versions:?}");
        }
    }
}
