//! Who asks, and which account a credential leads to.

use super::accounts::is_account_number;
use super::paging::WholeAnswer;
use super::refusal::error_of;
use crate::contract::CollectError;

/// Who asks, by `sts:GetCallerIdentity`.
pub(crate) struct Caller {
    /// The account that the credential leads to.
    pub(crate) account: String,
    /// The acting identity.
    pub(crate) arn: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub(crate) partition: String,
}

/// Asks. `what` names the account in errors: `account production`.
pub(crate) async fn caller(what: &str, config: &aws_config::SdkConfig) -> Result<Caller, CollectError> {
    let action = "sts:GetCallerIdentity";
    let malformed = |why: String| CollectError::Malformed { what: format!("{what}, {action}"), why };
    let client =
        aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(config).interceptor(WholeAnswer).build());
    // The SDK's futures are tens of kilobytes.
    let answer = Box::pin(client.get_caller_identity().send()).await.map_err(|error| error_of(what, action, &error))?;
    let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
        return Err(malformed("names no account or no caller".to_owned()));
    };
    let partition = arn.split(':').nth(1).unwrap_or_default().to_owned();
    let own = arn.split(':').nth(4) == Some(&account);
    if !is_account_number(&account) || !partition.starts_with("aws") || !own {
        return Err(malformed(format!("account `{account}`, caller `{arn}`")));
    }
    Ok(Caller { account, arn, partition })
}
