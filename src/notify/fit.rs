//! What of a letter goes into one message of a service. Nothing is dropped: items that do not go in are counted,
//! and alerts that do not go in make another message.

use super::page::Page;

/// Items and steps of each alert, from all to none; the first ones are for several alerts together.
const LEVELS: [(usize, usize); 8] = [
    (usize::MAX, usize::MAX),
    (20, usize::MAX),
    (10, usize::MAX),
    (5, usize::MAX),
    (2, usize::MAX),
    (0, 20),
    (0, 3),
    (0, 0),
];

/// Alerts of a digest are rather divided than shown with fewer items.
const LEVELS_TOGETHER: usize = 4;

/// Messages made of the pages in their order, each with the number of pages that it holds. A single page is made
/// as short as it can be; pages are bounded, so that one always fits.
pub(super) fn fit<T>(pages: &[Page], make: &impl Fn(&[Page]) -> T, fits: &impl Fn(&T) -> bool) -> Vec<(usize, T)> {
    let levels = if pages.len() > 1 { &LEVELS[..LEVELS_TOGETHER] } else { &LEVELS[..] };
    for (at, level) in levels.iter().enumerate() {
        let made = make(&pages.iter().map(|page| page.shortened(*level)).collect::<Vec<_>>());
        if fits(&made) || (pages.len() == 1 && at + 1 == levels.len()) {
            return vec![(pages.len(), made)];
        }
    }
    let (first, rest) = pages.split_at(pages.len() / 2);
    let mut messages = if first.is_empty() { Vec::new() } else { fit(first, make, fits) };
    if !rest.is_empty() {
        messages.extend(fit(rest, make, fits));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::message::Message;
    use crate::notify::page::tests::message;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_dropped_whatever_goes_into_a_message(
            alerts in prop::collection::vec((0..60_usize, 0..9_u64, 0..9_usize), 1..40), room in 1..400_usize,
        ) {
            let item = message().items[0].clone();
            let page = |(items, more, steps): &(usize, u64, usize)| {
                let told = Message { items: vec![item.clone(); *items], more: *more, next: vec!["x".into(); *steps], ..message() };
                Page::of(0, &told)
            };
            let pages: Vec<Page> = alerts.iter().map(page).collect();
            let size = |pages: &Vec<Page>| pages.iter().map(|page| 1 + page.items.len() + page.next.len()).sum::<usize>();
            let messages = fit(&pages, &<[Page]>::to_vec, &|pages: &Vec<Page>| size(pages) <= room);
            let all: Vec<&Page> = messages.iter().flat_map(|(_, pages)| pages).collect();
            prop_assert_eq!(all.len(), pages.len());
            for (given, made) in pages.iter().zip(all) {
                prop_assert_eq!(made.items.len() as u64 + made.more, given.items.len() as u64 + given.more);
                prop_assert_eq!(made.next.len() + made.more_steps, given.next.len());
            }
            for (count, made) in &messages {
                prop_assert_eq!(*count, made.len());
                prop_assert!(size(made) <= room);
            }
        }
    }

    #[test]
    fn a_digest_that_fits_is_one_message() {
        let pages = vec![Page::of(0, &message()); 9];
        assert_eq!(fit(&pages, &<[Page]>::to_vec, &|_| true), [(9, pages)]);
    }
}
