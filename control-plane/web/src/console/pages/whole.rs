//! A table whose rows are all here, as a file.

use control_plane_domain::list::Listed;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

/// The rows as a file, in their order.
pub(crate) async fn table<T, W>(
    visit: &Visit,
    file_name: &str,
    head: &[&str],
    rows: Vec<T>,
    write: W,
) -> Result<Answer, Trouble>
where
    T: Clone + Send + Sync + 'static,
    W: Fn(&T) -> csv::Row + Send + 'static,
{
    let fetch = move |_| {
        let items = rows.clone();
        async move { Ok(Listed { items, next: None }) }
    };
    csv::answer(visit, file_name, head, fetch, write).await
}
