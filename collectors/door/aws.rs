//! The plug for the AWS SDK.
use serde::{Deserialize, Serialize};

/// How to reach one AWS account. Empty: the SDK's usual chain (environment, container, instance).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AwsAccount {
    /// A profile of the shared configuration files.
    pub profile: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// External id for the role.
    pub external_id: Option<String>,
    /// Region for signing; IAM is global, `us-east-1` if absent.
    pub region: Option<String>,
    /// Another endpoint than AWS's own; the SDK's variables (`AWS_ENDPOINT_URL`) count as well.
    pub endpoint_url: Option<String>,
}
