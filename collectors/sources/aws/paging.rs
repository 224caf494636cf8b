//! Whether an answer, and a listing, has come to its end: what is not said is not taken for an end.

use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More pages than any account or organisation has: 5,000 users, or accounts at 20 a page, are AWS's own limits.
const PAGES_MAX: u32 = 500;

/// Where a listing stands.
#[derive(Default)]
pub(crate) struct Paging {
    /// Pages so far.
    pub(crate) pages: u32,
    /// Where the next page starts.
    pub(crate) marker: Option<String>,
    seen: HashSet<String>,
}

impl Paging {
    /// Takes note of one page; true if the source says that it was the last.
    pub(crate) fn last(&mut self, said: bool, truncated: bool, marker: Option<String>) -> Result<bool, String> {
        self.pages += 1;
        let page = self.pages;
        if !said {
            return Err(format!("page {page} does not say whether it is the last"));
        }
        if !truncated {
            return Ok(true);
        }
        let marker = marker.filter(|marker| !marker.is_empty());
        let marker = marker.ok_or_else(|| format!("page {page} is not the last and names no next one"))?;
        if !self.seen.insert(marker.clone()) {
            return Err(format!("page {page} leads back to a page read before"));
        }
        if page >= PAGES_MAX {
            return Err(format!("no last page after {page}"));
        }
        self.marker = Some(marker);
        Ok(false)
    }
}

/// Refuses an answer that is cut: the SDK is content when it has read the last element that it waits for.
#[derive(Debug, Clone)]
pub(crate) struct WholeAnswer;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() && !is_whole(body) {
            return Err("the answer is cut: its first element has no end".into());
        }
        Ok(())
    }
}

/// Whether the last thing said is the end of the first element.
fn is_whole(xml: &[u8]) -> bool {
    let text = String::from_utf8_lossy(xml);
    let text = text.trim();
    // `<?xml … ?>` comes before it.
    let root = text.strip_prefix("<?").and_then(|rest| rest.split_once("?>")).map_or(text, |(_, rest)| rest);
    let name = root.trim_start().strip_prefix('<').and_then(|rest| rest.split([' ', '>', '\n', '\t', '/']).next());
    name.is_some_and(|name| !name.is_empty() && text.ends_with(&format!("</{name}>")))
}

/// Hears whether an answer has `IsTruncated` at all: the SDK takes its absence for "false".
#[derive(Debug, Clone, Default)]
pub(crate) struct SaysWhetherTruncated(Arc<AtomicBool>);

impl SaysWhetherTruncated {
    /// Of the answer that it went with.
    pub(crate) fn heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for SaysWhetherTruncated {
    fn name(&self) -> &'static str {
        "SaysWhetherTruncated"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        const ELEMENT: &[u8] = b"<IsTruncated>";
        let body = context.response().body().bytes().unwrap_or_default();
        self.0.store(body.windows(ELEMENT.len()).any(|part| part == ELEMENT), Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_first_element_ends() {
        let whole = "<?xml version=\"1.0\"?>\n<AResponse xmlns=\"x\"><B>1</B></AResponse>\n";
        assert!(is_whole(whole.as_bytes()));
        for cut in 0..whole.len() - 1 {
            assert!(!is_whole(&whole.as_bytes()[..cut]), "cut at {cut}");
        }
        assert!(!is_whole(b"[]"));
    }

    #[test]
    fn a_listing_ends_only_where_the_source_says_so() {
        let marker = |text: &str| Some(text.to_owned());
        let mut paging = Paging::default();
        assert_eq!(paging.last(true, true, marker("a")), Ok(false));
        assert_eq!(paging.last(true, true, marker("b")), Ok(false));
        assert_eq!(paging.last(true, false, None), Ok(true));
        assert_eq!(paging.pages, 3);

        assert!(Paging::default().last(false, false, None).unwrap_err().contains("does not say"));
        assert!(Paging::default().last(true, true, None).unwrap_err().contains("no next"));
        assert!(Paging::default().last(true, true, marker("")).unwrap_err().contains("no next"));
        let mut loops = Paging::default();
        assert_eq!(loops.last(true, true, marker("a")), Ok(false));
        assert!(loops.last(true, true, marker("a")).unwrap_err().contains("leads back"));
        let mut endless = Paging::default();
        let end = (1..).find_map(|page| endless.last(true, true, marker(&page.to_string())).err());
        assert!(end.unwrap().contains("no last page"));
    }
}
