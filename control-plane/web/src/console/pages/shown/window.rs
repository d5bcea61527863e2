//! A part of a list that is here in full: very long ones are shown piece by piece.

use askama::Template;

use crate::console::kit::{self, Html};
use crate::console::path::Href;

/// Rows that are shown at once.
pub(crate) const ROWS: usize = 200;

/// Which part of a list is shown.
#[derive(Template, Default)]
#[template(path = "part/window.html")]
pub(crate) struct Window {
    /// What the rows are, such as "checks".
    what: &'static str,
    /// The first row that is shown, from 1.
    from: usize,
    /// The last one.
    to: usize,
    /// Rows of the whole list.
    of: usize,
    earlier: Option<Href>,
    later: Option<Href>,
}

impl Window {
    /// The rows from `from` (counted from 1) on; `link` leads to the same page from another row on.
    pub(crate) fn of<T>(
        what: &'static str,
        mut rows: Vec<T>,
        from: Option<usize>,
        link: impl Fn(usize) -> Href,
    ) -> (Vec<T>, Self) {
        let of = rows.len();
        let skipped = skipped(from).min(of);
        let shown: Vec<T> = rows.drain(skipped..skipped.saturating_add(ROWS).min(of)).collect();
        let window = Self::over(what, (skipped, shown.len(), of), link);
        (shown, window)
    }

    /// So many rows that were read after the first `skipped`, of a list of `of`.
    pub(crate) fn over(
        what: &'static str,
        (skipped, rows, of): (usize, usize, usize),
        link: impl Fn(usize) -> Href,
    ) -> Self {
        let skipped = skipped.min(of);
        let to = skipped + rows;
        Self {
            what,
            from: (skipped + 1).min(to),
            to,
            of,
            earlier: (skipped > 0).then(|| link(skipped.saturating_sub(ROWS) + 1)),
            later: (to < of).then(|| link(to + 1)),
        }
    }

    /// Says which part it is, and leads to the others; nothing where everything is shown.
    pub(crate) fn html(&self) -> Html {
        kit::html(self)
    }
}

/// How many rows stand before a part that begins with row `from`, counted from 1.
pub(crate) fn skipped(from: Option<usize>) -> usize {
    from.unwrap_or(1).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::path;

    fn part(rows: usize, from: Option<usize>) -> (Vec<usize>, Window) {
        Window::of("checks", (0..rows).collect(), from, |from| path::runs().with("checks", from))
    }

    #[test]
    fn every_row_is_in_exactly_one_part() {
        let mut seen = Vec::new();
        let mut from = Some(1);
        while let Some(next) = from {
            let (rows, window) = part(450, Some(next));
            seen.extend(rows);
            from = window.later.is_some().then_some(window.to + 1);
        }
        assert_eq!(seen, (0..450).collect::<Vec<_>>());
    }

    #[test]
    fn short_lists_and_strange_places_are_fine() {
        let (rows, window) = part(3, None);
        assert_eq!((rows.len(), window.from, window.to), (3, 1, 3));
        assert!(window.earlier.is_none() && window.later.is_none());
        let (rows, window) = part(3, Some(usize::MAX));
        assert!(rows.is_empty() && window.earlier.is_some() && window.later.is_none());
        assert!(part(0, Some(0)).0.is_empty());
    }

    #[test]
    fn a_part_that_was_read_alone_says_the_same() {
        for (rows, from) in
            [(450, None), (450, Some(201)), (450, Some(401)), (3, None), (3, Some(usize::MAX)), (0, None)]
        {
            let (shown, whole) = part(rows, from);
            let window =
                Window::over("checks", (skipped(from), shown.len(), rows), |from| path::runs().with("checks", from));
            assert_eq!(window.html().to_string(), whole.html().to_string(), "{rows} from {from:?}");
        }
    }
}
